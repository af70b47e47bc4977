"""Reduction of the crops of a sequence by the means of areas."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

# OpenCV resizes an image of four channels in twice the time of one
_TOGETHER = 4


def reduced(crops: NDArray[np.uint8], *, side_px: int) -> NDArray[np.uint8]:
    """Return crops at a smaller size: the same bits as of `cv2.resize` by INTER_AREA, in half of the time.

    Parameters
    ----------
    crops : (t, n, n) uint8
    side_px : int
        Side of the result, pixels.

    Returns
    -------
    (t, side_px, side_px) uint8

    >>> reduced(np.array([[[10, 20], [30, 60]]], np.uint8), side_px=1).ravel()
    array([30], dtype=uint8)
    """
    size = (side_px, side_px)
    small = np.empty((len(crops), side_px, side_px), np.uint8)
    # two or three channels are rounded otherwise where the sides divide each other
    whole = len(crops) - len(crops) % _TOGETHER
    for start in range(0, whole, _TOGETHER):
        merged = cv2.merge(list(crops[start : start + _TOGETHER]))
        small[start : start + _TOGETHER] = cv2.split(cv2.resize(merged, size, interpolation=cv2.INTER_AREA))
    for crop, target in zip(crops[whole:], small[whole:], strict=True):
        cv2.resize(crop, size, dst=target, interpolation=cv2.INTER_AREA)
    return small
