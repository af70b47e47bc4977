"""What a trial stores beside its parameters and values: its hyperparameters by path, fold scores and preprocessing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from ckseq.config import Tree

# the names of user attributes; studies that exist have them
VALUES, SCORES, PREPROCESSING, ERROR = "values", "scores", "preprocessing", "error"


class FoldScores(TypedDict, total=False):
    """The scores of one inner fold; ``parameters`` only of networks."""

    accuracy: float
    balanced_accuracy: float
    error: float
    prediction_ms: float
    parameters: float


class PreprocessingFacts(TypedDict):
    """The time that preprocessing took, and how many of the recordings the cache served, by stage."""

    seconds: float
    recordings: int
    served: dict[str, int]


def values_of(trial: FrozenTrial | Trial) -> Tree:
    """Return the hyperparameters by path."""
    values: Tree = trial.user_attrs.get(VALUES, {})
    return values


def fold_scores_of(trial: FrozenTrial | Trial) -> list[FoldScores]:
    """Return the scores of the inner folds that the trial has finished."""
    scores: list[FoldScores] = trial.user_attrs.get(SCORES, [])
    return list(scores)


def preprocessing_of(trial: FrozenTrial) -> PreprocessingFacts | None:
    """Return the facts of preprocessing; None if the trial did not get so far."""
    facts: PreprocessingFacts | None = trial.user_attrs.get(PREPROCESSING)
    return facts


def objectives_of(trial: FrozenTrial, names: Sequence[str]) -> dict[str, float]:
    """Return the objective values of a complete trial by name."""
    return dict(zip(names, trial.values, strict=True))


def cache_hits(study: Study) -> dict[str, float]:
    """Return the share of recordings, over all trials, that the cache served, by stage; ``any`` is any stage."""
    served: Counter[str] = Counter()
    n_recordings = 0
    for trial in study.get_trials(deepcopy=False):
        if facts := preprocessing_of(trial):
            n_recordings += facts["recordings"]
            served.update(facts["served"])
            served["any"] += max(facts["served"].values(), default=0)
    return {stage: round(n / n_recordings, 4) for stage, n in sorted(served.items())} if n_recordings else {}


def describe_trial(trial: FrozenTrial, names: Sequence[str]) -> str:
    """Return a line about a finished trial; ``names`` are the objectives."""
    preprocessing = preprocessing_of(trial)
    time = f", preprocessing {preprocessing['seconds']:.1f} s" if preprocessing else ""
    if trial.state != TrialState.COMPLETE:
        return f"trial {trial.number}: {'pruned' if trial.state == TrialState.PRUNED else 'failed'}{time}"
    return f"trial {trial.number}: {figures(objectives_of(trial, names))}{time}"


def figures(objectives: dict[str, float]) -> str:
    """Return objective values as text.

    >>> figures({"error": 0.25, "prediction_ms": 1.5})
    'error 0.250, prediction_ms 1.500'
    """
    return ", ".join(f"{name} {value:.3f}" for name, value in objectives.items())
