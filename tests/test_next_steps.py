"""Every command ends in the one that follows it, and that can be called."""

import shlex
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from ckseq.cli import main, next_steps  # noqa: F401  (importing main adds all commands)
from ckseq.cli.common import cli
from ckseq.cli.next_steps import FINAL, next_line, next_step
from ckseq.storage import run_record

OUT = Path("some folder")
KIND = "protocol.kind=leave_one_subject_out"


@pytest.fixture(autouse=True)
def enough_people(monkeypatch):
    """The stores here do not exist: whatever is set is said to divide them."""
    monkeypatch.setattr("ckseq.experiment.possible_folds.settings_for_folds", lambda *call: list(call[2]))


def commands(group=cli, prefix=""):
    for name, one in group.commands.items():
        if isinstance(one, click.Group):
            yield from commands(one, f"{name} ")
        else:
            yield f"{prefix}{name}", one


COMMANDS = dict(commands())
RESULT = {
    "run": "r", "script": "m_onnx.py", "study": "s", "experiment": "s_best.toml",
    "verdict": {"enough_for": ["default", "live"]},
    "runs": [{"run": name, "digest": digest, "state": "complete"} for name, digest in (("a", 1), ("b", 2), ("c", 2))],
}  # fmt: skip


def values_of(command, **changes):
    """Return what a command is called with where only what is required is given."""
    values = {one.name: OUT if one.required else one.default for one in command.params}
    values = {name: None if str(value).startswith("Sentinel") else value for name, value in values.items()}
    return {**values, **({"inputs": ("a.mp4", "b c.mp4")} if "inputs" in values else {}), **changes}


def test_every_command_has_a_next_one_or_is_the_last():
    assert set(next_steps._NEXT) | set(FINAL) == set(COMMANDS)
    assert not set(next_steps._NEXT) & set(FINAL)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in FINAL])
def test_the_next_command_can_be_called(name):
    values = values_of(COMMANDS[name])
    step = next_step(name, values, RESULT)
    program, *words = shlex.split(step)
    if program == "python":
        assert words == ["m_onnx.py", "VIDEO"]
        return
    assert program == "ckseq"
    following = " ".join(words[:2]) if " ".join(words[:2]) in COMMANDS else words[0]
    if following == "tune":
        following = "tune run"
    command = COMMANDS[following]
    command.make_context(following, words[len(following.split()) :])  # refuses options and missing arguments


def test_the_experiment_is_named_where_it_is_not_the_default():
    values = values_of(COMMANDS["preprocess"], out=Path("d/ck.h5"))
    assert next_step("preprocess", values, {}) == "ckseq crossval d/ck.h5 --out d/ck_cv"
    step = next_step("preprocess", {**values, "pipeline": "live"}, {})
    assert step == "ckseq crossval d/ck.h5 --experiment live --out d/ck_cv"
    assert next_step("preprocess", {**values, "pipeline": "own.toml"}, {}) == "ckseq audit d/ck.h5"


@pytest.mark.parametrize(("input", "length", "asked"), [("crops", 1, "PHOTO"), ("projections", 24, "VIDEO")])
def test_a_model_of_single_images_is_given_a_photo(monkeypatch, input, length, asked):
    values = {"input": input, "sequence.length_frames": length}
    monkeypatch.setattr(run_record, "read_run", lambda _: SimpleNamespace(value=values.get))
    assert next_step("experiment", {}, {"run": "r"}) == f"ckseq predict r {asked}"


def test_steps_depend_on_what_there_is(tmp_path):
    crossval = {"store": "ck.h5", "experiment": "action_units", "out": "aus"}
    assert next_step("crossval", crossval, {"mean_auc": 0.9}) == "ckseq report EMOTIONS_RUN --units aus"
    assert next_step("crossval", crossval, {}) == (
        "ckseq baselines ck.h5 --experiment action_units --out aus_baselines"
    )
    assert next_step("report", {"run": tmp_path}, {}) == f"ckseq compare {tmp_path} ANOTHER_RUN"
    (tmp_path / "model.keras").touch()
    assert next_step("report", {"run": tmp_path}, {}) == f"ckseq predict {tmp_path} VIDEO"
    assert next_step("runs", {}, RESULT) == "ckseq compare b c"
    assert next_step("runs", {}, {"runs": []}) is None
    assert next_step("inspect", {"data": "d"}, {"verdict": {"enough_for": []}}) is None
    found = {"source": "fer2013", "verdict": {"enough_for": ["color_faces", "fer2013_adversarial", "fer2013_small"]}}
    assert next_step("inspect", {"data": "d"}, found) == "ckseq experiment fer2013_small --data d --out RESULT"
    predict = values_of(COMMANDS["predict"], run="r")
    assert next_step("predict", predict, {"failed": {"clips": "no frames"}, "predictions": []}) is None
    assert next_step("predict", predict, {}) == "ckseq predict r a.mp4 'b c.mp4' --out RESULTS --draw"
    assert next_step("predict", {**predict, "out": "o"}, {}) == "ckseq live r"
    assert next_step("export", {}, {"script": None}) is None


