"""The wording of uncertainty: how the interval of an accuracy and a paired test are told."""

from __future__ import annotations

from ckseq.defaults import CONFIDENCE
from ckseq.grammar import counted
from ckseq.protocol.comparison import Difference, least_p_value
from ckseq.protocol.score import Scores
from ckseq.report.wording import SEQUENCE, Noun, n_correct, percent

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
