"""Hostile recipes, settings, searches and command lines: each ends with one line that names what to remedy, and soon.

Cases are drawn by seed; ``CKSEQ_FAULTS=2000`` draws as many.
"""

import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_runs import write_made_run
from rich.table import Table

from ckseq.cli import main as module
from ckseq.cli.common import Jobs
from ckseq.config import read_toml, toml_text, with_settings
from ckseq.console import Console, printable
from ckseq.errors import CallError, CkseqError
from ckseq.storage.files import csv_text, read_csv
from ckseq.storage.run_record import RUN

CASES = int(os.environ.get("CKSEQ_FAULTS", "120"))
# of a processor for any one call, whatever it is given; the first imports much
SECONDS = 20.0
CHECKOUT = Path(__file__).parents[2]
PIPELINES = sorted((CHECKOUT / "pipelines").glob("*.toml"))
EXPERIMENTS = sorted(path for path in (CHECKOUT / "experiments").glob("*.toml") if "search_" not in path.name)
SEARCHES = sorted((CHECKOUT / "experiments").glob("search_*.toml"))
VALUES = [
    "9" * 5000, "-" + "9" * 5000, "0x" + "f" * 4000, "9223372036854775808", "1" + "0" * 30, "0", "-1", "1000000",
    "inf", "-inf", "nan", "1e400", "1e308", "-0.0", "5e-324",
    "2024-01-01", "12:30:00", "2024-01-01T00:00:00Z", "9999-99-99", "25:61:61",
    "[" * 5000 + "]" * 5000, "[" * 30 + "1" + "]" * 30, "{a = " * 3000 + "1" + "}" * 3000, "{" * 20,
    '""', '"\\u001b[31mred\\u0007"', '"\\u202egnp.exe"', '"' + "a" * 100_000 + '"',
    '"../../../etc/passwd"', '"/dev/zero"',
    '"a\\u0000b"', "[]", "[1, 'a', 2024-01-01]", "{}", "{kind = 3}", "{kind = 'gru'}", "true", "'''", "=",
    "\x00", "\udcff",
]  # fmt: skip


def settings_of(generator):
    section = generator.choice(
        ["motion", "faces", "model", "training", "protocol", "search", "space", "a." * 40, "", "kind", "set"]
    )
    key = generator.choice(
        ["threshold", "kind", "side_px", "filters", "epochs", "folds", "trials", "", "x" * 5000, "\x1b"]
    )
    return f"{section}.{key}={generator.choice(VALUES)}"


def mutated(generator, text):
    """A recipe with one to four faults."""
    lines = text.splitlines()
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(lines) or 1)
        line = lines[place] if lines else ""
        kind = generator.randrange(8)
        if kind <= 2 and "=" in line:
            lines[place] = f"{line.partition('=')[0]} = {generator.choice(VALUES)}"
        elif kind == 3:
            lines[place:place] = [
                f"{generator.choice(['x', 'kind', 'extends', 'set', 'space'])} = {generator.choice(VALUES)}"
            ]
        elif kind == 4:
            lines[place:place] = [line]
        elif kind == 5:
            lines[place:place] = [
                "[" + generator.choice(["model", "motion", "space", "set", "a.b.c", "[x]", "x" * 3000]) + "]"
            ]
        elif kind == 6:
            lines[place] = line[: generator.randrange(len(line) + 1)]
        else:
            lines[place] = re.sub(r"\d+", lambda _: generator.choice(["0", "-3", "99999999999999999999", "0.5"]), line)
    return "\n".join(lines).encode(errors="surrogateescape")


def call(words, monkeypatch, capsys):
    """Call the command line in this process; return its exit status and what it wrote."""
    monkeypatch.setattr(sys, "argv", ["ckseq", *words])
    start = time.process_time()
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert time.process_time() - start < SECONDS, words
    return ended.value.code, capsys.readouterr()


