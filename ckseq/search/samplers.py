"""The samplers that propose the hyperparameters of a trial, and the pruners that end one early."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, GridSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ckseq.errors import CallError
from ckseq.search.forest_sampler import ForestSampler
from ckseq.search.search_config import PrunerName, SamplerName

# number of random trials before a model-based sampler starts
_STARTUP = 10
# the package that a sampler needs, and the extra that installs it
_PACKAGES = {"gp": ("torch", "gp"), "cmaes": ("cmaes", "tune")}
_ONE_OBJECTIVE = ("cmaes", "forest")


def check_sampler(name: SamplerName, *, n_objectives: int) -> None:
    """Refuse a sampler that cannot work, before the search begins.

    Raises
    ------
    CallError
        A package is missing, or the sampler supports a single objective only.
    """
    package, extra = _PACKAGES.get(name, ("", ""))
    if package and find_spec(package) is None:
        fix = f"pip install 'ckseq[{extra}]', or use tpe"
        raise CallError(f"the sampler {name} needs the package {package}", fix=fix)
    if n_objectives > 1 and name in _ONE_OBJECTIVE:
        raise CallError(f"the sampler {name} supports one objective only", fix="--set search.sampler=tpe")


def make_sampler(name: SamplerName, *, seed: int, grid: Mapping[str, Sequence[Any]] | None) -> BaseSampler:
    """Return a sampler whose proposal depends on the seed, the number of the trial and the trials before it.

    So two processes never draw the same point, and an interrupted search resumes as if it had not been interrupted.

    Parameters
    ----------
    name : str
        ``cmaes`` stores its state in the study as a pickle: join only studies of people you trust.
    seed : int
    grid : mapping, optional
        The values of every parameter, for ``grid``.
    """
    makers: dict[str, Callable[[int], BaseSampler]] = {
        "tpe": lambda seed: TPESampler(seed=seed, n_startup_trials=_STARTUP, constant_liar=True),
        "gp": lambda seed: GPSampler(seed=seed, n_startup_trials=_STARTUP),
        "cmaes": lambda seed: CmaEsSampler(seed=seed, n_startup_trials=_STARTUP, warn_independent_sampling=False),
        "forest": lambda seed: ForestSampler(seed=seed, n_startup_trials=_STARTUP),
        "random": lambda seed: RandomSampler(seed=seed),
        # a point of the grid depends on the number of the trial
        "grid": lambda _: GridSampler(dict(grid or {}), seed=seed),
    }
    return _Seeded(makers[name], seed)


def make_pruner(name: PrunerName, *, n_reports: int) -> BasePruner:
    """Return a pruner; ``n_reports`` is the number of values that a complete trial reports."""
    if name == "median":
        return MedianPruner(n_startup_trials=5)
    if name == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=max(1, n_reports))
    return NopPruner()


class _Seeded(BaseSampler):
    """Makes a new sampler for every trial, seeded by the number of the trial."""

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
        # a grid sampler would stop Optuna's own loop; `trial_loop` counts the trials itself
        if not isinstance(self._inner, GridSampler):
            self._inner.after_trial(study, trial, state, values)
