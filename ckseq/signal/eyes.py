"""Crops in which the eyes lie level, and always at the same places."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError

Point = tuple[float, float]
"""x to the right and y down, pixels of an image."""


def crop_by_eyes(
    image: NDArray[np.uint8], eyes: tuple[Point, Point], *, side_px: int, distance_share: float, height_share: float
) -> NDArray[np.uint8]:
    """Cut a square out of an image, turned and sized so that the eyes come to lie level and at given places.

    The turn, shift and size are the similarity that moves the one pair of points onto the other. A large face is cut
    out several times too large and brought down by area means; what lies beyond the border repeats it.

    Parameters
    ----------
    image : (h, w) or (h, w, channels) uint8
    eyes : two pairs of float
        x and y of both, the left one as seen first, pixels.
    side_px : int
        Side of the result, pixels.
    distance_share, height_share : float
        How far the eyes are from each other, and from the upper edge; shares of the side.

    Returns
    -------
    (side_px, side_px) or (side_px, side_px, channels) uint8

    Raises
    ------
    DataError
        Both eyes are at one place.

    >>> ramp = np.tile(np.arange(0, 120, 10, dtype=np.uint8), (12, 1))
    >>> crop_by_eyes(ramp, ((4, 6), (8, 6)), side_px=8, distance_share=0.5, height_share=0.5)[0]
    array([20, 30, 40, 50, 60, 70, 80, 90], dtype=uint8)
    """
    left, right = (np.array(eye, np.float64) for eye in eyes)
    across = right - left
    apart = float(np.hypot(*across))
    if apart == 0:
        raise DataError("both eyes were found at one place", fix="cut along the box: faces.cut = box")
    times = max(1, round(apart / (distance_share * side_px)))
    side = times * side_px
    # one step to the right in the crop is this step in the image; one step down is the same, turned by a right angle
    step = across / (distance_share * side)
    down = np.array([-step[1], step[0]])
    corner = (left + right) / 2 - (side / 2) * step - height_share * side * down
    # the means are taken around each pixel's place, and not from it on
    corner -= (times - 1) / 2 * (step + down)
    matrix = np.column_stack([step, down, corner])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(cut, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)
