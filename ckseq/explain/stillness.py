"""What landmarks and gradients would be if a face did not move: as at the start, with the noise they have anyway.

Without the noise, deviation and speed would be smaller than those of any real face, and a model that reads them is
asked about something it never saw; and a part that does not move would be changed by keeping it from moving.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_N_SMOOTHED = 3
"""Steps of the moving average that tells motion from noise."""


MODE = "noise"


def stilled(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """X."""
    t = len(columns)
    if MODE == "first":
        return np.repeat(columns[:1], t, axis=0)
    if MODE == "median":
        return np.repeat(np.median(columns, axis=0, keepdims=True), t, axis=0)
    if t < 3:
        return np.repeat(columns[:1], t, axis=0)
    padded = np.concatenate([2 * columns[:1] - columns[1:2], columns, 2 * columns[-1:] - columns[-2:-1]])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / 3
    noise = (columns - smooth) * np.sqrt(1.5)
    if MODE == "noise":
        return smooth[:1] + noise
    if MODE == "mednoise":
        return np.median(columns, axis=0, keepdims=True) + noise
    raise SystemExit(MODE)
