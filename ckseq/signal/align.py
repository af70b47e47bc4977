"""Drift of the head taken out of the crops of a sequence."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config

# The search works on crops of this side: drift is smooth over a face, and 67 pixels tell it as well as 267.
SIDE_PX = 67

_BORDER_PX = 4

_ITERATIONS = 5

_ENOUGH_PX = 0.02

# what an expression leaves where it is: a head that moved farther was lost
_MOST_SHIFT = 0.25

_MOST_TURN = 0.3


class AlignConfig(Config):
    """How crops are brought back to where the first one was."""

    method: Literal["none", "translation", "similarity"] = Field(
        "none", description="what is undone against the first crop: nothing; its shift; or shift, turn and size"
    )
    renewal_frames: int = Field(
        0,
        ge=0,
        description="time constant with which the crop that others are brought back to follows them, for long videos; "
        "0 keeps the first",
    )


def shrunk(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return a crop (n, n) at the size of the search, (SIDE_PX, SIDE_PX) float32, slightly blurred."""
    small = cv2.resize(crop, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), 0.5), np.float32)


_INNER = slice(_BORDER_PX, -_BORDER_PX)


def gradients(image: NDArray[np.float32], *, similarity: bool) -> NDArray[np.float32]:
    """Return how each pixel changes with each parameter, (parameters, pixels): the motion first, then gain, offset."""
    gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
    axis = np.arange(SIDE_PX, dtype=np.float32) - (SIDE_PX - 1) / 2
    x, y = axis[np.newaxis], axis[:, np.newaxis]
    motion = [gx, gy, gx * x + gy * y, gy * x - gx * y] if similarity else [gx, gy]
    columns = [*motion, image, np.ones_like(image)]
    return np.stack([column[_INNER, _INNER].ravel() for column in columns])


def register(
    first: NDArray[np.float32],
    image: NDArray[np.float32],
    gradients: NDArray[np.float32],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Find how an image is moved against the first.

    Parameters
    ----------
    first, image : (SIDE_PX, SIDE_PX) float32
        As `shrunk` gives them.
    gradients : (parameters, pixels) float32
        Of the first, as `gradients` gives them.
    start : (4,) float64
        Where to begin; see `drift`.

    Returns
    -------
    (4,) float64
        As a row of `drift`; zeros where the face was lost.
    """
    n_motion = len(gradients) - 2
    # a little damping keeps a flat image, whose gradients say nothing, where it is
    damping = np.eye(len(gradients)) * 1e-3
    moved = start * [SIDE_PX, SIDE_PX, 1, 1]
    for _ in range(_ITERATIONS):
        error = (warped(image, moved) - first)[_INNER, _INNER].ravel()
        error -= error.mean()
        weighted = gradients / (1 + (error / (1.25 * np.abs(error).mean() + 1e-6)) ** 2)
        change = np.linalg.solve(weighted @ gradients.T + damping, weighted @ error)[:n_motion]
        moved[:n_motion] -= change
        if np.abs(change[:2]).max() < _ENOUGH_PX:
            break
    found = moved / [SIDE_PX, SIDE_PX, 1, 1]
    lost = np.abs(found[:2]).max() > _MOST_SHIFT or np.abs(found[2:]).max() > _MOST_TURN
    return np.zeros(4) if lost else found


def warped(image: NDArray[Any], moved: NDArray[np.float64]) -> NDArray[Any]:
    """Undo a motion given in pixels of this image; what comes in from beyond the border repeats it."""
    side = image.shape[0]
    x, y, growth, turn = moved
    center = (side - 1) / 2
    a, b = 1 + growth, turn
    matrix = np.array([[a, -b, x + center * (1 - a + b)], [b, a, y + center * (1 - a - b)]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def moved_back(crops: NDArray[np.uint8], motion: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Undo the motion of each crop with bilinear interpolation; what comes in from beyond the border repeats it.

    Parameters
    ----------
    crops : (t, n, n) uint8
    motion : (t, 4) float64
        As `drift` gives it.

    Returns
    -------
    (t, n, n) uint8

    >>> ramp = np.tile(np.arange(0, 80, 10, dtype=np.uint8), (1, 8, 1))
    >>> moved_back(ramp, np.array([[1 / 8, 0, 0, 0]]))[0, 0]
    array([10, 20, 30, 40, 50, 60, 70, 70], dtype=uint8)
    """
    side = crops.shape[1]
    pixels = motion * [side, side, 1, 1]
    return np.stack([warped(crop, moved) for crop, moved in zip(crops, pixels, strict=True)]).astype(np.uint8)
