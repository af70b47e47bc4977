"""A nested search: the winner of every outer fold, tested on the people of its fold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ckseq
from ckseq.console import Console
from ckseq.experiment.dataset import gather
from ckseq.experiment.run import answers
from ckseq.learn import backend
from ckseq.preprocessing.store_builder import source_digest_of
from ckseq.protocol.folds import division_digest
from ckseq.protocol.holdout import Split
from ckseq.recording import Recording
from ckseq.search.export_best import recipes_of
from ckseq.search.study import winner_of
from ckseq.search.trial import InnerFolds, TrialCache, fold_scores, prepared, train_fold
from ckseq.storage.predictions import Prediction, Predictions, write_predictions
from ckseq.storage.run_record import write_run
from ckseq.storage.store import open_store

if TYPE_CHECKING:
    from optuna.study import Study


def score_winners(
    studies: Sequence[Study],
    outer: Sequence[Split],
    recordings: Sequence[Recording],
    shop: TrialCache,
    name: str,
    out: Path,
    console: Console,
) -> dict[str, Any]:
    """Train the winner of each study on all that it searched with, and test it on the people of its outer fold.

    Parameters
    ----------
    studies : sequence of Study
        One for each outer fold.
    outer : sequence of Split
    recordings : sequence of Recording
        All of them.
    shop : TrialCache
    name : str
        The run folder is ``NAME_nested``.
    out : Path
    console : Console

    Returns
    -------
    dict
        ``schema``, ``run``, ``n_test``, ``accuracy``, ``balanced_accuracy`` (over all that was tested) and
        ``accuracy_by_fold``.
    """
    everyone = InnerFolds(tuple(recordings), {one.id: source_digest_of(one) for one in recordings}, (), (), ())
    rows: list[Prediction] = []
    labels: tuple[str, ...] = ()
    told = []
    for study, fold in zip(studies, outer, strict=True):
        winner = winner_of(study)
        recipes = recipes_of(study, winner)
        store, _ = prepared(recipes.pipeline, recipes.experiment.input, everyone, shop)
        with open_store(store) as opened:
            material = gather(opened, recipes.experiment)
            trained = train_fold(recipes.experiment, material, material.split)
            own = answers(trained.model, material, material.split._replace(fold=fold.fold), seed=None)
        backend.release()
        labels = material.labels
        right = sum(row.truth == row.predicted for row in own)
        told.append({"fold": fold.fold, "trial": winner.number, "n_test": len(own), "accuracy": right / len(own)})
        console.say(f"fold {fold.fold}: the winner, trial {winner.number}, names {right} of {len(own)} rightly")
        rows += own
    scores = fold_scores([(row.truth, row.truth == row.predicted) for row in rows])
    run = out / f"{name}_nested"
    write_predictions(run, Predictions(labels, tuple(sorted(rows, key=lambda row: row.recording))))
    write_run(run, _facts(name, outer, labels, told))
    accuracy, balanced = scores["accuracy"], scores["balanced_accuracy"]
    console.say(
        f"nested: accuracy {accuracy:.3f}, balanced {balanced:.3f} over {len(rows)} sequences that no search has seen; "
        f"kept in {run}"
    )
    return {
        "schema": 1,
        "run": str(run),
        "n_test": len(rows),
        "accuracy": accuracy,
        "balanced_accuracy": balanced,
        "accuracy_by_fold": [fold["accuracy"] for fold in told],
    }


def _facts(name: str, outer: Sequence[Split], labels: Sequence[str], folds: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "ckseq_version": ckseq.__version__,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "experiment_name": f"{name}, nested",
        "experiment": {"question": "What is a search worth, on people that it has not seen?"},
        "labels": list(labels),
        "protocol": {
            "kind": outer[0].kind,
            "digest": division_digest(outer),
            "n_folds": len(outer),
            "n_test": sum(fold["n_test"] for fold in folds),
            "sentence": "no test subject is in training, nor in the search",
        },
        "versions": {"ckseq": ckseq.__version__, **backend.versions()},
        "device": backend.device(),
        "state": "complete",
        "folds": folds,
        "notes": ["every fold has a recipe of its own, the winner of its search"],
    }