def check(words, monkeypatch, capsys):
    status, written = call(words, monkeypatch, capsys)
    shown = [word[:200] for word in words]
    assert status in (0, 1, 2), shown
    assert "internal error" not in written.err, (shown, written.err)
    assert "Traceback" not in written.err, shown
    assert len(written.err) < 20_000, shown
    assert sum(line.startswith(("ckseq:", "Error:")) for line in written.err.splitlines()) == (status != 0), (
        shown,
        written.err,
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", written.err + written.out), (shown, written.err)
    return status, written


@pytest.mark.parametrize("kind", ["pipelines", "experiments", "searches"])
def test_no_recipe_is_a_defect(kind, tmp_path, monkeypatch, capsys):
    generator = random.Random(f"recipes {kind}")
    (tmp_path / "data").mkdir()
    shipped = {"pipelines": PIPELINES, "experiments": EXPERIMENTS, "searches": SEARCHES}[kind]
    path = tmp_path / "mine.toml"
    for _ in range(CASES):
        path.write_bytes(mutated(generator, generator.choice(shipped).read_text()))
        words = {
            "pipelines": [
                "preprocess",
                str(tmp_path / "data"),
                "--pipeline",
                str(path),
                "--out",
                str(tmp_path / "s.h5"),
            ],
            "experiments": ["config", str(path)],
            "searches": ["tune", str(tmp_path / "data"), "--search", str(path), "--out", str(tmp_path / "out")],
        }[kind]
        check(words, monkeypatch, capsys)


def test_no_setting_is_a_defect(tmp_path, monkeypatch, capsys):
    generator = random.Random("settings")
    (tmp_path / "data").mkdir()
    for _ in range(CASES):
        chosen = [word for _ in range(generator.randint(1, 3)) for word in ("--set", settings_of(generator))]
        words = generator.choice([
            ["config", generator.choice([*PIPELINES, *EXPERIMENTS]).stem],
            ["synth", str(tmp_path / "data" / "none" / "\x00"), "--subjects", "1"],
            ["tune", str(tmp_path / "data"), "--search", "sequences"],
        ])  # fmt: skip
        if words[0] == "synth":
            words[1] = str(PIPELINES[0])  # a file: nothing is drawn
        check([*words, *chosen], monkeypatch, capsys)


def test_no_command_line_is_a_defect(tmp_path, monkeypatch, capsys):
    generator = random.Random("commands")
    monkeypatch.chdir(tmp_path)
    run = write_made_run(tmp_path / "run", history=False, examples=False) and str(tmp_path / "run")
    (tmp_path / "run" / "predictions.csv").unlink()  # a report takes longer than all else
    Path("store.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(200))
    Path("empty").write_bytes(b"")
    Path("list.json").write_text("[" * 10_000)
    Path("folder").mkdir()
    paths = [
        ".", "..", "/", "", "folder", "empty", "store.h5", "list.json", run, "none", "a" * 300, "/dev/null", "\x1b[31m",
        "/proc/self/mem", "folder/../folder", "-", "~", "\udcff",
    ]  # fmt: skip
    commands = [
        ["preprocess", 1, "--out"], ["inspect", 1], ["audit", 1], ["runs", 1], ["protocol", "verify", 2],
        ["protocol", "export", 1, "--out"], ["compare", 2], ["rank", 3], ["report", 1], ["config", 1],
        ["train", 1, "--experiment", "motion", "--out"], ["crossval", 1, "--experiment", "motion", "--out"],
        ["tune", "best", 1, "--out"], ["tune", "page", 1, "--out"], ["record", "forget", 1, "--yes", "--data"],
        ["reproduce", 1], ["synth", 1, "--subjects"], ["export", 1, "--format"], ["strictness", 1, "--out"],
    ]  # fmt: skip
    odd = ["--jobs", "--seed", "--seeds", "--sort", "--only", "--error-rate", "--fps", "--storage", "--study", "--port"]
    numbers = ["0", "-1", "-2", "100000", "9" * 5000, "nan", "inf", "1e9", "", "x", "٣", "\x1b[2J", "../../evil"]
    for _ in range(CASES):
        words = []
        for word in generator.choice(commands):
            words += [word] if isinstance(word, str) else generator.choices(paths, k=word)
        if words[-1] in ("--out", "--data", "--subjects", "--format"):
            words.append(generator.choice([*paths[4:], *numbers]) if words[-1] != "--data" else "folder")
        if generator.random() < 0.4:
            words += [generator.choice(odd), generator.choice(numbers)]
        check(words, monkeypatch, capsys)
    assert not list(tmp_path.parent.glob("evil*"))


@pytest.mark.parametrize("jobs", ["0", "-2", "100000", "1" * 5000, "1.5"])
def test_a_number_of_processes_out_of_bounds_is_refused(tmp_path, monkeypatch, capsys, jobs):
    status, written = check(["preprocess", str(tmp_path), "--out", "s.h5", "--jobs", jobs], monkeypatch, capsys)
    assert status == 2
    assert "--jobs" in written.err
    assert [Jobs().convert(text, None, None) for text in ("-1", "1", "4")] == [-1, 1, 4]


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        (f"model.filters={'9' * 5000}", "4300 digits"),
        (f"model.filters=0x{'f' * 40}", "more than 64 bits"),
        ("model.filters=1000000", "less than or equal to 4096"),
        ("model.filters=2024-01-01", "is a date, which no field is"),
        ("training.learning_rate=nan", "nan is not a finite number"),
        ("training.learning_rate=1e999", "inf is not a finite number"),
        (f"model.filters={'[' * 20}1{']' * 20}", "nested more than 16 deep"),
        (f"{'a.' * 20}b=1", "nested more than 16 deep"),
        (f"model.filters={'[' * 5000}", "cannot be read"),
    ],
)
def test_values_that_no_field_has_are_refused_by_name(monkeypatch, capsys, setting, says):
    status, written = check(["config", "paper_phase4", "--set", setting], monkeypatch, capsys)
    assert status == 2
    assert says in written.err


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "not enough memory"),
        (RecursionError(), "nested too deeply"),
        (OSError(28, "No space left"), "disk"),
    ],
)
def test_what_the_machine_lacks_is_not_a_defect(monkeypatch, capsys, error, says):
    def fail(**_):
        raise error

    monkeypatch.setattr("ckseq.tasks.config.config", fail)
    status, written = check(["config"], monkeypatch, capsys)
    assert (status, says in written.err) == (1, True)


