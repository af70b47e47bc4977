"""Runs and stores of version 0.1, brought into the shape of today's."""

from __future__ import annotations

from typing import Any

from ckseq.config import Tree

# what was spelled otherwise in the recipes of version 0.1
_KEYS = (("colour", "color"), ("optimiser", "optimizer"), ("neighbour", "neighbor"))
_VALUES = {"grey": "gray", "grey_levels": "gray_levels", "equalised": "equalized"}


def with_new_spelling(recipe: Tree) -> Tree:
    """Return a recipe of version 0.1 with the keys and values of today; others are left as they are.

    >>> with_new_spelling({"faces": {"colour": "grey"}, "motion": {"threshold": 4.0}})
    {'faces': {'color': 'gray'}, 'motion': {'threshold': 4.0}}
    """
    return {_key(key): _value(value) for key, value in recipe.items()}


def _key(key: str) -> str:
    for old, new in _KEYS:
        key = key.replace(old, new)
    return key


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        return with_new_spelling(value)
    return _VALUES.get(value, value) if isinstance(value, str) else value


def from_schema_1(old: Tree) -> Tree:
    """Return a ``run.json`` of version 0.1 in the shape of schema 2.

    Raises
    ------
    KeyError, TypeError, AttributeError
        It lacks what every run had.
    """
    protocol, split = dict(old["protocol"]), old.get("split", {})
    experiment = with_new_spelling(old["experiment"])
    seeds = old.get("seeds", [old["seed"]] if "seed" in old else [])
    new: Tree = {
        key: old[key]
        for key in ("ckseq_version", "created", "command", "labels", "leakage", "model", "epochs_done", "device")
        if key in old
    }
    new |= {key: old[key] for key in ("versions", "balance_notes", "notes", "state") if key in old}
    if old.get("memory"):
        new["memory"] = old["memory"]
    if "store" in old:
        new["store"] = {**old["store"], "pipeline": with_new_spelling(old["store"]["pipeline"])}
    tests = split.get("folds", [split["test"]] if "test" in split else [])
    trained = {"n_train": protocol.get("n_train", 0), "n_test": protocol["n_test"]}
    if "folds" in old:
        kind = "cross_validation" if "split" in old else "nested_search"
        trainings = [_training(fold) for fold in old["folds"] if "epochs_done" in fold]
    else:
        kind = "training" if "split" in old else "final"
        done = old.get("state") == "complete"
        facts = {**trained, "seed": old.get("seed", 0), "fold": 0, "epochs_done": old.get("epochs_done", 0)}
        trainings = [_training({**facts, "chosen_epoch": old.get("chosen_epoch")})] if done else []
    if trainings:
        # version 0.1 kept the time of all trainings together
        trainings[0]["seconds"] = old.get("seconds", {}).get("training", 0.0)
    return {
        **new,
        "schema": 2,
        "kind": kind,
        "experiment_name": old.get("experiment_name", ""),
        "experiment": experiment,
        "protocol": {**protocol, "n_train": trained["n_train"]},
        "folds": [{"number": number, "test": list(test)} for number, test in enumerate(tests)],
        "train_only": list(split.get("train", ())),
        "seeds": list(seeds),
        "trainings": trainings,
    }


def _training(fold: Tree) -> Tree:
    return {
        "seed": fold["seed"],
        "fold": fold["fold"],
        "n_train": fold["n_train"],
        "n_test": fold["n_test"],
        "epochs": fold["epochs_done"],
        "chosen_epoch": fold.get("chosen_epoch"),
        "seconds": 0.0,
    }
