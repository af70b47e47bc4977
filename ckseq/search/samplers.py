"""What proposes the next trial of a search, and what ends one early."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, GridSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ckseq.errors import CallError
from ckseq.search.forest_sampler import ForestSampler

SamplerName = Literal["tpe", "gp", "cmaes", "forest", "random", "grid"]
PrunerName = Literal["none", "median", "hyperband"]

# so many trials are drawn at random before a sampler that learns has something to learn from
_STARTUP = 10
# of what a sampler needs: the package, and the extra that brings it
_PACKAGES = {"gp": ("torch", "gp"), "cmaes": ("cmaes", "tune")}
_ONE_OBJECTIVE = ("cmaes", "forest")


def check_sampler(name: SamplerName, *, n_objectives: int) -> None:
    """Refuse a sampler that cannot work, before anything is begun.

    Raises
    ------
    CallError
        A package is missing, or the sampler knows one objective only.
    """
    package, extra = _PACKAGES.get(name, ("", ""))
    if package and find_spec(package) is None:
        raise CallError(
            f"the sampler {name} needs the package {package}", fix=f"pip install 'ckseq[{extra}]', or take tpe"
        )
    if n_objectives > 1 and name in _ONE_OBJECTIVE:
        raise CallError(f"the sampler {name} knows one objective", fix="--set search.sampler=tpe")


def make_sampler(name: SamplerName, *, seed: int, grid: Mapping[str, Sequence[Any]] | None) -> BaseSampler:
    """Return a sampler whose proposal follows from the seed, the number of the trial and the trials before it.

    So two processes never draw the same point because they began alike, and a search that was interrupted goes on as
    it would have gone on.

    Parameters
    ----------
    name : str
        ``cmaes`` keeps its state in the study as a pickle: join only studies of people you trust.
    seed : int
    grid : mapping, optional
        The values of every parameter, which ``grid`` needs.
    """
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda seed: TPESampler(seed=seed, n_startup_trials=_STARTUP, constant_liar=True),
        "gp": lambda seed: GPSampler(seed=seed, n_startup_trials=_STARTUP),
        "cmaes": lambda seed: CmaEsSampler(seed=seed, n_startup_trials=_STARTUP, warn_independent_sampling=False),
        "forest": lambda seed: ForestSampler(seed=seed, n_startup_trials=_STARTUP),
        "random": lambda seed: RandomSampler(seed=seed),
        # the order of a grid is its own: a point goes by the number of its trial
        "grid": lambda _: GridSampler(dict(grid or {}), seed=seed),
    }
    return _Seeded(makers[name], seed)


def make_pruner(name: PrunerName, *, steps: int) -> BasePruner:
    """Return what ends a trial early; ``steps`` is the number of reports of a whole trial."""
    if name == "median":
        return MedianPruner(n_startup_trials=5)
    if name == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=max(1, steps))
    return NopPruner()


class _Seeded(BaseSampler):
    """Takes a new sampler for every trial, seeded by the number of the trial."""

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        self._make, self._seed = make, seed
        self._inner = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._inner = self._make(int(np.random.SeedSequence([self._seed, trial.number]).generate_state(1)[0]))
        self._inner.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        # a grid would stop a loop that is not Optuna's; ours counts the trials itself
        if not isinstance(self._inner, GridSampler):
            self._inner.after_trial(study, trial, state, values)
