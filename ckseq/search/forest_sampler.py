"""Bayesian optimization with a random forest as surrogate and the lower confidence bound as acquisition function.

Implemented here on scikit-learn's forest, since the packages that provide it are unmaintained (scikit-optimize), bring
storage and parallel trials of their own instead of Optuna's (SMAC3), or load code over the network (OptunaHub).

References
----------
Hutter, Hoos and Leyton-Brown 2011, LION 5 (forests as surrogates, mean and spread over the trees); Cox and John 1992,
IEEE SMC (the lower confidence bound).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, RandomSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

_TREES = 100
_CANDIDATES = 1000
# number of candidates that are the best trials so far with some values changed
_NEAR = 300
# number of standard deviations below the mean
_KAPPA = 1.96


class ForestSampler(BaseSampler):
    """Proposes the candidate with the lowest predicted loss, minus a multiple of its standard deviation.

    Parameters
    ----------
    seed : int
    n_startup_trials : int
        Number of random trials at the start.
    """

    def __init__(self, *, seed: int, n_startup_trials: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self._n_startup_trials = n_startup_trials
        self._random = RandomSampler(seed=seed)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:  # noqa: ARG002
        """Return every parameter that any trial has had, conditional ones included."""
        space: dict[str, BaseDistribution] = {}
        for one in _finished(study):
            space.update(one.distributions)
        return {name: space[name] for name in sorted(space) if not space[name].single()}

    def sample_relative(
        self,
        study: Study,
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """Return the proposal; empty, hence random, while there are too few trials."""
        trials = _finished(study)
        if len(study.directions) > 1:
            raise NotImplementedError("the forest sampler supports one objective only")
        if len(trials) < self._n_startup_trials or not search_space:
            return {}
        from sklearn.ensemble import RandomForestRegressor

        sign = -1.0 if study.direction == StudyDirection.MAXIMIZE else 1.0
        loss = np.array([sign * float(one.value or 0.0) for one in trials])
        points = [one.params for one in trials]
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, max_features=5 / 6, random_state=self._seed % 2**32)
        forest.fit(_encoded(points, search_space), loss)
        candidates = self._candidates([points[place] for place in np.argsort(loss)[:5]], search_space)
        rows = _encoded(candidates, search_space)
        by_tree = np.stack([tree.predict(rows) for tree in forest.estimators_])
        bound = by_tree.mean(axis=0) - _KAPPA * by_tree.std(axis=0)
        return candidates[int(bound.argmin())]

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one parameter at random."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def _candidates(self, best: Sequence[dict[str, Any]], space: dict[str, BaseDistribution]) -> list[dict[str, Any]]:
        drawn = [{name: _draw(one, self._rng) for name, one in space.items()} for _ in range(_CANDIDATES)]
        for number in range(_NEAR):
            near = best[number % len(best)]
            changed = set(self._rng.choice(list(space), size=min(2, len(space)), replace=False).tolist())
            drawn[number].update({name: near[name] for name in space if name in near and name not in changed})
        return drawn


def _finished(study: Study) -> list[FrozenTrial]:
    """Return the trials with a value; a pruned one has the value it last reported."""
    trials = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))
    return [one for one in trials if one.values is not None]


def _draw(distribution: BaseDistribution, rng: np.random.Generator) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[int(rng.integers(len(distribution.choices)))]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high, step = distribution.low, distribution.high, distribution.step
    drawn = float(np.exp(rng.uniform(np.log(low), np.log(high))) if distribution.log else rng.uniform(low, high))
    if step is not None:
        drawn = low + step * round((drawn - low) / step)
    drawn = min(max(drawn, low), high)
    return round(drawn) if isinstance(distribution, IntDistribution) else drawn


def _encoded(points: Sequence[dict[str, Any]], space: dict[str, BaseDistribution]) -> NDArray[np.float64]:
    """Return (n_points, n_columns): a number scaled to its range, one-hot columns for choices, -1 if absent."""
    columns = []
    for name, distribution in space.items():
        if isinstance(distribution, CategoricalDistribution):
            columns += [
                [-1.0 if name not in point else float(point[name] == choice) for point in points]
                for choice in distribution.choices
            ]
        else:
            assert isinstance(distribution, IntDistribution | FloatDistribution)
            scale = np.log if distribution.log else float
            low, high = scale(distribution.low), scale(distribution.high)
            columns.append(
                [-1.0 if name not in point else (scale(point[name]) - low) / (high - low) for point in points]
            )
    return np.array(columns, np.float64).T
