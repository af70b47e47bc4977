"""Confidence intervals: Wilson's of a rate, and the one interval of an accuracy, which every table and page prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ckseq.errors import DataError
from ckseq.grammar import agreeing, counted

LEAST_SUBJECTS = 10
"""With fewer people, resampling them gives intervals that are too narrow (Cameron, Gelbach and Miller 2008)."""
LEAST_CLUSTERS = 5
"""Of fewer values a bootstrap gives no interval: there are too few different resamples."""
N_DRAWS = 2000
"""Bootstrap samples of every interval."""
SEED = 0
"""Of the bootstrap, so that an interval is the same wherever it is printed."""


METHOD_WORDS = {"bootstrap_by_subject": "bootstrap", "wilson": "Wilson"}


class Interval(NamedTuple):
    """A confidence interval of a rate: both ends are fractions."""

    low: float
    high: float


NO_INTERVAL = Interval(math.nan, math.nan)
"""Where none can be given."""

Drawn = Literal["subject", "sequence"]
"""What a bootstrap draws anew."""


class Clusters(NamedTuple):
    """What a bootstrap draws anew: n subjects or sequences, and which of them each value belongs to, (values,)."""

    by: Drawn
    n: int
    of: NDArray[np.int_]

    @property
    def name(self) -> str:
        """What is drawn, counted."""
        return counted(self.n, self.by)


class IntervalMethod(NamedTuple):
    """How the interval of an accuracy was computed; ``n_subjects`` is None where the subjects are unknown."""

    kind: Literal["bootstrap_by_subject", "wilson"]
    n: int
    n_subjects: int | None

    @property
    def word(self) -> str:
        """The method in a word, for a column of a table."""
        return METHOD_WORDS[self.kind]

    @property
    def short(self) -> str:
        """The method in a word or three, for a head line."""
        return f"{self.word} by subject" if self.kind == "bootstrap_by_subject" else self.word

    @property
    def name(self) -> str:
        """The method with what it counts.

        >>> IntervalMethod("bootstrap_by_subject", 104, 18).name, IntervalMethod("wilson", 42, 9).name
        ('bootstrap over 18 subjects', 'Wilson, of 42 sequences')
        """
        if self.kind == "bootstrap_by_subject":
            return f"bootstrap over {self.n_subjects} subjects"
        return f"Wilson, of {counted(self.n, 'sequence')}"

    @property
    def reason(self) -> str:
        """Why it is this method, as a sentence."""
        if self.kind == "bootstrap_by_subject":
            return (
                f"the {self.n_subjects} test subjects were drawn anew {N_DRAWS:,} times, since sequences of one person "
                "resemble each other"
            )
        if self.n_subjects is None:
            return "the subjects are unknown, so every sequence counts as independent of the others"
        if self.n_subjects < LEAST_SUBJECTS:
            who = f"{counted(self.n_subjects, 'subject')} {agreeing(self.n_subjects, 'is', 'are')}"
            return (
                f"{who} too few to be drawn anew (at least {LEAST_SUBJECTS}), so every sequence counts as independent "
                "of the others, and for other people the interval may be too narrow"
            )
        return (
            "drawing the subjects anew gives no width, since all have the same accuracy, so every sequence counts as "
            "independent of the others"
        )


def accuracy_interval(
    correct: ArrayLike, subjects: Sequence[str] | None, *, repeats: float = 1, confidence: float
) -> tuple[Interval, IntervalMethod]:
    """Return the confidence interval of an accuracy that is to be published, and how it was computed.

    It is a percentile bootstrap over subjects (cluster bootstrap) where there are at least `LEAST_SUBJECTS` people and
    these draws differ; otherwise Wilson's interval, of sequences. All predictions of a subject stay together, also
    those of several seeds.

    Parameters
    ----------
    correct : (n,) bool or float64
        Whether each prediction is correct.
    subjects : sequence of str, optional
        The subject of each prediction; None where subjects are unknown.
    repeats : float
        Mean number of predictions per sequence, as by models of several seeds; a sequence counts once.
    confidence : float
        Confidence level, between 0 and 1.

    Raises
    ------
    DataError
        There are no predictions, or the confidence is out of range.

    References
    ----------
    Davison, A. C. & Hinkley, D. V. (1997). Bootstrap methods and their application, section 3.8 (cluster resampling).
    Cameron, A. C., Gelbach, J. B. & Miller, D. L. (2008). Bootstrap-based improvements for inference with clustered
    errors. Review of Economics and Statistics 90(3).

    Examples
    --------
    >>> ends, method = accuracy_interval([1] * 37 + [0] * 5, None, confidence=0.95)
    >>> [round(end, 3) for end in ends], method.name
    ([0.75, 0.948], 'Wilson, of 42 sequences')
    """
    right = np.asarray(correct, float)
    n = round(len(right) / repeats)
    wilson = wilson_interval(float(right.sum()) / repeats, len(right) / repeats, confidence=confidence)
    if subjects is None:
        return wilson, IntervalMethod("wilson", n, None)
    names, subject_of = np.unique(list(subjects), return_inverse=True)
    if len(names) >= LEAST_SUBJECTS:
        times = draws(len(names), n_draws=N_DRAWS, rng=np.random.default_rng(SEED))
        rates = (times @ np.bincount(subject_of, right)) / (times @ np.bincount(subject_of))
        interval = percentile_interval(rates, n_clusters=len(names), confidence=confidence)
        if is_known(interval):
            return interval, IntervalMethod("bootstrap_by_subject", n, len(names))
    return wilson, IntervalMethod("wilson", n, len(names))


def clusters_of(subjects: Sequence[str] | None, sequences: Sequence[str]) -> Clusters:
    """Return what a bootstrap draws: subjects from `LEAST_SUBJECTS` on, and sequences where there are fewer.

    An interval by sequence says nothing about new people.

    Parameters
    ----------
    subjects, sequences : sequence of str
        Of each value; subjects are None where they are unknown.

    Examples
    --------
    >>> clusters_of(["S1", "S1", "S2"], ["a", "b", "c"]).name, clusters_of([str(n) for n in range(12)], "a" * 12).by
    ('3 sequences', 'subject')
    """
    by_people = subjects is not None and len(set(subjects)) >= LEAST_SUBJECTS
    names, of = np.unique(list(subjects if by_people and subjects is not None else sequences), return_inverse=True)
    return Clusters("subject" if by_people else "sequence", len(names), of)


def percentile_interval(values: NDArray[np.float64], *, n_clusters: int, confidence: float) -> Interval:
    """Return the percentile interval of what the resamples gave; NaN where these cannot show how sure it is.

    That is so with fewer than `LEAST_CLUSTERS` things to draw, and where all resamples are equal.

    Parameters
    ----------
    values : (n_draws,) float64
        NaN where a resample does not define it.
    n_clusters : int
        How many things were drawn anew.
    confidence : float

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), n_clusters=10, confidence=0.5)
    Interval(low=25.0, high=75.0)
    >>> percentile_interval(np.ones(101), n_clusters=10, confidence=0.5)
    Interval(low=nan, high=nan)
    """
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return NO_INTERVAL
    return with_width(Interval(*np.quantile(defined, tails(confidence)).tolist()), n_clusters=n_clusters)


def with_width(interval: Interval, *, n_clusters: int) -> Interval:
    """Return the interval of a bootstrap that drew so many things, or none, as of `percentile_interval`."""
    # without width it would claim certainty; values that are equal differ in their last bits
    wide = interval.high - interval.low > 1e-9
    return interval if wide and n_clusters >= LEAST_CLUSTERS else NO_INTERVAL


def is_known(interval: Interval) -> bool:
    """Return whether there is an interval."""
    return not math.isnan(interval.low)


def draws(n_clusters: int, *, n_draws: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return how often each bootstrap sample takes each cluster, (n_draws, n_clusters)."""
    return rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), size=n_draws).astype(float)


def tails(confidence: float) -> list[float]:
    """Return the lower and the upper quantile of a percentile interval."""
    return [(1 - confidence) / 2, (1 + confidence) / 2]


def wilson_interval(successes: float, n: float, *, confidence: float) -> Interval:
    """Return Wilson's score interval of a rate.

    The formula is written out since ``scipy.stats.binomtest`` accepts whole counts only, and means over seeds are not.

    Parameters
    ----------
    successes, n : float
        Number of successes and of trials, at least one; means over several predictions per sequence need not be whole.
    confidence : float
        Confidence level between 0 and 1, as 0.95.

    Raises
    ------
    DataError
        The counts or the confidence are out of range.

    References
    ----------
    Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. JASA 22(158).

    Examples
    --------
    >>> [round(end, 3) for end in wilson_interval(37, 42, confidence=0.95)]
    [0.75, 0.948]
    """
    if n < 1 or not 0 <= successes <= n:
        raise DataError(f"{successes} of {n} is not a rate")
    if not 0 < confidence < 1:
        raise DataError(f"a confidence of {confidence} is not between 0 and 1")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate = successes / n
    center = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # for 0 and n successes an end is exactly 0 or 1, without rounding errors
    return Interval(0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half)
