"""Ranking of several models over data sets or seeds: mean ranks, Friedman test, critical difference."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError


class Ranking(NamedTuple):
    """Ranks of k models over blocks: ``mean_ranks`` (k,) from 1, the best, to k.

    ``p_value`` is that of the Friedman test; two models whose mean ranks differ by less than
    ``critical_difference`` do not differ significantly (Nemenyi test).
    """

    mean_ranks: NDArray[np.float64]
    p_value: float
    critical_difference: float
    n_blocks: int


def rank(accuracies: NDArray[np.float64], *, confidence: float) -> Ranking:
    """Rank models within each block, and test whether the ranks differ.

    Parameters
    ----------
    accuracies : (n_blocks, k) float64
        Accuracy of each model (column) on each data set or seed (row).
    confidence : float
        Confidence level of the critical difference, between 0 and 1.

    Raises
    ------
    DataError
        There are fewer than three models or two blocks.

    References
    ----------
    Demšar, J. (2006). Statistical comparisons of classifiers over multiple data sets. JMLR 7, section 3.2.
    """
    from scipy.stats import friedmanchisquare, rankdata, studentized_range

    n, k = accuracies.shape
    if k < 3 or n < 2:
        raise DataError(
            f"{k} models on {n} data sets or seeds cannot be ranked",
            fix="use at least three models and two data sets or seeds, or 'ckseq compare'",
        )
    ranks = rankdata(-accuracies, axis=1)
    equal = bool((accuracies == accuracies[:, :1]).all())
    p_value = 1.0 if equal else float(friedmanchisquare(*accuracies.T).pvalue)
    q = float(studentized_range.ppf(confidence, k, np.inf)) / math.sqrt(2)
    return Ranking(ranks.mean(axis=0), p_value, q * math.sqrt(k * (k + 1) / (6 * n)), n)


def alike(ranking: Ranking) -> list[tuple[int, ...]]:
    """Return the largest groups of models, by index, whose mean ranks differ by less than the critical difference."""
    order = [int(place) for place in np.argsort(ranking.mean_ranks, kind="stable")]
    groups: list[tuple[int, ...]] = []
    for begin in range(len(order)):
        best = ranking.mean_ranks[order[begin]]
        group = tuple(p for p in order[begin:] if ranking.mean_ranks[p] - best < ranking.critical_difference)
        if len(group) > 1 and not any(set(group) <= set(larger) for larger in groups):
            groups.append(group)
    return groups
