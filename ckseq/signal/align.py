"""Drift of the head taken out of the crops of a sequence."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config as BaseConfig

# Drift is smooth over a face: half the pixels tell it as well, in a quarter of the time.
_SHRINK = 2


class Config(BaseConfig):
    """How crops are brought back to where the first one was."""

    method: Literal["none", "translation"] = Field(
        "none", description="none; or the shift to the first crop, found by phase correlation, is undone"
    )


def drift(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Measure how far each crop is shifted against the first.

    Parameters
    ----------
    crops : (t, n, n) uint8

    Returns
    -------
    (t, 2) float64
        x to the right and y down, pixels; sub-pixel. Source: phase correlation, Kuglin and Hines 1975, with a Hann
        window, as in OpenCV.
    """
    size = crops.shape[1] // _SHRINK
    small = [cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32) for c in crops]
    window = cv2.createHanningWindow((size, size), cv2.CV_32F)
    shifts = [cv2.phaseCorrelate(small[0], image, window)[0] for image in small[1:]]
    return np.array([(0.0, 0.0), *shifts]) * (crops.shape[1] / size)


def shifted_back(crops: NDArray[np.uint8], shifts: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Undo shifts with bilinear interpolation; what comes in from beyond the border repeats it.

    Parameters
    ----------
    crops : (t, n, n) uint8
    shifts : (t, 2) float64
        As `drift` gives them.

    Returns
    -------
    (t, n, n) uint8

    >>> ramp = np.tile(np.arange(0, 80, 10, dtype=np.uint8), (1, 8, 1))
    >>> shifted_back(ramp, np.array([[1.0, 0.0]]))[0, 0]
    array([10, 20, 30, 40, 50, 60, 70, 70], dtype=uint8)
    """
    back = np.empty_like(crops)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for crop, (x, y), target in zip(crops, shifts, back, strict=True):
        matrix = np.array([[1, 0, x], [0, 1, y]], np.float32)
        cv2.warpAffine(crop, matrix, crop.shape[::-1], dst=target, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return back


def aligned(crops: NDArray[np.uint8], config: Config) -> NDArray[np.uint8]:
    """Bring the crops of a sequence to where the first one was; same shape."""
    if config.method == "none":
        return crops
    return shifted_back(crops, drift(crops))
