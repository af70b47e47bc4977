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
N_DRAWS = 2000
"""Bootstrap samples of every interval."""
SEED = 0
"""Of the bootstrap, so that an interval is the same wherever it is printed."""


METHOD_WORDS = {"bootstrap_by_subject": "bootstrap", "wilson": "Wilson"}


class Interval(NamedTuple):
    """A confidence interval of a rate: both ends are fractions."""

    low: float
    high: float


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
    correct: ArrayLike, subjects: Sequence[str] | None, *, repeats: int = 1, confidence: float
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
    repeats : int
        Number of predictions per sequence, as by models of several seeds; a sequence counts once.
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
    n = len(right) // repeats
    wilson = wilson_interval(float(right.sum()) / repeats, len(right) / repeats, confidence=confidence)
    if subjects is None:
        return wilson, IntervalMethod("wilson", n, None)
    names, subject_of = np.unique(list(subjects), return_inverse=True)
    if len(names) >= LEAST_SUBJECTS:
        times = draws(len(names), n_draws=N_DRAWS, rng=np.random.default_rng(SEED))
        rates = (times @ np.bincount(subject_of, right)) / (times @ np.bincount(subject_of))
        low, high = np.quantile(rates, tails(confidence))
        if high - low > 1e-9:  # rates that are equal differ in their last bits
            return Interval(float(low), float(high)), IntervalMethod("bootstrap_by_subject", n, len(names))
    return wilson, IntervalMethod("wilson", n, len(names))


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
