from dataclasses import replace

import pytest
from made_stores import RIDGE, made_recordings, make_recipe, make_store

from ckseq.errors import DataError
from ckseq.experiment.dataset import choose, divide
from ckseq.experiment.possible_folds import cross_validated, settings_for_folds
from ckseq.experiment.recipe import load_experiment
from ckseq.storage.store import open_store

BY_PERSON = "protocol.kind=leave_one_subject_out"


@pytest.mark.parametrize(
    ("n_subjects", "settings", "found"),
    [
        (9, (), []),
        (2, (), [BY_PERSON]),
        (2, ("seed=4",), ["seed=4", BY_PERSON]),
        (2, ("protocol.folds=2",), ["protocol.folds=2"]),
        (2, ("protocol.folds=3",), None),
        (1, (), None),
    ],
)
def test_folds_that_the_people_are_enough_for(tmp_path, n_subjects, settings, found):
    store = make_store(tmp_path, made_recordings(n_subjects))
    assert settings_for_folds(store, make_recipe(tmp_path, RIDGE), settings) == found


def test_a_store_that_cannot_be_read_has_no_folds(tmp_path):
    assert settings_for_folds(tmp_path / "nowhere.h5", make_recipe(tmp_path, RIDGE), ()) is None


def test_a_holdout_is_cross_validated_over_folds_that_keep_people_apart(tmp_path):
    def of(kind):
        return cross_validated(load_experiment(make_recipe(tmp_path, RIDGE), [f"protocol.kind={kind}"]))

    recipe, notes = of("subject_holdout")
    assert (recipe.protocol.kind, notes) == ("subject_k_fold", [])
    assert "paper_split, tests on one part only" in of("paper_split")[1][0]
    assert of("leave_one_subject_out")[0].protocol.kind == "leave_one_subject_out"


@pytest.mark.parametrize(("wrong", "people"), [(2, "2 recordings are"), (1, "1 recording is")])
def test_a_misspelled_class_is_told_and_not_mended_by_mixing_people(tmp_path, wrong, people):
    made = list(made_recordings())
    for place in [n for n, one in enumerate(made) if one.recording.label == "surprise"][:wrong]:
        one = made[place]
        made[place] = replace(one, recording=replace(one.recording, label="Surprise"))
    recipe = load_experiment(make_recipe(tmp_path, RIDGE))
    with open_store(make_store(tmp_path, made)) as store:
        chosen = choose(store, recipe)
        told = f"{people} labeled 'Surprise', and {9 - wrong} are labeled 'surprise'"
        assert any(told in note for note in chosen.notes)
        if wrong == 1:
            with pytest.raises(DataError, match=f"one subject alone shows Surprise.*{told}.*; correct the label"):
                divide(chosen.entries, chosen.labels, recipe)
