"""Classification scores from a confusion matrix, with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.protocol.intervals import Interval, IntervalMethod, accuracy_interval, wilson_interval


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

    ``matrix`` is the confusion matrix, int64 (k, k), rows are true classes; ``interval`` is that of the accuracy,
    computed by ``method``; ``recall_intervals`` are Wilson's, with None for a class without test sequences; ``kappa``
    is NaN where it is not defined; ``majority`` is the accuracy on the test set of always predicting the class that is
    most frequent in training, None where it is not known. Each sequence has ``repeats`` predictions.
    """

    labels: tuple[str, ...]
    matrix: NDArray[np.int64]
    n: int
    n_correct: int
    confidence: float
    accuracy: float
    interval: Interval
    method: IntervalMethod
    per_class: PerClass
    recall_intervals: tuple[Interval | None, ...]
    macro_f1: float
    balanced_accuracy: float
    kappa: float
    repeats: int = 1
    majority: float | None = None

    @property
    def averages(self) -> tuple[Average, Average]:
        """The mean of precision, recall and F1 over the classes with test sequences, and that weighted by support."""
        classes = self.per_class
        columns = np.stack([classes.precision, classes.recall, classes.f1])
        tested = columns[:, classes.support > 0]
        weighted = columns @ classes.support / self.n
        return Average("macro average", *map(float, tested.mean(axis=1))), Average(
            "weighted average", *map(float, weighted)
        )


def score(
    truth: Sequence[str],
    predicted: Sequence[str],
    *,
    labels: Sequence[str],
    confidence: float,
    subjects: Sequence[str] | None = None,
    repeats: int = 1,
    majority: float | None = None,
) -> Scores:
    """Score predictions against the true classes.

    Parameters
    ----------
    truth, predicted : sequence of str
        One label per prediction; a sequence may have several predictions.
    labels : sequence of str
        The classes, in the order of the tables.
    confidence : float
        Confidence level of the intervals, between 0 and 1.
    subjects : sequence of str, optional
        The subject of each prediction; None where subjects are unknown.
    repeats : int
        Number of predictions per sequence, as by models of several seeds; an interval counts a sequence once,
        however many models predicted it.
    majority : float, optional
        The accuracy of always predicting the class that is most frequent in training.

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
    right = [one == other for one, other in zip(truth, predicted, strict=True)]
    interval, method = accuracy_interval(right, subjects, repeats=repeats, confidence=confidence)
    return Scores(
        labels=tuple(labels),
        matrix=matrix,
        n=n,
        n_correct=n_correct,
        confidence=confidence,
        accuracy=float(accuracy(matrix)),
        interval=interval,
        method=method,
        per_class=classes,
        recall_intervals=intervals,
        macro_f1=float(macro_f1(matrix)),
        balanced_accuracy=float(balanced_accuracy(matrix)),
        kappa=float(cohen_kappa(matrix)),
        repeats=repeats,
        majority=majority,
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
    """Return the unweighted mean of F1 over the classes that have test sequences.

    It is that of scikit-learn with ``labels`` set to the true classes. F1 of a class without test sequences says
    nothing, and 0 in its place would lower every resample that happens to lack a rare class (Forman & Scholz 2010).

    Parameters
    ----------
    matrix : (..., k, k) array
        Confusion matrices.

    Returns
    -------
    (...) float64

    References
    ----------
    Forman, G. & Scholz, M. (2010). Apples-to-apples in cross-validation studies: pitfalls in classifier performance
    measurement. SIGKDD Explorations 12(1).
    """
    classes = per_class(matrix)
    tested = classes.support > 0
    mean: NDArray[np.float64] = np.where(tested, classes.f1, 0).sum(axis=-1) / tested.sum(axis=-1)
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