def test_the_root_of_the_disk_is_no_target_and_here_is_a_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, written = check(["preprocess", ".", "--out", "/"], monkeypatch, capsys)
    assert status == 2
    assert "is the root of the disk" in written.err
    status, written = check(["preprocess", ".", "--out", "."], monkeypatch, capsys)
    assert status == 2
    assert "is a folder, and a store is a file; name a file in it, such as " in written.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", ["train", "crossval", "strictness", "baselines"])
def test_an_experiment_that_is_not_named_is_default(monkeypatch, capsys, command):
    called = {}
    monkeypatch.setattr(f"ckseq.tasks.{command}.{command}", lambda **values: called.update(values) or {})
    more = ["--no-report"] if command == "crossval" else []
    status, _ = check([command, "s.h5", "--out", "run", *more], monkeypatch, capsys)
    assert (status, called["experiment"]) == (0, "default")


def test_an_experiment_of_images_is_asked_for(monkeypatch, capsys):
    status, written = check(["augment-preview", "s.h5", "--out", "run"], monkeypatch, capsys)
    assert (status, "Missing option '--experiment'" in written.err) == (2, True)


def test_one_bad_run_does_not_hide_the_others(tmp_path, monkeypatch, capsys):
    generator = random.Random("runs")
    write_made_run(tmp_path / "good", history=False, examples=False)
    text = (tmp_path / "good" / RUN).read_text()
    tree = json.loads(text) | {"schema": 1}
    for number in range(40):
        bad = tmp_path / f"bad{number}"
        bad.mkdir()
        key = generator.choice(list(tree))
        value = generator.choice([None, 3, "x", [], {}, [[[]]], 10**400, -1, {"a": {}}, float("nan")])
        if generator.random() < 0.3:
            (bad / RUN).write_text(text[: generator.randrange(len(text))])
        else:
            (bad / RUN).write_text(json.dumps(tree | {key: value}))
    _, written = check(["runs", str(tmp_path), "--json"], monkeypatch, capsys)
    listed = json.loads(written.out)
    assert any(one["run"].endswith("good") for one in listed["runs"])
    assert len(listed["unreadable"]) > 10


