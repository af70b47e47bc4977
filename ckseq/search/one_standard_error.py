"""The one-standard-error rule: which of some candidates to select, by scores that had no part in finding them.

The best of many noisy scores is partly the luckiest one, and a recipe that a search has found may be worse than the
baseline that it began with. So the baseline gives way only to a gain of more than one standard error.

References
----------
Breiman, Friedman, Olshen and Stone 1984, Classification and Regression Trees, section 3.4.3 (the one-standard-error
rule); Nadeau and Bengio 2003, Machine Learning 52 (the variance of scores whose training sets overlap); Cawley and
Talbot 2010, Journal of Machine Learning Research 11 (the selection bias of the best of many).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ckseq.errors import DataError


class Gain(NamedTuple):
    """How much better one candidate is than another: the mean of the differences by fold, and its standard error."""

    mean: float
    standard_error: float


class Choice(NamedTuple):
    """The selected candidate, the one with the best mean, and the latter's gain over the baseline, if there is one."""

    selected: int
    best: int
    gain: Gain | None


def select(scores: Mapping[int, Sequence[float]], *, baseline: int | None, test_train_ratio: float) -> Choice:
    """Select the candidate with the best mean, unless its gain over the baseline is within one standard error.

    Parameters
    ----------
    scores : mapping
        Of each candidate its scores by fold, higher is better; of equal means the first is the best.
    baseline : int, optional
        The candidate that is kept in doubt.
    test_train_ratio : float
        As in `gain_over`.

    Returns
    -------
    Choice

    Raises
    ------
    DataError
        There is no candidate, or they were not scored on the same folds.

    >>> select({0: [0.6, 0.8, 0.7], 7: [0.7, 0.9, 0.9]}, baseline=0, test_train_ratio=0.5).selected
    7
    >>> select({0: [0.6, 0.8, 0.7], 7: [0.9, 0.7, 0.6]}, baseline=0, test_train_ratio=0.5).selected
    0
    """
    if not scores:
        raise DataError("there are no candidates to select from")
    best = max(scores, key=lambda one: float(np.mean(scores[one])))
    if baseline is None:
        return Choice(best, best, None)
    gain = gain_over(scores[best], scores[baseline], test_train_ratio=test_train_ratio)
    return Choice(best if gain.mean > gain.standard_error else baseline, best, gain)


def gain_over(scores: Sequence[float], baseline: Sequence[float], *, test_train_ratio: float) -> Gain:
    """Compare two candidates on the same folds.

    Folds whose training sets overlap are not independent: the variance of the mean is that of the differences times
    ``1 / k + test_train_ratio`` instead of ``1 / k`` (Nadeau and Bengio 2003, the corrected resampled t-test).

    Parameters
    ----------
    scores, baseline : (k,) float
        Higher is better.
    test_train_ratio : float
        The size of a test set relative to its training set: 1 / 2 with three folds; 0 for independent folds.

    Raises
    ------
    DataError
        The numbers of folds differ, or are below two.

    >>> gain_over([0.75, 1.0], [0.75, 0.5], test_train_ratio=0)
    Gain(mean=0.25, standard_error=0.25)
    >>> gain_over([0.75, 1.0], [0.75, 0.5], test_train_ratio=1.5)
    Gain(mean=0.25, standard_error=0.5)
    """
    if len(scores) != len(baseline) or len(scores) < 2:
        fix = "score both on the same folds"
        raise DataError(f"{len(scores)} and {len(baseline)} folds cannot be compared", fix=fix)
    differences = np.subtract(scores, baseline)
    variance = float(differences.var(ddof=1)) * (1 / len(differences) + test_train_ratio)
    return Gain(float(differences.mean()), math.sqrt(variance))
