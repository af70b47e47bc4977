"""From sequences of one length to vectors and time series, for estimators that read neither frames nor channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def pooled_width(sequences: NDArray[Any], *, pool_px: int) -> NDArray[np.float32]:
    """Average neighbors along the width; an incomplete group at the end is dropped.

    Parameters
    ----------
    sequences : (n, t, h, w, channels) array
    pool_px : int
        Size of a group; the whole width where that is smaller.

    Returns
    -------
    (n, t, h, max(w // pool_px, 1), channels) float32

    >>> pooled_width(np.arange(5.0).reshape(1, 1, 1, 5, 1), pool_px=2).ravel()
    array([0.5, 2.5], dtype=float32)
    """
    n, t, h, w, channels = sequences.shape
    groups = max(w // pool_px, 1)
    pool = min(pool_px, w)
    cut = sequences[:, :, :, : groups * pool].reshape(n, t, h, groups, pool, channels)
    return cut.mean(axis=4, dtype=np.float32)


def part_means(sequences: NDArray[np.float32], *, parts: int) -> NDArray[np.float32]:
    """Return one vector per sequence: the means of equal parts of its time, side by side.

    Parameters
    ----------
    sequences : (n, t, h, w, channels) float32
    parts : int
        Their number; one per step where there are fewer steps.

    Returns
    -------
    (n, min(parts, t) * h * w * channels) float32

    >>> part_means(np.arange(4, dtype=np.float32).reshape(1, 4, 1, 1, 1), parts=2)
    array([[0.5, 2.5]], dtype=float32)
    """
    cut = np.array_split(sequences, min(parts, sequences.shape[1]), axis=1)
    return np.stack([part.mean(axis=1) for part in cut], axis=1).reshape(len(sequences), -1)


def as_series(sequences: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return one time series per place and channel: (n, h * w * channels, t) float32 of (n, t, h, w, channels)."""
    n, t, *rest = sequences.shape
    return np.ascontiguousarray(np.moveaxis(sequences, 1, -1).reshape(n, int(np.prod(rest)), t))
