"""Records of version 0.1, cut down from real ones, are read as today's."""

import json

import pytest

from ckseq.errors import DataError
from ckseq.storage.run_migration import with_new_spelling
from ckseq.storage.run_record import read_run

COMMON = {
    "schema": 1,
    "ckseq_version": "0.1.0",
    "created": "2026-11-21T15:17:56+00:00",
    "experiment": {"name": "small", "training": {"optimiser": "adam", "validation": "test"}, "published": {}},
    "experiment_name": "small",
    "published": {},
    "store": {"path": "s.h5", "digest": "d1", "pipeline": {"name": "paper", "faces": {"colour": "grey"}}},
    "labels": ["anger", "fear"],
    "seed": 3,
    "versions": {"ckseq": "0.1.0"},
    "state": "complete",
    "epochs_done": 4,
    "device": "CPU, 2 cores",
    "model": {"kind": "conv_lstm", "n_parameters": 7, "input_shape": [9, 2, 10, 1]},
    "memory": {"estimated_bytes": {"total": 5}, "free_bytes": 9, "chosen": [], "sentence": "enough"},
    "notes": ["drawn"],
    "balance_notes": [],
    "seconds": {"training": 1.5},
}
TRAINING = {
    **COMMON,
    "split": {"train": ["a1", "b1"], "test": ["c1"]},
    "protocol": {
        "kind": "subject_holdout",
        "digest": "d2",
        "n_train": 2,
        "n_test": 1,
        "train_counts": {"anger": 1, "fear": 1},
        "test_subjects": 1,
        "shared_subjects": 0,
        "test_sequences_of_shared_subjects": 0,
        "sentence": "no test subject is in training",
    },
    "chosen_epoch": 2,
}
FOLD = {"n_train": 2, "n_test": 1, "epochs_done": 2, "chosen_epoch": None}
CROSS_VALIDATION = {
    **COMMON,
    "seeds": [3, 4],
    "split": {"folds": [["a1"], ["b1"]], "test": ["a1", "b1"]},
    "protocol": {"kind": "subject_k_fold", "digest": "d3", "n_folds": 2, "n_train": 1, "n_test": 2},
    "folds": [{"seed": seed, "fold": fold, **FOLD} for seed in (3, 4) for fold in (0, 1)],
    "leakage": {
        "n_folds": 2,
        "n_test": 2,
        "shared_subjects": 0,
        "test_sequences_of_shared_subjects": 0,
        "test_sequences_of_shared_sessions": 0,
        "n_duplicates": 1,
        "n_near_duplicates": 0,
        "duplicates": [{"test": "a1", "train": "b1", "fold": 0, "correlation": 1.0}],
        "near_duplicates": [],
        "near_duplicate_correlation": 0.9992,
        "best_rule": "class prior",
        "rules": [
            {
                "name": "class prior",
                "about": "the most frequent class",
                "n_correct": 1,
                "n": 2,
                "accuracy": 0.5,
                "interval": [0.1, 0.9],
                "p_value": None,
            }
        ],
    },
}
FINAL = {key: value for key, value in TRAINING.items() if key not in ("split", "memory")} | {
    "protocol": {"kind": "all", "digest": "d4", "n_train": 3, "n_test": 0, "sentence": "nobody is left"}
}
NESTED = {
    "schema": 1,
    "ckseq_version": "0.1.0",
    "created": "2026-11-21",
    "experiment_name": "small, nested",
    "experiment": {"question": "What is it worth?"},
    "labels": ["anger", "fear"],
    "protocol": {"kind": "subject_k_fold", "digest": "d5", "n_folds": 2, "n_test": 2, "sentence": "none"},
    "versions": {},
    "device": "CPU",
    "state": "complete",
    "folds": [{"fold": 0, "trial": 3, "n_test": 1, "accuracy": 1.0}],
    "notes": [],
}


def read(folder, tree):
    (folder / "run.json").write_text(json.dumps(tree))
    return read_run(folder)


def test_a_training(tmp_path):
    run = read(tmp_path, TRAINING)
    assert (run.kind, run.seeds, run.tested, run.train_only) == ("training", (3,), ("c1",), ("a1", "b1"))
    assert (run.trainings[0].chosen_epoch, run.trainings[0].epochs, run.seconds) == (2, 4, 1.5)
    assert run.value("training.optimizer") == "adam"
    assert run.store.pipeline["faces"] == {"color": "gray"}
    assert run.memory.estimated_bytes == {"total": 5}


def test_a_cross_validation(tmp_path):
    run = read(tmp_path, CROSS_VALIDATION)
    assert (run.kind, run.seeds, [fold.test for fold in run.folds]) == ("cross_validation", (3, 4), [("a1",), ("b1",)])
    assert [(one.seed, one.fold, one.n_test) for one in run.trainings] == [(3, 0, 1), (3, 1, 1), (4, 0, 1), (4, 1, 1)]
    assert run.leakage.duplicates[0].train == "b1"
    assert run.leakage.rule("class prior").accuracy == 0.5


def test_a_final_model_and_a_nested_search(tmp_path):
    assert (read(tmp_path, FINAL).kind, read(tmp_path, FINAL).folds) == ("final", ())
    run = read(tmp_path, NESTED)
    assert (run.kind, run.store, run.protocol.n_test) == ("nested_search", None, 2)


def test_one_that_was_not_complete(tmp_path):
    run = read(tmp_path, {**TRAINING, "state": "interrupted", "seconds": {}})
    assert (run.state, run.trainings) == ("interrupted", ())


@pytest.mark.parametrize("key", ["protocol", "experiment", "labels", "created"])
def test_a_part_that_is_missing_is_named(tmp_path, key):
    with pytest.raises(DataError, match=f"not a complete record of a run: .*{key}"):
        read(tmp_path, {name: value for name, value in TRAINING.items() if name != key})


def test_only_what_was_spelled_otherwise_changes():
    recipe = {"motion": {"light": "equalised", "threshold_unit": "grey_levels"}, "about": "a grey day", "x": [1]}
    assert with_new_spelling(recipe) == {
        "motion": {"light": "equalized", "threshold_unit": "gray_levels"},
        "about": "a grey day",
        "x": [1],
    }
