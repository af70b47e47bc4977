"""Whether the probabilities a model gives can be believed: log-loss, expected calibration error, reliability."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError

# of a probability of 0 for the truth the loss would be infinite; scikit-learn clips there too
_EPSILON = float(np.finfo(np.float64).eps)


class Reliability(NamedTuple):
    """Predictions sorted into bins by how sure the model was; each array has one value per bin.

    ``edges`` (n_bins + 1,) are the bins' ends; ``counts`` the predictions in a bin, ``confidence`` their mean
    probability and ``accuracy`` the fraction of them that is right, both NaN where the bin is empty.
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]


def losses(probabilities: NDArray[np.float64], truth: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the loss of each prediction, minus the natural logarithm of the probability given to the truth.

    Parameters
    ----------
    probabilities : (n, k) float64
    truth : (n,) int
        The place of the true class.

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
    """Return the mean of `losses`, the cross-entropy; always saying 1/k costs log(k)."""
    return float(losses(probabilities, truth).mean())


def reliability(probabilities: NDArray[np.float64], right: NDArray[np.bool_], *, n_bins: int) -> Reliability:
    """Sort predictions into bins of equal width by the probability of what was predicted.

    Parameters
    ----------
    probabilities : (n,) float64
        Of the class that was predicted.
    right : (n,) bool
        Whether that was the true class.
    n_bins : int
        A probability on the edge of two bins belongs to the lower one.

    Raises
    ------
    DataError
        There are no predictions, or the two differ in length.

    References
    ----------
    Guo, C. et al. (2017). On calibration of modern neural networks. ICML, section 2.
    """
    if len(probabilities) == 0 or len(probabilities) != len(right):
        raise DataError(f"{len(probabilities)} probabilities and {len(right)} outcomes have no reliability")
    edges = np.linspace(0, 1, n_bins + 1)
    place = bins(probabilities, n_bins=n_bins)
    count = np.bincount(place, minlength=n_bins)
    some = count > 0
    empty = np.full(n_bins, np.nan)
    return Reliability(
        edges,
        count,
        np.divide(np.bincount(place, probabilities, n_bins), count, out=empty.copy(), where=some),
        np.divide(np.bincount(place, right, n_bins), count, out=empty.copy(), where=some),
    )


def bins(probabilities: NDArray[np.float64], *, n_bins: int) -> NDArray[np.int_]:
    """Return the bin of each probability, 0 to ``n_bins - 1``, as `reliability` sorts them.

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
