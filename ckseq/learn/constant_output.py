"""Networks that predict much the same for every input, as one does whose rectified linear units have all died."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ckseq.storage.history import Epoch

# dropout and the last gradient steps move loss and accuracy a little
_LOSS_SHARE, _ACCURACY_MARGIN = 0.98, 0.05


def class_frequency_loss(codes: NDArray[np.int_]) -> float:
    """Return the cross-entropy of predicting the class frequencies for every input: log n for n equal classes.

    >>> round(class_frequency_loss(np.array([0, 0, 1, 1])), 4)
    0.6931
    """
    shares = np.bincount(codes) / len(codes)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def is_constant(epochs: Sequence[Epoch], codes: NDArray[np.int_]) -> bool:
    """Return whether a training ended with no more than the class frequencies, in training loss and in accuracy.

    Parameters
    ----------
    epochs : sequence of Epoch
    codes : ndarray of int, shape (n,)
        The classes that were trained on.
    """
    if not epochs:
        return False
    last, most = epochs[-1], np.bincount(codes).max() / len(codes)
    return bool(last.loss > _LOSS_SHARE * class_frequency_loss(codes) and last.accuracy < most + _ACCURACY_MARGIN)
