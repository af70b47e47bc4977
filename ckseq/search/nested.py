"""A nested search: the selected recipe of every outer fold, tested on the subjects of its fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from optuna.study import Study

import ckseq
from ckseq.console import Console
from ckseq.experiment.dataset import gather
from ckseq.experiment.fold import predict_test_side
from ckseq.experiment.record import now
from ckseq.learn import backend
from ckseq.protocol.folds import folds_digest
from ckseq.protocol.holdout import Fold
from ckseq.recording import Recording
from ckseq.search.export_best import recipes_of
from ckseq.search.inner_folds import search_data
from ckseq.search.results import SearchResult
from ckseq.search.selection import selected_trial
from ckseq.search.trial import fold_scores, train
from ckseq.search.trial_cache import TrialCache
from ckseq.storage.complete_run import digests_of
from ckseq.storage.predictions import PREDICTIONS, Prediction, Predictions, write_predictions
from ckseq.storage.run_record import FoldRecord, ProtocolRecord, RunRecord, TrainingRecord, write_run
from ckseq.storage.store import open_store


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
    outer: Sequence[Fold],
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
    outer : sequence of Fold
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
    accuracies: list[float] = []
    selected: list[str] = []
    folds: list[FoldRecord] = []
    trainings: list[TrainingRecord] = []
    for study, fold in zip(studies, outer, strict=True):
        trial = selected_trial(study)
        recipes = recipes_of(study, trial)
        store, _ = cache.prepare(recipes, data)
        with open_store(store) as opened:
            dataset = gather(opened, recipes.experiment)
            trained = train(recipes.experiment, dataset, dataset.fold)
            tested = dataset.fold._replace(number=fold.number)
            own = predict_test_side(trained.model, dataset, tested, recipes.experiment, seed=None)
        backend.release()
        labels = dataset.labels
        n_correct = sum(row.truth == row.predicted for row in own)
        accuracies.append(n_correct / len(own))
        selected.append(f"fold {fold.number}: trial {trial.number}")
        folds.append(FoldRecord(number=fold.number, test=tuple(row.recording for row in own)))
        trainings.append(
            TrainingRecord(
                seed=recipes.experiment.seed,
                fold=fold.number,
                n_train=len(dataset.fold.train),
                n_test=len(own),
                epochs=len(trained.epochs),
                chosen_epoch=trained.chosen_epoch,
                seconds=trained.seconds,
            )
        )
        console.say(f"fold {fold.number}: trial {trial.number} is selected, {n_correct} of {len(own)} correct")
        rows += own
    scores = fold_scores([row.truth for row in rows], [row.predicted for row in rows])
    run = out / f"{name}_nested"
    write_predictions(run, Predictions(labels, tuple(sorted(rows, key=lambda row: row.recording))))
    record = _record(name, outer, labels, folds, trainings, selected)
    write_run(run, record.changed(files=digests_of(run, [PREDICTIONS])))
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
        "accuracy_by_fold": accuracies,
    }


def _record(
    name: str,
    outer: Sequence[Fold],
    labels: Sequence[str],
    folds: Sequence[FoldRecord],
    trainings: Sequence[TrainingRecord],
    selected: Sequence[str],
) -> RunRecord:
    return RunRecord(
        kind="nested_search",
        state="complete",
        ckseq_version=ckseq.__version__,
        created=now(),
        experiment_name=f"{name}, nested",
        experiment={"question": "How well does a searched recipe generalize to subjects it has not seen?"},
        labels=tuple(labels),
        protocol=ProtocolRecord(
            kind=outer[0].kind,
            digest=folds_digest(outer),
            n_folds=len(outer),
            n_train=min(training.n_train for training in trainings),
            n_test=sum(training.n_test for training in trainings),
            shared_subjects=0,
            test_sequences_of_shared_subjects=0,
            sentence="no test subject is in training, nor in the search",
        ),
        folds=tuple(folds),
        trainings=tuple(trainings),
        versions={"ckseq": ckseq.__version__, **backend.versions()},
        device=backend.device(),
        notes=("every fold has a recipe of its own, selected by its search", *selected),
    )
