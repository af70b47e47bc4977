"""One trial of a search: preprocessed from the cache, then trained and scored on the inner folds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import fmean, median
from typing import Any

import numpy as np
from optuna.exceptions import TrialPruned
from optuna.trial import Trial

from ckseq.config import Tree
from ckseq.errors import CkseqError
from ckseq.experiment.dataset import Dataset, divide, gather
from ckseq.experiment.fold import predict_test_side
from ckseq.experiment.memory_check import within_memory
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.trainer import trainer_for
from ckseq.learn import backend
from ckseq.learn.fit import Labeled, TrainingState
from ckseq.learn.trainer import TrainedModel
from ckseq.protocol.holdout import Fold, ProtocolConfig
from ckseq.protocol.score import accuracy, balanced_accuracy, confusion_matrix
from ckseq.search.inner_folds import InnerFolds
from ckseq.search.search_config import SearchConfig
from ckseq.search.space import Space
from ckseq.search.trial_cache import TrialCache
from ckseq.search.trial_facts import PREPROCESSING, SCORES, VALUES, FoldScores, fold_scores_of
from ckseq.storage.store import open_store

# number of sequences that the time of a prediction is measured on, one by one
_TIMED = 20
# in place of a prediction for a recording that a recipe has none for
_NO_PREDICTION = ""


def evaluate(
    trial: Trial, space: Space, inner: InnerFolds, cache: TrialCache, *, values: Tree | None = None
) -> list[float]:
    """Train and score one trial on all inner folds: the objective function of the study.

    The scores of each fold are stored with the trial, so that a retried trial resumes after the last finished fold.

    Parameters
    ----------
    trial : Trial
    space : Space
    inner : InnerFolds
    cache : TrialCache
    values : dict, optional
        Hyperparameters by path, instead of the trial's suggestions.

    Returns
    -------
    list of float
        The objective values.

    Raises
    ------
    CkseqError
        The recipe cannot be preprocessed or trained, or needs more memory than there is.
    TrialPruned
        The pruner ended the trial.
    """
    values = space.suggest(trial) if values is None else values
    trial.set_user_attr(VALUES, values)
    backend.release()
    recipes = space.recipes(values)
    store, preprocessing = cache.prepare(recipes, inner.data)
    trial.set_user_attr(PREPROCESSING, preprocessing)
    scores = fold_scores_of(trial)
    experiments = [_tested_on(recipes.experiment, subjects) for subjects in inner.folds]
    with open_store(store) as opened:
        dataset = gather(opened, experiments[0])
    within_memory(experiments[0], dataset, fit_memory=False, earlier=None)
    for number, experiment in enumerate(experiments):
        if number >= len(scores):
            (fold,) = divide(dataset.entries, dataset.labels, experiment)
            lost = _lost_labels(inner, dataset, experiment, number)
            reporter = EpochReporter(trial, space.config, experiment, scores)
            scores.append(_score_fold(experiment, dataset, fold, lost, reporter))
            trial.set_user_attr(SCORES, scores)
        if space.config.prune_by == "fold" and number + 1 < len(experiments):
            _report(trial, space.config, _objective_value(space.config, scores, 0), number)
    return [_objective_value(space.config, scores, place) for place in range(len(space.config.objectives))]


def train(experiment: Experiment, dataset: Dataset, fold: Fold, reporter: EpochReporter | None = None) -> TrainedModel:
    """Train the experiment's model on the training set of a fold."""
    trainer = trainer_for(experiment, dataset)
    training, test = (dataset.side(side)[1] for side in (fold.train, fold.test))
    return trainer.fit(train=training, validation=test, on_epoch=None if reporter is None else reporter.report)


class EpochReporter:
    """Reports every epoch of a fold to the pruner, if trials are pruned by epoch.

    ``finished`` are the scores of the folds before this one.
    """

    def __init__(
        self, trial: Trial, config: SearchConfig, experiment: Experiment, finished: Sequence[FoldScores]
    ) -> None:
        self._trial, self._config, self._finished = trial, config, finished
        self._epochs = experiment.training.epochs

    @property
    def active(self) -> bool:
        """Whether trials are pruned by epoch."""
        return self._config.prune_by == "epoch" and _is_pruned(self._config)

    def report(self, state: TrainingState) -> None:
        """Report the last epoch; `TrialPruned` ends the training.

        The value is the mean of the finished folds and the accuracy, or error, of this epoch on the inner fold.
        """
        if not self.active:
            return
        last = state.epochs[-1]
        name = self._config.objectives[0]
        now = 1 - last.val_accuracy if name == "error" else last.val_accuracy
        mean = fmean([*(scores[name] for scores in self._finished), now])
        _report(self._trial, self._config, mean, len(self._finished) * self._epochs + last.epoch)


