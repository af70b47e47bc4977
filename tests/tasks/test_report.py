import json
import subprocess
import sys

import pytest
from made_runs import made_predictions, write_made_run

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.storage.examples import write_examples
from ckseq.tasks.report import report

DERIVED = {
    "accuracy.png",
    "answers.png",
    "classes.png",
    "classification_report.json",
    "classification_report.txt",
    "confusion_matrix.csv",
    "confusion_matrix.png",
    "facs.json",
    "figures.json",
    "loss.png",
    "mistakes.png",
    *(f"paper/{name}" for name in ("methods.txt", "methods.tex", "references.bib", "tables.tex")),
    *(f"paper/{name}.csv" for name in ("metrics", "classes", "confusion")),
    "reliability.png",
    "report.html",
    "sequences.png",
}
KEPT = {"run.json", "history.csv", "predictions.csv", "examples", "crops.npz"}


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A run with its report, and what was returned."""
    folder = write_made_run(tmp_path_factory.mktemp("reported") / "run")
    return folder, report(folder, faces=True, console=Console(quiet=True))


def test_everything_is_derived_again_with_the_same_bytes(reported, console):
    folder, written = reported
    assert {path.name for path in folder.iterdir()} == {name.partition("/")[0] for name in DERIVED} | KEPT
    assert set(written["files"]) == DERIVED
    first = {name: (folder / name).read_bytes() for name in DERIVED}
    for name in DERIVED:
        (folder / name).unlink()
    assert report(folder, faces=True, console=console) == written
    assert {name: (folder / name).read_bytes() for name in DERIVED} == first


def test_the_headline_figures(reported):
    folder, result = reported
    assert (result["n_test"], result["n_correct"], result["accuracy"]) == (42, 37, 37 / 42)
    assert [round(end, 2) for end in result["accuracy_interval"]] == [0.75, 0.95]
    assert json.loads(json.dumps(result)) == result
    saved = json.loads((folder / "classification_report.json").read_text())
    assert saved["macro_f1"] == result["macro_f1"]


def test_what_a_person_reads(tmp_path, capsys):
    told = {"shared_subjects": 1, "sentence": "3 of 42 test sequences show a person who is also in training"}
    folder = write_made_run(tmp_path / "run", protocol=told, notes=["the data are synthetic"])
    report(folder, faces=True, console=Console())
    out, err = capsys.readouterr()
    assert "Accuracy 0.88 (95 % interval 0.75 to 0.95, Wilson): 37 of 42 test sequences" in out
    assert "the data are synthetic" in out
    assert str(folder / "report.html") in out
    assert [line.split() for line in out.splitlines() if line.split()[:1] == ["surprise"]] == [
        ["surprise", "0", "0", "2", "9", "0.82"]
    ]
    assert "3 of 42 test sequences show a person" in err


def test_a_name_with_brackets_is_no_markup(tmp_path, capsys):
    predictions = made_predictions(("[red]", "[/x]"), [("[red]", "[/x]", 2), ("[/x]", "[/x]", 2)])
    report(write_made_run(tmp_path / "run", predictions), faces=True, console=Console())
    assert "[/x]" in capsys.readouterr().out


def test_faces_can_be_left_out(tmp_path, console):
    folder = write_made_run(tmp_path / "run")
    report(folder, faces=True, console=console)
    shown = (folder / "sequences.png").read_bytes()
    hidden = report(folder, faces=False, console=console)
    assert (folder / "sequences.png").read_bytes() != shown
    assert "mistakes.png" not in hidden["files"]
    assert not (folder / "mistakes.png").exists()  # nor the one of before
    assert "Face images" not in (folder / "report.html").read_text()


def test_a_model_without_history_and_a_run_without_examples(tmp_path, console):
    folder = write_made_run(tmp_path / "run", history=False, examples=False, crops=False)
    assert set(report(folder, faces=True, console=console)["files"]) == DERIVED - {
        "accuracy.png",
        "loss.png",
        "mistakes.png",
        "sequences.png",
    }


def test_a_class_never_predicted_is_no_failure(tmp_path, console):
    predictions = made_predictions(("a", "b", "c"), [("a", "a", 3), ("b", "a", 2)])
    result = report(write_made_run(tmp_path / "run", predictions), faces=True, console=console)
    assert result["accuracy"] == 0.6


def test_no_run(tmp_path, console):
    with pytest.raises(DataError, match="there is no such folder"):
        report(tmp_path / "nowhere", faces=True, console=console)
    with pytest.raises(DataError, match="is not a run"):
        report(tmp_path, faces=True, console=console)


def test_an_interrupted_run_says_how_to_go_on(tmp_path, console):
    folder = write_made_run(tmp_path / "run", state="interrupted", epochs_done=3)
    (folder / "predictions.csv").unlink()
    with pytest.raises(DataError, match=r"no predictions yet; resume it with: ckseq train .* --seed 1 --resume"):
        report(folder, faces=True, console=console)


def cut(name, lines):
    def spoil(folder):
        path = folder / name
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))

    return spoil


def shorten(name):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-20])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shorten("run.json"), r"run\.json: is cut short or not JSON"),
        (lambda folder: (folder / "run.json").write_text('{"schema": 9}'), "written by a newer ckseq"),
        (lambda folder: (folder / "run.json").write_text('{"schema": 0}'), "names no schema"),
        (shorten("predictions.csv"), r"predictions\.csv: is cut short"),
        (cut("predictions.csv", 30), r"predictions\.csv: is incomplete: 13 test recordings are missing"),
        (cut("predictions.csv", 1), r"predictions\.csv: is incomplete: 42 test recordings are missing"),
        (cut("predictions.csv", 0), r"predictions\.csv: is cut short"),
        (shorten("history.csv"), r"history\.csv: is cut short"),
        (shorten("examples/S000_001.npz"), r"S000_001\.npz: is cut short"),
        (shorten("crops.npz"), r"crops\.npz: is cut short"),
    ],
)
def test_a_broken_run_is_one_clear_line_and_nothing_is_written(tmp_path, console, spoil, message):
    folder = write_made_run(tmp_path / "run")
    spoil(folder)
    with pytest.raises(DataError, match=message) as caught:
        report(folder, faces=True, console=console)
    assert "\n" not in str(caught.value)
    assert caught.value.fix
    assert {path.name for path in folder.iterdir()} == KEPT


@pytest.mark.slow
def test_a_report_needs_neither_tensorflow_nor_dlib():
    code = "import sys, ckseq.tasks.report; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"tensorflow", "keras", "dlib", "h5py", "sklearn", "matplotlib.pyplot"}


def test_examples_and_predictions_may_differ_in_classes(tmp_path, console):
    folder = write_made_run(tmp_path / "run", examples=False)
    write_examples(folder, [])
    assert "sequences.png" not in report(folder, faces=True, console=console)["files"]


@pytest.mark.parametrize(
    ("n_subjects", "hits", "outcome", "as_good"),
    [(2, "1" * 42, "cannot_tell", []), (9, "1" * 42, "as_good", ["sequence length"]), (9, "0" * 42, "better", [])],
)
def test_page_console_and_json_agree_on_the_baselines(tmp_path, capsys, n_subjects, hits, outcome, as_good):
    once = made_predictions()
    rows = tuple(row._replace(subject=f"S{number % n_subjects:03d}") for number, row in enumerate(once.rows))
    n = hits.count("1")
    rules = [
        {"name": "class prior", "accuracy": 0.0, "p_value": None, "hits": "0" * 42},
        {"name": "sequence length", "accuracy": n / 42, "p_value": 0.5, "n_correct": n, "hits": hits},
    ]
    folder = write_made_run(tmp_path / "run", type(once)(once.labels, rows), leakage={"rules": rules})
    result = report(folder, faces=False, console=Console())
    assert (result["against_baselines"], result["as_good_baselines"]) == (outcome, as_good)
    said = capsys.readouterr()
    # it is better than the class prior where that can be told at all
    assert (result["facs"]["no_label_doubts"] == "") is (outcome != "cannot_tell")
    assert result["facs"]["label_doubts"] == [] or outcome != "cannot_tell"
    assert ("Not looked for" in (folder / "report.html").read_text()) is (outcome == "cannot_tell")
    assert (result["nothing_yet"] == "") is (outcome == "better")
    assert result["nothing_yet"].partition(":")[0] in " ".join((said.out + said.err).split())
    assert result["nothing_yet"].partition(":")[0] in (folder / "report.html").read_text()
