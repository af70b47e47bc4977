"""``ckseq config``: fields as ``--set`` takes them, and recipes of every kind with all their values."""

import pytest

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.tasks.config import config


@pytest.fixture
def shown(capsys, monkeypatch):
    """Return a function that returns what is printed, and the result."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(name=None, **options):
        result = config(name, console=Console(), **options)
        return capsys.readouterr().out, result

    return run


def test_every_field_is_printed_as_set_takes_it(shown):
    text, fields = shown()
    for title, section in fields.items():
        assert not section or f"{title}\n" in text
        for path in section:
            assert f"{path} = " in text
    assert "pipeline [faces]" in text
    assert "faces.side_px = 267" in text
    assert max(map(len, text.splitlines())) <= 100


def test_every_path_of_a_pipeline_can_be_set(console):
    fields = config(console=console)
    for title, section in fields.items():
        if title.startswith("pipeline [") and "kind" not in title:
            for path, field in section.items():
                load_pipeline("anchored", [f"{path}={field['default']}", "motion.difference=absolute"])


def test_one_field_a_section_and_a_search(shown):
    text, fields = shown("motion.threshold")
    assert fields == {"pipeline [motion]": {"motion.threshold": fields["pipeline [motion]"]["motion.threshold"]}}
    assert "a difference above it counts as motion" in text
    _, section = shown("reduce")
    assert list(section) == ["pipeline [reduce]"]
    _, kinds = shown("detector.upsample")
    assert list(kinds) == ['pipeline [detector, kind = "dlib_hog"]']
    _, found = shown(search="Flicker")
    assert list(found["pipeline [motion]"]) == ["motion.light"]
    assert shown(search="no such thing")[1] == {}


def test_recipes_of_every_kind(shown, tmp_path):
    assert "[detector]" in shown("paper")[0]
    assert shown("motion", settings=["seed=7"])[1]["seed"] == 7
    text, search = shown("sequences", settings=["search.trials=7"])
    assert search["trials"] == 7
    assert search["space"]["model"]["dropout"] == {"float": [0.0, 0.8], "step": 0.1}
    assert "[space.model.dropout]" in text
    own = tmp_path / "own.toml"
    own.write_text('extends = "sequences"\ntrials = 5\n\n[space]\nmodel.dropout = {float = [0.1, 0.2], step = 0.05}\n')
    search = shown(str(own))[1]
    assert search["trials"] == 5
    assert search["space"]["model"]["dropout"] == {"float": [0.1, 0.2], "step": 0.05}
    assert search["space"]["motion"]["erosion_px"] == {"choice": [1, 3, 5]}


@pytest.mark.parametrize(("name", "near"), [("motion.thresold", "motion.threshold"), ("defualt", "default")])
def test_what_is_neither_recipe_nor_field_is_told_the_nearest(console, name, near):
    with pytest.raises(CallError, match=f"did you mean '{near}'"):
        config(name, console=console)


def test_a_setting_needs_a_recipe(console):
    with pytest.raises(CallError, match="--set needs the recipe"):
        config("motion.threshold", settings=["motion.threshold=3"], console=console)