def _report(trial: Trial, config: SearchConfig, value: float, step: int) -> None:
    if _is_pruned(config):
        trial.report(value, step)
        if trial.should_prune():
            raise TrialPruned


def _is_pruned(config: SearchConfig) -> bool:
    """Whether trials are pruned at all: Optuna's pruners support one objective."""
    return config.pruner != "none" and len(config.objectives) == 1


def _tested_on(experiment: Experiment, subjects: tuple[str, ...]) -> Experiment:
    """Return an experiment that tests on these subjects."""
    changes: dict[str, Any] = {"protocol": ProtocolConfig(kind="subject_holdout", test_subjects=subjects)}
    if experiment.training.validation == "given":
        # validated on the test side, which is the inner fold, training would choose the best epoch on it
        changes["training"] = experiment.training.model_copy(update={"validation": "inner"})
    return experiment.model_copy(update=changes)


def _score_fold(
    experiment: Experiment, dataset: Dataset, fold: Fold, lost: Sequence[str], reporter: EpochReporter
) -> FoldScores:
    if reporter.active and experiment.training.validation == "none":
        # the inner fold is predicted after every epoch, which changes nothing in training
        training = experiment.training.model_copy(update={"validation": "test"})
        experiment = experiment.model_copy(update={"training": training})
    trained = train(experiment, dataset, fold, reporter)
    rows = predict_test_side(trained.model, dataset, fold, experiment, seed=None)
    scores = fold_scores(
        truth=[*(row.truth for row in rows), *lost],
        predicted=[*(row.predicted for row in rows), *[_NO_PREDICTION] * len(lost)],
    )
    _, test = dataset.side(fold.test)
    scores["prediction_ms"] = _prediction_ms(trained, test)
    if hasattr(trained.model, "count_params"):
        scores["parameters"] = float(trained.model.count_params())
    return scores


def fold_scores(truth: Sequence[str], predicted: Sequence[str]) -> FoldScores:
    """Return accuracy, balanced accuracy and error of a fold.

    >>> fold_scores(["anger", "anger", "anger", "fear"], ["anger", "anger", "anger", "anger"])
    {'accuracy': 0.75, 'balanced_accuracy': 0.5, 'error': 0.25}
    """
    matrix = confusion_matrix(truth, predicted, labels=sorted({*truth, *predicted}))
    correct = float(accuracy(matrix))
    return {"accuracy": correct, "balanced_accuracy": float(balanced_accuracy(matrix)), "error": 1 - correct}


def _objective_value(config: SearchConfig, scores: Sequence[FoldScores], place: int) -> float:
    name = config.objectives[place]
    if name not in scores[0]:
        raise CkseqError(f"this model has no number of {name}", fix="use another objective, or search networks only")
    return fmean(score[name] for score in scores)


def _lost_labels(inner: InnerFolds, dataset: Dataset, experiment: Experiment, fold: int) -> list[str]:
    """Return the labels of the sequences of a fold that preprocessing could not use: they count as wrong.

    Otherwise a recipe that drops the difficult sequences would be the best. What the experiment leaves out to balance
    classes is not lost.
    """
    if experiment.balance.per_class != "all":
        return []
    used = {entry.id for entry in dataset.entries}
    tested = set(inner.folds[fold])
    return [str(one.label) for one in inner.data.recordings if one.subject in tested and one.id not in used]


def _prediction_ms(trained: TrainedModel, test: Labeled) -> float:
    """Return the median time of a prediction of one sequence, milliseconds."""
    times = []
    for place in range(min(_TIMED, len(test.x)) + 1):
        row = np.asarray(test.select(np.array([max(0, place - 1)])).x)
        start = time.perf_counter()
        trained.probabilities(row)
        times.append(1000 * (time.perf_counter() - start))
    return round(median(times[1:]), 3)  # the first prediction takes longer, and is not counted
