"""Paired comparison of two models on the same sequences: McNemar, permutation test, interval of the difference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.protocol.score import Interval

# with at most this many subjects all sign changes are enumerated, which makes the p-value exact
_EXACT_SUBJECTS = 14


class Difference(NamedTuple):
    """The difference between two models, positive where the second is better.

    ``difference`` is that of the accuracies, ``interval`` its bootstrap interval over subjects; ``won`` and ``lost``
    count the sequences that only the second or only the first classified correctly; ``mcnemar`` and ``permutation`` are
    two-sided p-values, ``mcnemar`` NaN where sequences have several predictions.
    """

    difference: float
    interval: Interval
    won: int
    lost: int
    mcnemar: float
    permutation: float
    n: int
    n_subjects: int


def compare(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    subjects: Sequence[str],
    *,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> Difference:
    """Compare two models on the same sequences.

    Parameters
    ----------
    first, second : (n,) float64
        Whether each model classified each sequence correctly: 0 or 1, or the share of correct predictions over seeds.
    subjects : sequence of str
        The subject of each sequence.
    n_draws : int
        Of the bootstrap, and of the permutation test where there are too many permutations to enumerate.
    confidence : float
        Confidence level of the interval, between 0 and 1.
    rng : numpy.random.Generator

    Raises
    ------
    DataError
        There are no sequences, or the arrays differ in length.
    """
    if len(first) == 0 or not len(first) == len(second) == len(subjects):
        raise DataError(f"{len(first)} and {len(second)} predictions cannot be compared", fix="use the same sequences")
    names, subject_of = np.unique(list(subjects), return_inverse=True)
    gain, n_of = np.zeros(len(names)), np.bincount(subject_of)
    np.add.at(gain, subject_of, second - first)
    whole = bool(np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all())
    won, lost = int((second > first).sum()), int((second < first).sum())
    return Difference(
        difference=float(gain.sum() / len(first)),
        interval=_bootstrap(gain, n_of, n_draws, confidence, rng),
        won=won,
        lost=lost,
        mcnemar=mcnemar(won, lost) if whole else math.nan,
        permutation=permutation(gain, n_draws=n_draws, rng=rng),
        n=len(first),
        n_subjects=len(names),
    )


def mcnemar(won: int, lost: int, *, alternative: Literal["two-sided", "greater"] = "two-sided") -> float:
    """Return the p-value of the exact McNemar test.

    Parameters
    ----------
    won, lost : int
        Sequences that only one model or only the other classified correctly.
    alternative : str
        ``greater``: that the winning model is better, one-sided.

    References
    ----------
    McNemar, Q. (1947). Note on the sampling error of the difference between correlated proportions. Psychometrika 12.

    Examples
    --------
    >>> mcnemar(5, 0)
    0.0625
    """
    from scipy.stats import binomtest

    return 1.0 if won + lost == 0 else float(binomtest(won, won + lost, 0.5, alternative=alternative).pvalue)


def permutation(gain: NDArray[np.float64], *, n_draws: int, rng: np.random.Generator) -> float:
    """Return the two-sided p-value of a paired permutation test over subjects.

    If the models are equally good, their predictions for a subject can be exchanged.

    Parameters
    ----------
    gain : (n_subjects,) float64
        For each subject, the number of correct predictions of the second model minus that of the first.
    n_draws : int
        Number of random permutations; with few subjects all permutations are enumerated instead.
    rng : numpy.random.Generator

    References
    ----------
    Good, P. (2005). Permutation, parametric and bootstrap tests of hypotheses, section 3.

    Examples
    --------
    >>> permutation(np.array([1.0, 1.0, 1.0]), n_draws=1000, rng=np.random.default_rng(0))
    0.25
    """
    found = abs(gain.sum())
    # tolerance: sums of the same numbers in another order differ in their last bits
    enough = found * (1 - 1e-12)
    if len(gain) <= _EXACT_SUBJECTS:
        numbers = np.arange(2 ** len(gain))[:, None]
        signs = 1 - 2 * ((numbers >> np.arange(len(gain))) & 1)
        return float((np.abs(signs @ gain) >= enough).mean())
    signs = rng.choice((-1.0, 1.0), size=(n_draws, len(gain)))
    n_extreme = int((np.abs(signs @ gain) >= enough).sum())
    return (n_extreme + 1) / (n_draws + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple comparisons by Holm's method.

    References
    ----------
    Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics 6.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected, least = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = least
    return corrected


def _bootstrap(
    gain: NDArray[np.float64], n_of: NDArray[np.int_], n_draws: int, confidence: float, rng: np.random.Generator
) -> Interval:
    times = rng.multinomial(len(gain), np.full(len(gain), 1 / len(gain)), size=n_draws)
    low, high = np.quantile(times @ gain / (times @ n_of), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))
