"""Which of some candidates to take, by scores that had no part in choosing them.

The best of many noisy scores is partly the luckiest one, and a recipe that a search has found may be worse than the one
it began with. So candidates are scored again on divisions of the people that chose none of them, and the one that
stands gives way only to a difference that is more than noise.

References
----------
Breiman, Friedman, Olshen and Stone 1984, Classification and Regression Trees, section 3.4.3 (the rule of one standard
error); Nadeau and Bengio 2003, Machine Learning 52 (the variance of scores whose training sets overlap); Cawley and
Talbot 2010, Journal of Machine Learning Research 11 (the bias of the best of many).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ckseq.errors import DataError


class Gain(NamedTuple):
    """How much better one is than another: the mean of the differences fold by fold, and its standard error."""

    mean: float
    standard_error: float


class Choice(NamedTuple):
    """What was chosen, what scored best, and the best one's gain over what stood; None where nothing stood."""

    chosen: int
    best: int
    gain: Gain | None


def gain_over(score: Sequence[float], standing: Sequence[float], *, tested_to_trained: float) -> Gain:
    """Compare two candidates on the same folds.

    Folds that share people to learn from say less than as many that do not: the variance of their mean is that of the
    differences times ``1 / k + tested_to_trained`` (Nadeau and Bengio 2003, the corrected resampled t-test)
    instead of ``1 / k``.

    Parameters
    ----------
    score, standing : (k,) float
        Higher is better.
    tested_to_trained : float
        How many were tested for each that was learnt from: 1 / 2 with three folds to a division; 0 for folds that share
        nothing.

    Raises
    ------
    DataError
        The folds are not as many of one as of the other, or fewer than two.

    >>> gain_over([0.75, 1.0], [0.75, 0.5], tested_to_trained=0)
    Gain(mean=0.25, standard_error=0.25)
    >>> gain_over([0.75, 1.0], [0.75, 0.5], tested_to_trained=1.5)
    Gain(mean=0.25, standard_error=0.5)
    """
    if len(score) != len(standing) or len(score) < 2:
        raise DataError(
            f"{len(score)} and {len(standing)} folds cannot be compared", fix="score both on the same folds"
        )
    differences = np.subtract(score, standing)
    variance = float(differences.var(ddof=1)) * (1 / len(differences) + tested_to_trained)
    return Gain(float(differences.mean()), math.sqrt(variance))


def choose(scores: Mapping[int, Sequence[float]], *, standing: int | None, tested_to_trained: float) -> Choice:
    """Choose the candidate with the best mean, unless it is not better than what stands by one standard error.

    Parameters
    ----------
    scores : mapping
        Of each candidate its scores by fold, higher is better; of equal means the earlier one is the best.
    standing : int, optional
        The candidate that keeps its place in doubt.
    tested_to_trained : float
        As `gain_over` takes it.

    Returns
    -------
    Choice

    Raises
    ------
    DataError
        There is no candidate, or they were not scored on the same folds.

    >>> choose({0: [0.6, 0.8, 0.7], 7: [0.7, 0.9, 0.9]}, standing=0, tested_to_trained=0.5).chosen
    7
    >>> choose({0: [0.6, 0.8, 0.7], 7: [0.9, 0.7, 0.6]}, standing=0, tested_to_trained=0.5).chosen
    0
    """
    if not scores:
        raise DataError("there is nothing to choose from")
    best = max(scores, key=lambda one: float(np.mean(scores[one])))
    if standing is None:
        return Choice(best, best, None)
    gain = gain_over(scores[best], scores[standing], tested_to_trained=tested_to_trained)
    return Choice(best if gain.mean > gain.standard_error else standing, best, gain)