def test_names_do_not_command_the_terminal(capsys):
    name = "S001\x1b[2J\x1b]0;evil\x07\r\x9b31m\u202eevil"
    console, table = Console(), Table(f"a {name}")
    table.add_row(name)
    console.say(name)
    console.say(table)
    console.heading(name)
    console.warn(name)
    with console.progress(name, 1) as bar:
        bar.advance(text=name)
    written = capsys.readouterr()
    assert "\\x1b[2J" in written.out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", written.out + written.err)
    assert printable("a\tb\nc é 😀") == "a\tb\nc é 😀"


def test_a_reader_that_closes_the_output_is_no_failure():
    for words in (["config"], ["config", "--json"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "ckseq", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        process.stdout.close()
        assert process.stderr.read() == b""
        process.wait()


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
FORMULAS = st.builds(
    str.__add__, st.sampled_from(["=", "+", "-", "@", "\t", "\r", "\n", "'", "''=", "'@", "-1", "+2"]), TEXT
)


@settings(deadline=None)
@given(st.lists(st.tuples(TEXT | FORMULAS, st.integers(), st.floats(allow_nan=False), TEXT | FORMULAS), max_size=5))
def test_tables_are_read_as_they_were_written_and_hold_no_formula(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("table") / "t.csv"
    header = ("a", "b", "=c", "d")
    text = csv_text(header, rows)
    path.write_bytes(text.encode())
    found, cells = read_csv(path, missing="")
    assert tuple(found) == header
    assert [tuple(row) for _, row in cells] == [(a, str(b), str(c), d) for a, b, c, d in rows]
    for line, (a, b, c, d) in zip(cells, rows, strict=True):
        assert (int(line[1][1]), float(line[1][2])) == (b, c)
        for cell in (a, d):
            alone = csv_text(["x"], [[cell]]).partition("\n")[2].lstrip('"')
            assert not re.match(r"[=@\t\r]|[+-](?![\d.infaty_]+)", alone, re.IGNORECASE)


TOML = st.recursive(
    st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(TEXT, TOML, max_size=4))
def test_a_recipe_that_can_be_written_can_be_read(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("recipe") / "r.toml"
    path.write_text(toml_text(tree), encoding="utf-8")
    assert read_toml(path) == tree
    assert with_settings(tree, []) == tree


@settings(deadline=None)
@given(
    st.binary(max_size=60)
    | TEXT.map(str.encode)
    | st.sampled_from(VALUES).map(lambda v: f"a = {v}".encode(errors="replace"))
)
def test_any_file_is_a_recipe_or_refused_in_one_line(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("recipe") / "r.toml"
    path.write_bytes(data)
    try:
        json.dumps(read_toml(path), allow_nan=False).encode()
    except CkseqError as error:
        if path.name not in str(error):
            raise


@settings(deadline=None)
@given(
    st.lists(
        st.text(max_size=30) | st.builds("{}.{}={}".format, TEXT, TEXT, TEXT | st.sampled_from(VALUES)), max_size=3
    )
)
def test_any_setting_is_read_or_refused(given_settings):
    try:
        json.dumps(with_settings({"motion": {"threshold": 1}}, given_settings), allow_nan=False).encode()
    except CallError as error:
        if "--set" not in str(error):
            raise


def test_no_setting_can_bring_another_along():
    assert with_settings({}, ["a.b=1\nc = 2"]) == {"a": {"b": "1\nc = 2"}}
    with pytest.raises(CallError, match="is a date, which no field is"):
        with_settings({}, ["a=2024-01-01"])
