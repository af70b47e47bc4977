"""Paired comparison of two models on the same sequences: one test decides, and its interval agrees with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.protocol.intervals import Interval

# with at most this many subjects all sign changes are enumerated, which makes the p-value exact
_EXACT_SUBJECTS = 14
# permutations drawn at a time: all of those of thousands of images would need gigabytes
_BATCH = 500


Test = Literal["permutation", "mcnemar"]
"""The test that decides: a permutation test over subjects, or the exact McNemar test."""


class Difference(NamedTuple):
    """The difference between two models, positive where the second is better, and the one test that decides.

    ``difference`` is that of the accuracies; ``interval`` consists of the differences that ``test`` does not reject, so
    it excludes 0 exactly where ``p_value`` is below 1 - confidence, and is None where the data give it no width;
    ``won`` and ``lost`` count the sequences on which the second or the first was correct more often; ``mcnemar`` is the
    two-sided p-value of that test, which takes sequences for independent: it does not decide where subjects have
    several, and is NaN where sequences have several predictions. ``n_subjects`` is None where subjects are unknown.
    """

    difference: float
    interval: Interval | None
    test: Test
    p_value: float
    won: int
    lost: int
    mcnemar: float
    n: int
    n_subjects: int | None


def least_p_value(n_units: int) -> float:
    """Return the smallest two-sided p-value of a paired test over so many people or sequences, all won.

    >>> least_p_value(5), least_p_value(6)
    (0.0625, 0.03125)
    """
    return 2.0 ** (1 - n_units)


class Compared(NamedTuple):
    """One of several comparisons; ``p_holm`` is corrected for their number, and the interval as wide as that asks."""

    difference: Difference
    p_holm: float


def compare(
    first: NDArray[np.float64],
    second: NDArray[np.float64],
    subjects: Sequence[str] | None,
    *,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> Difference:
    """Compare two models on the same sequences.

    The test is a permutation test over subjects; where every subject has one sequence, or subjects are unknown, it is
    the exact McNemar test, or over several seeds the permutation test over sequences.

    Parameters
    ----------
    first, second : (n,) float64
        Whether each model classified each sequence correctly: 0 or 1, or the share of correct predictions over seeds.
    subjects : sequence of str, optional
        The subject of each sequence; None where subjects are unknown.
    n_draws : int
        Of the permutation test, where there are too many permutations to enumerate.
    confidence : float
        Confidence level of the interval, between 0 and 1.
    rng : numpy.random.Generator

    Raises
    ------
    DataError
        There are no sequences, or the arrays differ in length.
    """
    n = len(first)
    if n == 0 or n != len(second) or (subjects is not None and n != len(subjects)):
        raise DataError(f"{n} and {len(second)} predictions cannot be compared", fix="use the same sequences")
    names, unit_of = np.unique(list(subjects) if subjects is not None else range(n), return_inverse=True)
    whole = bool(np.isin(first, (0, 1)).all() and np.isin(second, (0, 1)).all())
    won, lost = int((second > first).sum()), int((second < first).sum())
    by_mcnemar = mcnemar(won, lost) if whole else math.nan
    if whole and len(names) == n:
        test: Test = "mcnemar"
        p_value, interval = by_mcnemar, _conditional_interval(won, lost, n, confidence)
    else:
        test = "permutation"
        gain = np.bincount(unit_of, second - first).astype(np.float64)
        permuted = _permuted(gain, np.bincount(unit_of), n_draws, rng)
        p_value, interval = permuted.p_value, permuted.interval(confidence)
    return Difference(
        difference=float((second - first).sum() / n),
        interval=interval,
        test=test,
        p_value=p_value,
        won=won,
        lost=lost,
        mcnemar=by_mcnemar,
        n=n,
        n_subjects=None if subjects is None else len(names),
    )


def compare_pairs(
    pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]],
    subjects: Sequence[str] | None,
    *,
    n_draws: int,
    confidence: float,
    seed: int,
) -> list[Compared]:
    """Compare several pairs of models as `compare` does, with p-values and intervals corrected by Holm's method.

    An interval is that of the level which Holm's method leaves to its pair, so it excludes 0 where ``p_holm`` is below
    1 - confidence.
    """

    def difference(pair: tuple[NDArray[np.float64], NDArray[np.float64]], level: float) -> Difference:
        return compare(*pair, subjects, n_draws=n_draws, confidence=level, rng=np.random.default_rng(seed))

    alone = [difference(pair, confidence).p_value for pair in pairs]
    corrected = holm(alone)
    return [
        Compared(difference(pair, 1 - (1 - confidence) * p / p_holm), p_holm)
        for pair, p, p_holm in zip(pairs, alone, corrected, strict=True)
    ]


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


class _Permuted(NamedTuple):
    """A permutation test of the mean gain, and the differences at which each permutation stops being extreme."""

    p_value: float
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]

    def interval(self, confidence: float) -> Interval | None:
        """Return the differences that the test does not reject; None where that is a single one."""
        place = int((1 - confidence) * len(self.upper))
        low, high = np.sort(self.lower)[place], np.sort(self.upper)[::-1][place]
        return None if high - low < 1e-9 else Interval(max(-1.0, float(low)), min(1.0, float(high)))


def _permuted(gain: NDArray[np.float64], n_of: NDArray[np.int_], n_draws: int, rng: np.random.Generator) -> _Permuted:
    """Test whether the gains of subjects (n_subjects,) may as well have the other sign.

    If the models are equally good, their predictions for a subject can be exchanged; if the second is better by d, so
    can what remains of its gains after d for each of the subject's ``n_of`` sequences is taken away. Permutation i, of
    signs s, is as extreme as what was found as long as |s·gain - d s·n| >= |sum(gain) - d n|: for all d between its two
    bounds, which are solved for here. With at most 14 subjects all permutations are enumerated.

    References
    ----------
    Good, P. (2005). Permutation, parametric and bootstrap tests of hypotheses, section 3.
    Garthwaite, P. H. (1996). Confidence intervals from randomization tests. Biometrics 52(4).
    """
    if len(gain) <= _EXACT_SUBJECTS:
        numbers = np.arange(2 ** len(gain))[:, None]
        signs = 1.0 - 2 * ((numbers >> np.arange(len(gain))) & 1)
        drawn, sizes = signs @ gain, signs @ n_of
    else:
        # the first is what was found, which counts as a permutation
        drawn, sizes = np.full(n_draws + 1, gain.sum()), np.full(n_draws + 1, float(n_of.sum()))
        for begin in range(1, n_draws + 1, _BATCH):
            end = min(begin + _BATCH, n_draws + 1)
            signs = rng.choice((-1.0, 1.0), size=(end - begin, len(gain)))
            drawn[begin:end], sizes[begin:end] = signs @ gain, signs @ n_of
    found, n = gain.sum(), n_of.sum()
    # tolerance: sums of the same numbers in another order differ in their last bits
    p_value = float((np.abs(drawn) >= abs(found) * (1 - 1e-12)).mean())
    with np.errstate(divide="ignore", invalid="ignore"):
        bounds = np.stack([(found + drawn) / (n + sizes), (found - drawn) / (n - sizes)]).round(12)
    same = np.abs(sizes) == n  # every sign is the same: as extreme for any difference
    return _Permuted(
        p_value,
        np.where(same, -np.inf, bounds.min(axis=0)),
        np.where(same, np.inf, bounds.max(axis=0)),
    )


def _conditional_interval(won: int, lost: int, n: int, confidence: float) -> Interval | None:
    """Return the differences in accuracy that the exact McNemar test does not reject.

    Given the sequences on which the models differ, the share that the second wins has the exact interval of Clopper and
    Pearson (1934, Biometrika 26), which excludes one half exactly where McNemar's test rejects.
    """
    from scipy.stats import binomtest

    differ = won + lost
    if differ == 0:
        return None
    share = binomtest(won, differ, 0.5).proportion_ci(confidence, method="exact")
    return Interval(*(float((2 * end - 1) * differ / n) for end in (share.low, share.high)))


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
