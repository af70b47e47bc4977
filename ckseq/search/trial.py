"""One trial of a search: prepared from the cache, learnt and scored on the inner folds."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from optuna.exceptions import TrialPruned
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import CkseqError
from ckseq.experiment.dataset import Dataset, divide, gather
from ckseq.experiment.fold import predict_test_side
from ckseq.experiment.learner import learner_of
from ckseq.experiment.recipe import Experiment
from ckseq.learn import backend
from ckseq.learn.fit import Labeled, State
from ckseq.learn.learner import Learned
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.stages import STAGE_VERSION
from ckseq.preprocessing.store_builder import prepare_all
from ckseq.protocol.holdout import ProtocolConfig, Split
from ckseq.recording import Recording
from ckseq.search.space import Space
from ckseq.search.trial_loop import ERROR, run_trials, tally
from ckseq.storage.cache import touch, trim
from ckseq.storage.store import open_store

VALUES, SCORES, PREPROCESSING = "values", "scores", "preprocessing"
# sequences that are asked about one by one to time the answer
_TIMED = 20


@dataclass(frozen=True)
class InnerFolds:
    """What the trials of a study learn from and are scored on; nobody who is tested on in the end is among it.

    ``recordings`` all have a label; ``source_digests`` are by id; ``folds`` are the subjects tested on in each inner
    fold; ``kept_out`` the subjects tested on in the end; ``notes`` what the data say of themselves.
    """

    recordings: tuple[Recording, ...]
    source_digests: Mapping[str, str]
    folds: tuple[tuple[str, ...], ...]
    kept_out: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class TrialCache:
    """Where trials are worked on: the folder of the cache, its limit, and how many processes prepare recordings."""

    cache: Path
    limit_bytes: int
    jobs: int


def evaluate(
    trial: Trial, space: Space, inner: InnerFolds, shop: TrialCache, *, values: dict[str, Any] | None = None
) -> list[float]:
    """Take one trial through all inner folds.

    What each fold scored is kept with the trial, so that who takes it over goes on after the last whole fold.

    Parameters
    ----------
    trial : Trial
    space : Space
    inner : InnerFolds
    shop : TrialCache
    values : dict, optional
        By path, instead of letting the trial choose.

    Returns
    -------
    list of float
        The objectives.

    Raises
    ------
    CkseqError
        The recipe cannot be prepared or learnt.
    TrialPruned
        It is worse than others were at this point.
    """
    values = space.suggest(trial) if values is None else values
    trial.set_user_attr(VALUES, values)
    backend.release()
    recipes = space.recipes(values)
    store, facts = prepared(recipes.pipeline, recipes.experiment.input, inner, shop)
    trial.set_user_attr(PREPROCESSING, facts)
    scores: list[dict[str, float]] = list(trial.user_attrs.get(SCORES, []))
    experiments = [_with_test(recipes.experiment, subjects) for subjects in inner.folds]
    with open_store(store) as opened:
        material = gather(opened, experiments[0])
    for fold, experiment in enumerate(experiments):
        if fold >= len(scores):
            (split,) = divide(material.entries, experiment.protocol)
            lost = _lost(inner, material, experiment, fold)
            follow = Follow(trial, space, experiment, scores)
            scores.append(_score_fold(experiment, material, split, lost, follow))
            trial.set_user_attr(SCORES, scores)
        if space.config.prune_by == "fold" and fold + 1 < len(experiments):
            _ask(trial, space, _objective(space, scores, 0), fold)
    return [_objective(space, scores, place) for place in range(len(space.config.objectives))]


def take(
    study: Study,
    n_trials: int,
    evaluate: Callable[[Trial], Sequence[float]],
    *,
    label: str,
    told: Callable[[FrozenTrial], str],
    heartbeat_s: float,
    console: Console,
) -> None:
    """Take trials until a study has as many as asked for, whichever process did them, and tell of each."""
    done = _ended(study)
    if done:
        console.say(f"{min(done, n_trials)} {label} are done already")
    waited: list[int] = []
    with console.progress(label, max(0, n_trials - done)) as bar:

        def tell(trial: FrozenTrial) -> None:
            nonlocal done
            before, done = done, _ended(study)  # other processes take trials, too
            bar.advance(done - before, text=told(trial))
            if trial.state.name == "FAIL":
                console.warn(f"{told(trial)}, another takes its place: {trial.user_attrs.get(ERROR)}")

        def waits(running: int) -> None:
            if not waited:
                console.say(f"waiting for {running} of the {label}, which other processes have taken")
                waited.append(running)

        run_trials(study, n_trials, evaluate, heartbeat_s=heartbeat_s, on_end=tell, on_wait=waits)


def _ended(study: Study) -> int:
    counts = tally(study)
    return counts.complete + counts.pruned


def prepared(pipeline: Pipeline, what: str, inner: InnerFolds, shop: TrialCache) -> tuple[Path, dict[str, Any]]:
    """Return the store of a pipeline's tensors, made where the cache has none, and what making it took.

    The facts are ``seconds``, ``recordings``, and how many of these were served by the cache, by stage: ``store``,
    ``aligned`` and ``faces``.
    """
    start = time.perf_counter()
    # a trial needs no blobs but to learn from them, and packing them takes longer than finding them
    pipeline = pipeline.model_copy(
        update={"reduce": pipeline.reduce.model_copy(update={"keep_blobs": what == "blobs"})}
    )
    sources = [[one.id, inner.source_digests[one.id]] for one in inner.recordings]
    path = shop.cache / "stores" / f"{digest(STAGE_VERSION, pipeline, sources)}.h5"
    served: Counter[str] = Counter()
    if path.is_file():
        touch(path)
        served["store"] = len(inner.recordings)
    else:
        own = path.with_name(f"{path.stem}.{os.getpid()}.h5")
        results = prepare_all(
            inner.recordings,
            pipeline,
            own,
            notes=list(inner.notes),
            source_digests=inner.source_digests,
            cache=shop.cache,
            passing=True,
            jobs=shop.jobs,
            console=Console(quiet=True),
        )
        own.replace(path)
        served.update(stage for result in results for stage in result.from_cache)
        trim(shop.cache, shop.limit_bytes)
    seconds = round(time.perf_counter() - start, 3)
    return path, {"seconds": seconds, "recordings": len(inner.recordings), "served": dict(served)}


def learn(experiment: Experiment, material: Dataset, split: Split, follow: Follow | None = None) -> Learned:
    """Learn from the training side of a fold, as the experiment says."""
    learner = learner_of(experiment, material)
    train, test = (material.side(side)[1] for side in (split.train, split.test))
    return learner.learn(train=train, watched=test, on_epoch=None if follow is None else follow.epoch)


class Follow:
    """Reports every epoch of a fold, where it is epochs that trials are ended after."""

    def __init__(self, trial: Trial, space: Space, experiment: Experiment, before: Sequence[dict[str, float]]) -> None:
        self._trial, self._space, self._before = trial, space, before
        self._epochs = experiment.training.epochs

    @property
    def asks(self) -> bool:
        """Whether trials are ended after epochs at all."""
        config = self._space.config
        return config.prune_by == "epoch" and config.pruner != "none" and len(config.objectives) == 1

    def epoch(self, state: State) -> None:
        """Report the last epoch; `TrialPruned` ends the training.

        The accuracy on the inner fold stands for the objective, and what the folds before scored counts with it.
        """
        if not self.asks:
            return
        accuracy = state.epochs[-1].val_accuracy
        name = self._space.config.objectives[0]
        now = 1 - accuracy if name == "error" else accuracy
        so_far = fmean([*(score[name] for score in self._before), now])
        _ask(self._trial, self._space, so_far, len(self._before) * self._epochs + state.epochs[-1].epoch)


def _ask(trial: Trial, space: Space, value: float, step: int) -> None:
    if len(space.config.objectives) > 1 or space.config.pruner == "none":
        return
    trial.report(value, step)
    if trial.should_prune():
        raise TrialPruned


def _with_test(experiment: Experiment, subjects: tuple[str, ...]) -> Experiment:
    protocol = ProtocolConfig(kind="subject_holdout", test_subjects=subjects)
    changes: dict[str, Any] = {"protocol": protocol}
    if experiment.training.validation == "given":
        # what is measured after every epoch would be the inner fold, and choose the epoch
        changes["training"] = experiment.training.model_copy(update={"validation": "inner"})
    return experiment.model_copy(update=changes)


def _score_fold(
    experiment: Experiment, material: Dataset, split: Split, lost: Sequence[str], follow: Follow
) -> dict[str, float]:
    if follow.asks and experiment.training.validation == "none":
        # the test side of an inner fold is looked at after every epoch, and changes nothing that is learnt
        training = experiment.training.model_copy(update={"validation": "test"})
        experiment = experiment.model_copy(update={"training": training})
    learned = learn(experiment, material, split, follow)
    rows = predict_test_side(learned.model, material, split, seed=None)
    told = [(row.truth, row.predicted == row.truth) for row in rows] + [(label, False) for label in lost]
    scores = fold_scores(told)
    _, test = material.side(split.test)
    scores["prediction_ms"] = _prediction_ms(learned, test)
    if hasattr(learned.model, "count_params"):
        scores["parameters"] = float(learned.model.count_params())
    return scores


def fold_scores(told: Sequence[tuple[str, bool]]) -> dict[str, float]:
    """Score a fold, given the true label of each sequence and whether it was named.

    >>> fold_scores([("anger", True), ("anger", True), ("anger", True), ("fear", False)])
    {'accuracy': 0.75, 'balanced_accuracy': 0.5, 'error': 0.25}
    """
    accuracy = fmean(right for _, right in told)
    labels = {label for label, _ in told}
    recalls = [fmean(right for label, right in told if label == one) for one in sorted(labels)]
    return {"accuracy": accuracy, "balanced_accuracy": fmean(recalls), "error": 1 - accuracy}


def _objective(space: Space, scores: Sequence[dict[str, float]], place: int) -> float:
    name = space.config.objectives[place]
    if name not in scores[0]:
        raise CkseqError(f"this model has no number of {name}", fix="seek something else, or vary networks only")
    return fmean(score[name] for score in scores)


def _lost(inner: InnerFolds, material: Dataset, experiment: Experiment, fold: int) -> list[str]:
    """Return the labels of the sequences of a fold that this recipe has no answer for: they count as wrong.

    Otherwise a recipe that loses the hard ones would be the best. What the experiment leaves out to have balanced
    classes is not lost.
    """
    if experiment.balance.per_class != "all":
        return []
    there = {entry.id for entry in material.entries}
    tested = set(inner.folds[fold])
    return [str(one.label) for one in inner.recordings if one.subject in tested and one.id not in there]


def _prediction_ms(learned: Learned, test: Labeled) -> float:
    times = []
    for place in range(min(_TIMED, len(test.x)) + 1):
        row = np.asarray(test.take(np.array([max(0, place - 1)])).x)
        start = time.perf_counter()
        learned.probabilities(row)
        times.append(1000 * (time.perf_counter() - start))
    return round(median(times[1:]), 3)  # the first answer takes longer, and is not counted
