"""Classification scores from a confusion matrix, and Wilson confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError


class Interval(NamedTuple):
    """A confidence interval of a rate: both ends are fractions."""

    low: float
    high: float


class PerClass(NamedTuple):
    """Scores of every class, each of shape (..., k); ``support`` is the number of sequences of the class."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


class Average(NamedTuple):
    """Precision, recall and F1, averaged over the classes."""

    name: str
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Scores:
    """The scores of predictions against the true classes.

    ``matrix`` is the confusion matrix, int64 (k, k), rows are true classes; ``recall_intervals`` has None for a class
    without test sequences; ``kappa`` is NaN where it is not defined; ``majority`` is the accuracy of always predicting
    the most frequent test class. Each sequence has ``repeats`` predictions.
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

    @property
    def averages(self) -> tuple[Average, Average]:
        """The macro average of precision, recall and F1 over the classes, and that weighted by their support."""
        classes = self.per_class
        columns = np.stack([classes.precision, classes.recall, classes.f1])
        weighted = columns @ classes.support / self.n
        return Average("macro average", *map(float, columns.mean(axis=1))), Average(
            "weighted average", *map(float, weighted)
        )


def score(
    truth: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str], confidence: float, repeats: int = 1
) -> Scores:
    """Score predictions against the true classes.

    Parameters
    ----------
    truth, predicted : sequence of str
        One label per prediction; a sequence may have several predictions.
    labels : sequence of str
        The classes, in the order of the tables.
    confidence : float
        Confidence level of the Wilson intervals, between 0 and 1.
    repeats : int
        Number of predictions per sequence, as by models of several seeds; an interval counts a sequence once,
        however many models predicted it.

    Raises
    ------
    DataError
        There are no sequences, the two differ in length, or a label is not among ``labels``.
    """
    matrix = confusion_matrix(truth, predicted, labels=labels)
    n, n_correct = int(matrix.sum()), int(matrix.trace())
    classes = per_class(matrix)
    intervals = tuple(
        wilson_interval(correct / repeats, support / repeats, confidence=confidence) if support else None
        for correct, support in zip(matrix.diagonal(), classes.support, strict=True)
    )
    return Scores(
        labels=tuple(labels),
        matrix=matrix,
        n=n,
        n_correct=n_correct,
        confidence=confidence,
        accuracy=float(accuracy(matrix)),
        interval=wilson_interval(n_correct / repeats, n / repeats, confidence=confidence),
        per_class=classes,
        recall_intervals=intervals,
        macro_f1=float(macro_f1(matrix)),
        balanced_accuracy=float(balanced_accuracy(matrix)),
        kappa=float(cohen_kappa(matrix)),
        majority=majority_accuracy(matrix),
        repeats=repeats,
    )


def confusion_matrix(truth: Sequence[str], predicted: Sequence[str], *, labels: Sequence[str]) -> NDArray[np.int64]:
    """Count the predictions by true class (row) and predicted class (column).

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


def accuracy(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of correct predictions of confusion matrices (..., k, k), shape (...)."""
    correct: NDArray[np.float64] = np.diagonal(matrix, axis1=-2, axis2=-1).sum(axis=-1) / matrix.sum(axis=(-2, -1))
    return correct


def per_class(matrix: NDArray[Any]) -> PerClass:
    """Return precision, recall, F1 and support of every class of confusion matrices (..., k, k), rows are true classes.

    A class that was never predicted has precision 0, one without test sequences has recall 0, and F1 is 0 with them
    (scikit-learn's ``zero_division=0``).

    >>> per_class(np.array([[1, 0], [1, 1]])).precision.tolist()
    [0.5, 1.0]
    """
    correct = np.diagonal(matrix, axis1=-2, axis2=-1)
    predicted, support = matrix.sum(axis=-2), matrix.sum(axis=-1)
    return PerClass(
        precision=_ratio(correct, predicted, 0.0),
        recall=_ratio(correct, support, 0.0),
        f1=_ratio(2 * correct, predicted + support, 0.0),
        support=support,
    )


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any], otherwise: float) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.full(np.shape(numerator), otherwise), where=denominator > 0)


def macro_f1(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Return the unweighted mean of F1 over all classes of confusion matrices (..., k, k), shape (...)."""
    mean: NDArray[np.float64] = per_class(matrix).f1.mean(axis=-1)
    return mean


def balanced_accuracy(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean recall (UAR, unweighted average recall) over the classes that have test sequences.

    Parameters
    ----------
    matrix : (..., k, k) array
        Confusion matrices.

    Returns
    -------
    (...) float64
    """
    classes = per_class(matrix)
    # a class without test sequences adds nothing to the sum
    mean: NDArray[np.float64] = classes.recall.sum(axis=-1) / (classes.support > 0).sum(axis=-1)
    return mean


def cohen_kappa(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """Return Cohen's kappa of confusion matrices (..., k, k): agreement beyond chance, 0 is chance and 1 is perfect.

    NaN where chance alone always agrees (one class only, in true and predicted classes).

    References
    ----------
    Cohen, J. (1960). A coefficient of agreement for nominal scales. Educational and Psychological Measurement 20(1).
    """
    n = matrix.sum(axis=(-2, -1))
    expected = (matrix.sum(axis=-2) * matrix.sum(axis=-1)).sum(axis=-1) / n**2
    return _ratio(accuracy(matrix) - expected, 1 - expected, np.nan)


def majority_accuracy(matrix: NDArray[np.int64]) -> float:
    """Return the accuracy of always predicting the most frequent class of the test sequences."""
    return float(matrix.sum(axis=1).max() / matrix.sum())


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
