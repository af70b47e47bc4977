"""``ckseq list``: every recipe, model and detector, with what their own files say."""

import json

import pytest

from ckseq import registry
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.catalog import KINDS, card
from ckseq.recipes import recipe_names, results_folder
from ckseq.tasks.listing import listing


@pytest.fixture(scope="module")
def entries():
    found = listing(console=Console(quiet=True))["entries"]
    return {(one["kind"], one["name"]): one for one in found}


def test_everything_is_listed_with_a_purpose(entries):
    names = {kind: recipe_names(kind) for kind in ("experiments", "pipelines", "searches")}
    names |= {kind: registry.names(kind) for kind in ("models", "detectors")}
    assert [*names, "plugins"] == list(KINDS)
    assert set(entries) == {(kind, name) for kind, some in names.items() for name in some}
    assert all(one["purpose"] for one in entries.values())


def test_facts_come_from_the_recipes_and_the_cards(entries):
    published = entries["experiments", "paper_phase4"]["facts"]
    assert published["published"].startswith("0.88: Ambruoso")
    assert published["classes"] == "anger, disgust, happiness, surprise"
    assert entries["experiments", "motion"]["facts"]["input"] == "sequences: projections of the pipeline anchored"
    assert entries["experiments", "fer2013_small"]["facts"]["input"].startswith("single images: crops")
    assert entries["detectors", "blazeface"]["facts"]["source"].endswith("(Apache 2.0, LICENSE-APACHE), unchanged.")
    assert entries["detectors", "dlib_hog"]["facts"]["needs"] == "dlib-bin"
    for name in registry.names("models"):
        facts = entries["models", name]["facts"]
        assert set(facts) == {"source", "input", "cost"}
        assert not any(text.endswith(":") or "------" in text for text in facts.values())


def test_measured_results_are_those_of_the_files(entries):
    steps = json.loads((results_folder() / "realwarp.json").read_text())["steps"]
    measured = entries["experiments", "motion"]["measured"]
    (last,) = [one for one in measured if one["data"].startswith("realwarp:") and one["seconds"]]
    assert (last["score"], last["seconds"]) == (steps[-1]["accuracy"], steps[-1]["training_seconds"])
    sets = json.loads((results_folder() / "baselines.json").read_text())["sets"]
    assert [one["score"] for one in entries["experiments", "default"]["measured"]] == [
        one["models"]["default"]["accuracy"] for one in sets.values()
    ]
    assert entries["models", "cnn_small"]["measured"][0]["metric"] == "balanced accuracy"


def test_sections_and_paragraphs_of_a_docstring():
    doc = "Finds faces.\n\nMore.\n\nSource: A and B,\n1999.\n\nInput\n    Images,\n    gray.\n\nParameters\n---\n"
    assert card(doc) == {"purpose": "Finds faces.", "source": "A and B, 1999.", "input": "Images, gray."}


def test_one_kind_or_one_name(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert {one["kind"] for one in listing("searches", console=Console())["entries"]} == {"searches"}
    assert [one["kind"] for one in listing("live", console=Console())["entries"]] == ["experiments", "pipelines"]
    text = capsys.readouterr().out
    assert "For streams: a tracked face box" in text
    assert max(map(len, text.splitlines())) <= 80
    with pytest.raises(CallError, match="did you mean 'default'"):
        listing("defualt", console=Console(quiet=True))
