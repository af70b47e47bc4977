"""The wording of uncertainty: how the interval of an accuracy and a paired test are told."""

from __future__ import annotations

from collections.abc import Sequence

from ckseq.defaults import CONFIDENCE
from ckseq.grammar import counted
from ckseq.protocol.comparison import Difference, least_p_value
from ckseq.protocol.score import Scores
from ckseq.report.wording import SEQUENCE, Noun, n_correct, percent

OF_NO_NEW_PEOPLE = "says nothing about new people"
"""Of an interval by sequence."""

TEST_NAMES = {"mcnemar": "exact McNemar test", "permutation": "permutation test over subjects"}


def to_publish(scores: Scores, noun: Noun = SEQUENCE) -> str:
    """Return the accuracy to publish, with its interval and how that was computed."""
    return (
        f"To publish: accuracy {scores.accuracy:.3f}, {percent(scores.confidence)} confidence interval "
        f"{scores.interval.low:.3f} to {scores.interval.high:.3f} ({noun.reworded(scores.method.name)}), "
        f"{n_correct(scores, noun)}"
    )


def interval_method(scores: Scores, noun: Noun = SEQUENCE) -> str:
    """Return how the interval of the accuracy was computed, and why so."""
    return noun.reworded(f"{scores.method.name}: {scores.method.reason}")


def drawn_by(resampled: str | None) -> str:
    """Return by what the intervals of a bootstrap are, and what one by sequence does not say.

    >>> drawn_by("subject"), drawn_by("sequence"), drawn_by(None)
    ('by subject', 'by sequence; says nothing about new people', 'recorded before; of whom is unknown')
    """
    if resampled is None:
        return "recorded before; of whom is unknown"
    return f"by {resampled}" + (f"; {OF_NO_NEW_PEOPLE}" if resampled == "sequence" else "")


def told_interval(ends: Sequence[float] | None, resampled: str | None, *, digits: int = 2) -> str:
    """Return the ends of a bootstrap's interval and what was drawn, or that there is none.

    >>> told_interval((0.75, 0.948), "subject"), told_interval((1, 2), "sequence", digits=1)
    ('0.75 to 0.95', '1.0 to 2.0 by sequence')
    >>> told_interval(None, "sequence"), told_interval((0.77, 0.78), None)
    ('no interval: too few or all alike', 'no interval: recorded before')
    """
    if resampled is None:
        return "no interval: recorded before"
    if ends is None:
        return "no interval: too few or all alike" if resampled == "sequence" else "no interval: all alike"
    low, high = ends
    return f"{low:.{digits}f} to {high:.{digits}f}{' by sequence' if resampled == 'sequence' else ''}"


def named_test(difference: Difference) -> str:
    """Return the p-value of a paired test and its name, and whether there are too few people for any result.

    >>> named_test(Difference(0.1, None, "permutation", 0.25, 3, 0, 0.25, 9, 3))
    'p = 0.25, permutation test over 3 subjects, with whom no p-value can be below 0.25'
    """
    if difference.test == "mcnemar":
        return f"p = {difference.p_value:.2g}, {TEST_NAMES['mcnemar']}"
    n = difference.n_subjects
    units = "sequences" if n is None else counted(n, "subject")
    least = least_p_value(difference.n if n is None else n)
    few = f", with whom no p-value can be below {least:.2g}" if n is not None and least > 1 - CONFIDENCE else ""
    return f"p = {difference.p_value:.2g}, permutation test over {units}{few}"
