"""What landmarks and gradients would be if a face did not move: as at the start, with the noise that they have anyway.

Without the noise, deviation and speed would be smaller than those of any real face, so a model that reads them would be
asked about something it never saw, and a part that does not move would be changed by keeping it from moving. On drawn
faces, evidence overlaps with what moved as well as with values that are simply frozen, and less of it lies outside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_N_SMOOTHED = 3
"""Steps of the moving average that tells motion from noise."""


def stilled(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return columns without their motion: the smoothed value at the start, and what varies from step to step.

    A moving average over three steps tells both apart; of white noise it takes a third of the variance, which is given
    back. At the ends the sequence is continued straight on.

    Parameters
    ----------
    columns : (t, ...) float32
        Landmarks or gradients; of fewer than three steps, all are like the first.

    Returns
    -------
    (t, ...) float32

    Examples
    --------
    >>> stilled(np.array([0, 1, 2, 3, 4], np.float32)).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0]
    """
    if len(columns) < _N_SMOOTHED:
        return np.repeat(columns[:1], len(columns), axis=0)
    before, after = 2 * columns[:1] - columns[1:2], 2 * columns[-1:] - columns[-2:-1]
    padded = np.concatenate([before, columns, after])
    smooth = (padded[:-2] + padded[1:-1] + padded[2:]) / _N_SMOOTHED
    noise = (columns - smooth) * np.float32(np.sqrt(1 / (1 - 1 / _N_SMOOTHED)))
    return np.asarray(smooth[:1] + noise, np.float32)
