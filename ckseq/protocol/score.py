"""How good predictions are, and how sure one can be of that with so few sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError


class Interval(NamedTuple):
    """A confidence interval of a rate: both ends are fractions."""

    low: float
    high: float


class PerClass(NamedTuple):
    """Scores of every class, each of shape (k,); ``support`` is the number of sequences that are of the class."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


@dataclass(frozen=True)
class Scores:
    """Every figure of a report, derived from the truth and the predictions alone.

    ``matrix`` is the confusion matrix, int64 (k, k), rows are truths; ``recall_intervals`` has None for a class
    without test sequences; ``kappa`` is NaN where it is not defined. Each sequence was answered for ``repeats`` times.
    """

    labels: tuple[str, ...]
    matrix: NDArray[np.int64]
    n: int
    n_correct: int
    confidence: float
    accuracy: float
    interval: Interval
    per_class: PerClass
    recall_intervals: tuple[Interval | None, ...]
    macro_f1: float
    balanced_accuracy: float
    kappa: float
    majority: float
    repeats: int = 1


def score(
    truth: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str], confidence: float, repeats: int = 1
) -> Scores:
    """Score predictions against the truth.

    Parameters
    ----------
    truth, predicted : sequence of str
        One label per test sequence, or several where it was answered for several times.
    labels : sequence of str
        The classes, in the order of the tables.
    confidence : float
        Of the Wilson intervals, between 0 and 1.
    repeats : int
        How often each sequence was answered for, as by models of several seeds: an interval counts a sequence once,
        however many models were asked.

    Raises
    ------
    DataError
        There are no sequences, the two differ in length, or a label is not among ``labels``.
    """
    matrix = confusion_matrix(truth, predicted, labels=labels)
    n, n_correct = int(matrix.sum()), int(matrix.trace())
    classes = per_class(matrix)
    intervals = tuple(
        wilson_interval(right / repeats, support / repeats, confidence=confidence) if support else None
        for right, support in zip(matrix.diagonal(), classes.support, strict=True)
    )
    return Scores(
        labels=tuple(labels),
        matrix=matrix,
        n=n,
        n_correct=n_correct,
        confidence=confidence,
        accuracy=n_correct / n,
        interval=wilson_interval(n_correct / repeats, n / repeats, confidence=confidence),
        per_class=classes,
        recall_intervals=intervals,
        macro_f1=macro_f1(matrix),
        balanced_accuracy=balanced_accuracy(matrix),
        kappa=cohen_kappa(matrix),
        majority=majority_accuracy(matrix),
        repeats=repeats,
    )


def confusion_matrix(truth: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> NDArray[np.int64]:
    """Count how often a sequence of one class (row) was taken for another (column).

    Returns
    -------
    ndarray of int64, shape (k, k)
        In the order of ``labels``.

    Raises
    ------
    DataError
        There are no sequences, the two differ in length, or a label is not among ``labels``.

    Examples
    --------
    >>> confusion_matrix(["fear", "fear", "anger"], ["fear", "anger", "anger"], labels=["anger", "fear"]).tolist()
    [[1, 0], [1, 1]]
    """
    if not truth:
        raise DataError("there are no predictions to score", fix="test on at least one sequence")
    if len(truth) != len(predicted):
        raise DataError(f"there are {len(truth)} true labels but {len(predicted)} predicted ones")
    index = {label: i for i, label in enumerate(labels)}
    for label in (*truth, *predicted):
        if label not in index:
            raise DataError(f"{label!r} is not one of the classes: {', '.join(labels)}")
    matrix = np.zeros((len(labels), len(labels)), dtype=np.int64)
    np.add.at(matrix, ([index[label] for label in truth], [index[label] for label in predicted]), 1)
    return matrix


def accuracy(matrix: NDArray[np.int64]) -> float:
    """Return the fraction of sequences on the diagonal of a confusion matrix (k, k)."""
    return float(matrix.trace() / matrix.sum())


def per_class(matrix: NDArray[np.int64]) -> PerClass:
    """Return precision, recall, F1 and support of every class of a confusion matrix (k, k), rows are truths.

    A class that was never predicted has precision 0, one without test sequences has recall 0, and F1 is 0 with them
    (scikit-learn's ``zero_division=0``).

    >>> per_class(np.array([[1, 0], [1, 1]])).precision.tolist()
    [0.5, 1.0]
    """
    right = matrix.diagonal()
    predicted, support = matrix.sum(axis=0), matrix.sum(axis=1)
    return PerClass(
        precision=_ratio(right, predicted),
        recall=_ratio(right, support),
        f1=_ratio(2 * right, predicted + support),
        support=support,
    )


def _ratio(numerator: NDArray[np.int64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros(len(numerator)), where=denominator > 0)


def macro_f1(matrix: NDArray[np.int64]) -> float:
    """Return the mean of F1 over all classes of a confusion matrix (k, k), each counting the same."""
    return float(per_class(matrix).f1.mean())


def balanced_accuracy(matrix: NDArray[np.int64]) -> float:
    """Return the mean recall (UAR, unweighted average recall) over the classes that have test sequences."""
    classes = per_class(matrix)
    return float(classes.recall[classes.support > 0].mean())


def cohen_kappa(matrix: NDArray[np.int64]) -> float:
    """Return Cohen's kappa of a confusion matrix (k, k): agreement beyond chance, 0 is chance and 1 is perfect.

    NaN where chance alone agrees always (one class only, in truths and predictions).

    References
    ----------
    Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and Psychological Measurement 20(1).
    """
    n = matrix.sum()
    expected = float(matrix.sum(axis=0) @ matrix.sum(axis=1)) / float(n * n)
    return math.nan if expected == 1 else (accuracy(matrix) - expected) / (1 - expected)


def majority_accuracy(matrix: NDArray[np.int64]) -> float:
    """Return what always answering the most frequent class of the test sequences would give."""
    return float(matrix.sum(axis=1).max() / matrix.sum())


def wilson_interval(successes: float, n: float, *, confidence: float) -> Interval:
    """Return Wilson's score interval of a rate.

    Parameters
    ----------
    successes, n : float
        So many of so many, at least one; means over several answers for the same sequences need not be whole.
    confidence : float
        Between 0 and 1, as 0.95.

    Raises
    ------
    DataError
        The counts or the confidence cannot be.

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
    # of none and of all the ends are 0 and 1; rounding would leave them beside it
    return Interval(0.0 if successes == 0 else center - half, 1.0 if successes == n else center + half)
