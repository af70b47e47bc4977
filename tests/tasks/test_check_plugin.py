"""The contract tests for authors of plug-ins: what holds, what does not, and why."""

import re
from pathlib import Path

import pytest
from made_plugins import DETECTOR, MODEL, SOURCE, fresh, install  # noqa: F401  (a fixture)

from ckseq.cli.main import cli
from ckseq.errors import CallError
from ckseq.experiment.recipe import load_experiment
from ckseq.tasks.check_plugin import check_plugin

pytestmark = pytest.mark.usefixtures("fresh")


def failures(text, tmp_path, console, **options):
    path = tmp_path / "own.py"
    path.write_text(text)
    result = check_plugin(str(path), console=console, **options)
    (found,) = result["plugins"]
    failed = {check["what"]: check["failure"] for check in found["checks"] if check["failure"]}
    assert result["failed"] == len(failed) == found["failed"]
    return failed


@pytest.mark.parametrize("text", [MODEL, DETECTOR, SOURCE], ids=["model", "detector", "source"])
def test_a_sound_plug_in_passes_every_check(text, tmp_path, console):
    assert failures(text, tmp_path, console) == {}


@pytest.mark.parametrize(
    ("old", "new", "what", "reason"),
    [
        ("return self.factor * X", "return 0 * X", "It learns three classes", "accuracy 0.33"),
        (', f"{__name__}.Scaled"', "", "A saved model loads", "untrusted types|Untrusted types"),
        (', f"{__name__}.Scaled"', "", "A saved estimator contains the types", "trusted_types tells"),
        ('"estimator"', '"network"', "A network is one of Keras", "kind is network"),
        (
            ', description="what the vectors are multiplied with"',
            "",
            "The module has a docstring",
            "no description: factor",
        ),
        ("Field(2.0,", "Field(", "The config is valid without arguments", "Field required"),
        ("return self.factor * X", "return X * __import__('numpy').random.rand()", "The same seed", "differ by"),
    ],
)
def test_a_model_that_breaks_its_contract_is_told_where(old, new, what, reason, tmp_path, console):
    assert old in MODEL
    failed = failures(MODEL.replace(old, new), tmp_path, console)
    (text,) = [failure for name, failure in failed.items() if name.startswith(what)]
    assert any(part in text for part in reason.split("|"))


@pytest.mark.parametrize(
    ("old", "new", "what", "reason"),
    [
        (
            "def detect(image):",
            "def detect(image):\n        image[:] = 0",
            "The image is not changed",
            "pixels were changed",
        ),
        ("(1 - config.share) / 2", "2", "An image gives a list", "a box is empty"),
        ("return [ckseq", "return []\n        return [ckseq", "Around the drawn face", "no box"),
        (
            "height, width = image.shape",
            "height, width = image.shape\n        assert height > 20",
            "Images of any",
            "Assertion",
        ),
    ],
)
def test_a_detector_that_breaks_its_contract_is_told_where(old, new, what, reason, tmp_path, console):
    assert old in DETECTOR
    failed = failures(DETECTOR.replace(old, new), tmp_path, console)
    (text,) = [failure for name, failure in failed.items() if name.startswith(what)]
    assert reason in text


def test_a_source_is_checked_on_data(tmp_path, console):
    data = tmp_path / "data"
    (data / "P1_joy").mkdir(parents=True)
    (data / "P1_joy" / "1.png").touch()
    (data / "clips.txt").write_text("P1_joy joy\nP 2 joy")
    failed = failures(
        SOURCE.replace('folder, _, label = line.partition(" ")', 'folder, _, label = line.rpartition(" ")'),
        tmp_path,
        console,
        data=data,
    )
    assert list(failed.values()) == ["an id has other characters: ['P 2']"]
    assert failures(SOURCE.replace("raise ckseq.DataError", "return []; "), tmp_path, console) == {
        "What it does not know is not recognized, and scanning it is an error with a place and a remedy": (
            "scanning an empty folder is no error"
        )
    }


def test_the_examples_of_the_page_pass(tmp_path, console):
    page = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 2
    assert [failures(text, tmp_path, console) for text in examples] == [{}, {}]
    (tmp_path / "my_model.py").write_text(examples[0])
    (tmp_path / "mine.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    assert load_experiment(str(tmp_path / "mine.toml")).model.strength == 0.1


def test_an_installed_plug_in_is_checked_by_its_name(tmp_path, monkeypatch, capfd, console):
    monkeypatch.syspath_prepend(install(tmp_path / "site", middle=DETECTOR))
    assert cli.main(["check-plugin", "middle"], standalone_mode=False) == 0
    said = capfd.readouterr().out
    assert "middle 1.2, detectors; SHA-256 " in said
    assert "5 of 5 checks hold" in said
    (tmp_path / "bad.py").write_text(DETECTOR.replace("(1 - config.share) / 2", "2"))
    assert cli.main(["check-plugin", str(tmp_path / "bad.py")], standalone_mode=False) == 1
    assert "fails  An image gives a list of `Box`" in capfd.readouterr().out
    for name, message in (
        ("ridge", "ridge comes with ckseq"),
        ("none", "there is no plug-in 'none'; installed: middle"),
    ):
        with pytest.raises(CallError, match=message):
            check_plugin(name, console=console)
