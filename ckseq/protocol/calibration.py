"""Calibration of predicted probabilities: log-loss, expected calibration error, reliability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError

# the loss of a true class with probability 0 would be infinite; scikit-learn clips in the same way
_EPSILON = float(np.finfo(np.float64).eps)


class Reliability(NamedTuple):
    """Predictions binned by their predicted probability; each array has one value per bin.

    ``edges`` (n_bins + 1,) are the bin edges; ``counts`` the number of predictions in a bin, ``confidence`` their mean
    probability and ``accuracy`` the share of correct ones, both NaN where the bin is empty.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def losses(probabilities: NDArray[np.float64], truth: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the loss of each prediction, minus the natural logarithm of the probability of the true class.

    Parameters
    ----------
    probabilities : (n, k) float64
    truth : (n,) int
        The index of the true class.

    Returns
    -------
    (n,) float64

    >>> losses(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 1])).round(4).tolist()
    [0.6931, 0.0]
    """
    given = np.asarray(probabilities, np.float64)[np.arange(len(truth)), truth]
    loss: NDArray[np.float64] = -np.log(np.clip(given, _EPSILON, 1 - _EPSILON))
    return loss


def log_loss(probabilities: NDArray[np.float64], truth: NDArray[np.int_]) -> float:
    """Return the mean of `losses`, the cross-entropy in nats; uniform probabilities give log(k)."""
    return float(losses(probabilities, truth).mean())


def reliability(probabilities: NDArray[np.float64], correct: NDArray[np.bool_], *, n_bins: int) -> Reliability:
    """Bin predictions by the probability of the predicted class, in bins of equal width.

    Parameters
    ----------
    probabilities : (n,) float64
        Of the predicted class.
    correct : (n,) bool
        Whether the predicted class is the true class.
    n_bins : int
        Number of bins; a probability on the edge of two bins belongs to the lower one.

    Raises
    ------
    DataError
        There are no predictions, or the arrays differ in length.

    References
    ----------
    Guo, C. et al. (2017). On calibration of modern neural networks. ICML, section 2.
    """
    if len(probabilities) == 0 or len(probabilities) != len(correct):
        raise DataError(f"{len(probabilities)} probabilities and {len(correct)} outcomes have no reliability")
    edges = np.linspace(0, 1, n_bins + 1)
    place = bins(probabilities, n_bins=n_bins)
    count = np.bincount(place, minlength=n_bins)
    some = count > 0
    empty = np.full(n_bins, np.nan)
    return Reliability(
        edges,
        count,
        np.divide(np.bincount(place, probabilities, n_bins), count, out=empty.copy(), where=some),
        np.divide(np.bincount(place, correct, n_bins), count, out=empty.copy(), where=some),
    )


def bins(probabilities: NDArray[np.float64], *, n_bins: int) -> NDArray[np.int_]:
    """Return the bin of each probability, 0 to ``n_bins - 1``, as used by `reliability`.

    >>> bins(np.array([0.0, 0.1, 0.11, 1.0]), n_bins=10).tolist()
    [0, 0, 1, 9]
    """
    inner = np.linspace(0, 1, n_bins + 1)[1:-1]
    return np.searchsorted(inner, probabilities, side="left")


def calibration_error(found: Reliability) -> float:
    """Return the expected calibration error: the mean gap between confidence and accuracy, over all predictions.

    >>> calibration_error(reliability(np.array([0.9, 0.9]), np.array([True, False]), n_bins=10))
    0.4
    """
    some = found.counts > 0
    gaps = np.abs(found.accuracy[some] - found.confidence[some])
    return float((found.counts[some] * gaps).sum() / found.counts.sum())