@pytest.mark.parametrize(
    ("name", "changes", "step"),
    [
        (
            "crossval",
            {"store": "ck.h5", "out": "cv", "settings": (KIND, "classes=[]"), "seeds": 3, "seed": 7},
            f"ckseq baselines ck.h5 --out cv_baselines --seeds 3 --set {KIND} --set 'classes=[]' --set seed=7",
        ),
        ("audit", {"store": "ck.h5", "settings": (KIND,)}, f"ckseq crossval ck.h5 --out RUN --set {KIND}"),
        (
            "augment-preview",
            {"store": "s.h5", "experiment": "small_stills", "settings": ("seed=2",)},
            "ckseq train s.h5 --experiment small_stills --out RUN --set seed=2",
        ),
        (
            "protocol verify",
            {"file": "folds.json", "store": "ck.h5"},
            "ckseq crossval ck.h5 --out RUN --set protocol.kind=from_file --set protocol.file=folds.json",
        ),
        ("tune page", {"study": "s", "storage": "sqlite:///a.db"}, "ckseq tune best s --storage sqlite:///a.db --out "),
        (
            "tune run",
            {"data": "d", "source": "manifest", "storage": "a.log"},
            "ckseq tune best s --storage a.log --data d --source manifest --out ",
        ),
        ("preprocess", {"out": Path("ck.h5"), "on": "dask:local"}, "ckseq crossval ck.h5 --out ck_cv --on dask:local"),
        ("tune best", {"data": "d", "source": "manifest"}, "ckseq experiment s_best.toml --data d --source manifest"),
        (
            "inspect",
            {"data": "d", "source": "ckplus"},
            "ckseq experiment default --data d --source ckplus --out",
        ),
        (
            "predict",
            {"run": "r", "settings": ("timeline.window_s=2",), "read_as": "timeline", "neutral": "n.mp4"},
            "ckseq predict r a.mp4 'b c.mp4' --neutral n.mp4 --set timeline.window_s=2 --as timeline --out RESULTS",
        ),
    ],
)
def test_what_was_set_is_kept(name, changes, step):
    result = {one: value for one, value in RESULT.items() if (name, one) != ("tune best", "run")}
    assert next_step(name, values_of(COMMANDS[name], **changes), result).startswith(step)


def test_the_plug_ins_that_were_executed_are_named_where_they_are_needed(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    files = {"models": [SimpleNamespace(kind=str(tmp_path / "own model.py"), package="")], "detectors": []}
    files["detectors"] = [SimpleNamespace(kind="installed", package="faces")]  # found by itself
    monkeypatch.setattr("ckseq.plugins.all_admitted", files.get)
    assert next_step("experiment", {}, {"run": "r"}) == "ckseq predict r VIDEO --plugin 'own model.py'"
    predict = values_of(COMMANDS["predict"], run="r", out="o", error_rate=0.2)
    assert next_step("predict", predict, {}) == "ckseq live r --error-rate 0.2 --plugin 'own model.py'"
    assert "--plugin" not in next_step("train", {"out": "r"}, {})
    taking = [name for name, one in COMMANDS.items() if any("--plugin" in option.opts for option in one.params)]
    assert {*next_steps.TAKE_PLUGINS, "tune best"} == set(taking)


def test_nothing_is_recommended_that_the_people_are_too_few_for(monkeypatch):
    monkeypatch.setattr("ckseq.experiment.possible_folds.settings_for_folds", lambda *_: None)
    assert next_step("preprocess", values_of(COMMANDS["preprocess"], out=Path("ck.h5")), {}) is None
    monkeypatch.setattr("ckseq.experiment.possible_folds.settings_for_folds", lambda *_: [KIND])
    step = next_step("preprocess", values_of(COMMANDS["preprocess"], out=Path("ck.h5")), {})
    assert step == f"ckseq crossval ck.h5 --out ck_cv --set {KIND}"


def test_a_line_says_when_it_can_be_called_and_what_it_takes():
    values = values_of(COMMANDS["preprocess"], out=Path("ck.h5"))
    assert next_line("preprocess", values, {}) == "Next: ckseq crossval ck.h5 --out ck_cv"
    line = next_line("preprocess", values, {"shard": "1/2"})
    assert line == "Next, once all shards are done: ckseq gather ck.h5"
    line = next_line("crossval", values_of(COMMANDS["crossval"], out=Path("aus")), {"mean_auc": 0.9})
    assert line.startswith("Next: ckseq report EMOTIONS_RUN --units aus (first make it: ckseq preprocess DATA ")
    assert next_line("bench", {}, {}) is None
