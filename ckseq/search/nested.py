"""A nested search: the selected recipe of every outer fold, tested on the subjects of its fold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TypedDict

from optuna.study import Study

import ckseq
from ckseq.console import Console
from ckseq.experiment.dataset import gather
from ckseq.experiment.run import answers
from ckseq.learn import backend
from ckseq.protocol.folds import division_digest
from ckseq.protocol.holdout import Split
from ckseq.recording import Recording
from ckseq.search.export_best import recipes_of
from ckseq.search.inner_folds import search_data
from ckseq.search.results import SearchResult
from ckseq.search.selection import selected_trial
from ckseq.search.trial import fold_scores, train
from ckseq.search.trial_cache import TrialCache
from ckseq.storage.predictions import Prediction, Predictions, write_predictions
from ckseq.storage.run_record import write_run
from ckseq.storage.store import open_store


class OuterFold(TypedDict):
    """One outer fold: the trial that its search selected, and the test of its recipe."""

    fold: int
    trial: int
    n_test: int
    accuracy: float


class NestedScores(TypedDict):
    """The scores over all test subjects, and the folder of the run."""

    schema: int
    run: str
    n_test: int
    accuracy: float
    balanced_accuracy: float
    accuracy_by_fold: list[float]


class NestedResult(NestedScores):
    """What ``ckseq tune --nested --json`` prints."""

    searches: list[SearchResult]


def score_nested(
    studies: Sequence[Study],
    outer: Sequence[Split],
    recordings: Sequence[Recording],
    cache: TrialCache,
    *,
    name: str,
    out: Path,
    console: Console,
) -> NestedScores:
    """Train the selected recipe of each study on the training side of its outer fold, and test it on the other.

    Parameters
    ----------
    studies : sequence of Study
        One for each outer fold.
    outer : sequence of Split
    recordings : sequence of Recording
        All of them.
    cache : TrialCache
    name : str
        The run folder is ``NAME_nested``.
    out : Path
    console : Console
    """
    data = search_data(recordings, jobs=cache.jobs)
    rows: list[Prediction] = []
    labels: tuple[str, ...] = ()
    folds: list[OuterFold] = []
    for study, split in zip(studies, outer, strict=True):
        trial = selected_trial(study)
        recipes = recipes_of(study, trial)
        store, _ = cache.prepare(recipes, data)
        with open_store(store) as opened:
            dataset = gather(opened, recipes.experiment)
            learned = train(recipes.experiment, dataset, dataset.split)
            own = answers(learned.model, dataset, dataset.split._replace(fold=split.fold), seed=None)
        backend.release()
        labels = dataset.labels
        n_correct = sum(row.truth == row.predicted for row in own)
        folds.append({"fold": split.fold, "trial": trial.number, "n_test": len(own), "accuracy": n_correct / len(own)})
        console.say(f"fold {split.fold}: trial {trial.number} is selected, {n_correct} of {len(own)} correct")
        rows += own
    scores = fold_scores([row.truth for row in rows], [row.predicted for row in rows])
    run = out / f"{name}_nested"
    write_predictions(run, Predictions(labels, tuple(sorted(rows, key=lambda row: row.recording))))
    _write_nested_run(run, name, outer, labels, folds)
    console.say(
        f"nested cross-validation: accuracy {scores['accuracy']:.3f}, balanced accuracy "
        f"{scores['balanced_accuracy']:.3f} on {len(rows)} sequences of subjects unseen by their search; run: {run}"
    )
    return {
        "schema": 1,
        "run": str(run),
        "n_test": len(rows),
        "accuracy": scores["accuracy"],
        "balanced_accuracy": scores["balanced_accuracy"],
        "accuracy_by_fold": [fold["accuracy"] for fold in folds],
    }


def _write_nested_run(
    run: Path, name: str, outer: Sequence[Split], labels: Sequence[str], folds: Sequence[OuterFold]
) -> None:
    """Write ``run.json``."""
    write_run(
        run,
        {
            "ckseq_version": ckseq.__version__,
            "created": datetime.now().astimezone().isoformat(timespec="seconds"),
            "experiment_name": f"{name}, nested",
            "experiment": {"question": "How well does a searched recipe generalize to subjects it has not seen?"},
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
            "folds": list(folds),
            "notes": ["every fold has a recipe of its own, selected by its search"],
        },
    )
