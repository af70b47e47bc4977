"""Networks that did not learn, such as one whose rectified linear units have all died."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ckseq.storage.history import Epoch

# dropout and the last gradient steps move loss and accuracy a little
_LOSS_SHARE, _ACCURACY_MARGIN = 0.98, 0.05


def class_frequency_loss(codes: NDArray[np.int_], weights: NDArray[np.float32]) -> float:
    """Return the lowest cross-entropy that the same prediction for every input has: log n for n equal classes.

    With class weights that prediction is the weighted class frequencies, and the loss is the weighted mean, as the
    history has it. Of labels that do not exclude each other, codes (n, n_labels), it is the mean of their binary
    entropies.

    >>> round(class_frequency_loss(np.array([0, 0, 1, 1]), np.ones(2, np.float32)), 4)
    0.6931
    >>> round(class_frequency_loss(np.array([[0, 1], [1, 1]]), np.ones(2, np.float32)), 4)
    0.3466
    """
    if codes.ndim == 2:
        from scipy.special import entr

        frequencies = codes.mean(axis=0)
        return float((entr(frequencies) + entr(1 - frequencies)).mean())
    shares = weights * np.bincount(codes, minlength=len(weights)) / len(codes)
    shares = shares[shares > 0].astype(np.float64) / shares.sum(dtype=np.float64)
    return float(-(shares * np.log(shares)).sum())


def at_chance(epochs: Sequence[Epoch], codes: NDArray[np.int_], weights: NDArray[np.float32]) -> bool:
    """Return whether a training ended with no more than the class frequencies, in training loss and in accuracy.

    Parameters
    ----------
    epochs : sequence of Epoch
    codes : ndarray of int, shape (n,) or (n, n_labels)
        The classes that were trained on, or the labels that do not exclude each other.
    weights : ndarray of float32, shape (n_classes,)
        Of the classes in the loss.
    """
    if not epochs:
        return False
    if codes.ndim == 2:
        most = float(np.maximum(codes.mean(axis=0), 1 - codes.mean(axis=0)).mean())
    else:
        most = np.bincount(codes).max() / len(codes)
    last = epochs[-1]
    return bool(
        last.loss > _LOSS_SHARE * class_frequency_loss(codes, weights) and last.accuracy < most + _ACCURACY_MARGIN
    )
