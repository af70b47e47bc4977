"""A nested search: the winner of every outer fold, tested on the people of its fold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ckseq
from ckseq.console import Console
from ckseq.experiment.dataset import gather
from ckseq.experiment.fold import predict_test_side
from ckseq.experiment.record import now
from ckseq.learn import backend
from ckseq.preprocessing.store_builder import source_digest_of
from ckseq.protocol.folds import division_digest
from ckseq.protocol.holdout import Split
from ckseq.recording import Recording
from ckseq.search.export_best import recipes_of
from ckseq.search.study import winner_of
from ckseq.search.trial import InnerFolds, TrialCache, fold_scores, learn, prepared
from ckseq.storage.predictions import Prediction, Predictions, write_predictions
from ckseq.storage.run_record import FoldRecord, ProtocolRecord, RunRecord, TrainingRecord, write_run
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
    accuracies: list[float] = []
    winners: list[str] = []
    folds: list[FoldRecord] = []
    trainings: list[TrainingRecord] = []
    for study, fold in zip(studies, outer, strict=True):
        winner = winner_of(study)
        recipes = recipes_of(study, winner)
        store, _ = prepared(recipes.pipeline, recipes.experiment.input, everyone, shop)
        with open_store(store) as opened:
            material = gather(opened, recipes.experiment)
            learned = learn(recipes.experiment, material, material.split)
            own = predict_test_side(learned.model, material, material.split._replace(fold=fold.fold), seed=None)
        backend.release()
        labels = material.labels
        right = sum(row.truth == row.predicted for row in own)
        accuracies.append(right / len(own))
        winners.append(f"fold {fold.fold}: trial {winner.number}")
        folds.append(FoldRecord(number=fold.fold, test=tuple(row.recording for row in own)))
        trainings.append(
            TrainingRecord(
                seed=recipes.experiment.seed,
                fold=fold.fold,
                n_train=len(material.split.train),
                n_test=len(own),
                epochs=len(learned.epochs),
                chosen_epoch=learned.chosen_epoch,
                seconds=learned.seconds,
            )
        )
        console.say(f"fold {fold.fold}: the winner, trial {winner.number}, names {right} of {len(own)} rightly")
        rows += own
    scores = fold_scores([(row.truth, row.truth == row.predicted) for row in rows])
    run = out / f"{name}_nested"
    write_predictions(run, Predictions(labels, tuple(sorted(rows, key=lambda row: row.recording))))
    write_run(run, _record(name, outer, labels, folds, trainings, winners))
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
        "accuracy_by_fold": accuracies,
    }


def _record(
    name: str,
    outer: Sequence[Split],
    labels: Sequence[str],
    folds: Sequence[FoldRecord],
    trainings: Sequence[TrainingRecord],
    winners: Sequence[str],
) -> RunRecord:
    return RunRecord(
        kind="nested_search",
        state="complete",
        ckseq_version=ckseq.__version__,
        created=now(),
        experiment_name=f"{name}, nested",
        experiment={"question": "What is a search worth, on people that it has not seen?"},
        labels=tuple(labels),
        protocol=ProtocolRecord(
            kind=outer[0].kind,
            digest=division_digest(outer),
            n_folds=len(outer),
            n_train=min(len(fold.train) for fold in outer),
            n_test=sum(training.n_test for training in trainings),
            shared_subjects=0,
            test_sequences_of_shared_subjects=0,
            sentence="no test subject is in training, nor in the search",
        ),
        folds=tuple(folds),
        trainings=tuple(trainings),
        versions={"ckseq": ckseq.__version__, **backend.versions()},
        device=backend.device(),
        notes=("every fold has a recipe of its own, the winner of its search", *winners),
    )
