"""Crops aligned by the eyes: level, and always at the same places."""

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
    """Cut a square out of an image, rotated and scaled so that the eyes are level and at given places.

    The similarity transform maps one pair of points onto the other. A large face is cut out at a multiple of the size
    and reduced by area means; pixels from outside the image repeat its border.

    Parameters
    ----------
    image : (h, w) or (h, w, channels) uint8
    eyes : two pairs of float
        x and y of both, the left one as seen first, pixels.
    side_px : int
        Side of the result, pixels.
    distance_share, height_share : float
        Distance of the eyes from each other, and from the upper edge; shares of the side.

    Returns
    -------
    (side_px, side_px) or (side_px, side_px, channels) uint8

    Raises
    ------
    DataError
        Both eyes are at the same place.

    >>> ramp = np.tile(np.arange(0, 120, 10, dtype=np.uint8), (12, 1))
    >>> crop_by_eyes(ramp, ((4, 6), (8, 6)), side_px=8, distance_share=0.5, height_share=0.5)[0]
    array([20, 30, 40, 50, 60, 70, 80, 90], dtype=uint8)
    """
    left, right = (np.array(eye, np.float64) for eye in eyes)
    across = right - left
    apart = float(np.hypot(*across))
    if apart == 0:
        raise DataError("both eyes were found at the same place", fix="cut along the box: faces.cut = box")
    times = max(1, round(apart / (distance_share * side_px)))
    side = times * side_px
    # one pixel to the right in the crop is this vector in the image; one pixel down is the same, rotated by 90 degrees
    right_px = across / (distance_share * side)
    down_px = np.array([-right_px[1], right_px[0]])
    corner = (left + right) / 2 - (side / 2) * right_px - height_share * side * down_px
    # area means are centered on each pixel
    corner -= (times - 1) / 2 * (right_px + down_px)
    matrix = np.column_stack([right_px, down_px, corner])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    cut = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(cut, (side_px, side_px), interpolation=cv2.INTER_AREA), np.uint8)
