"""Drift of the head taken out of the crops of a sequence."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config as BaseConfig

# The search works on crops of this side: drift is smooth over a face, and 67 pixels tell it as well as 267.
_SIDE_PX = 67
_BORDER_PX = 4
_ITERATIONS = 5
_ENOUGH_PX = 0.02
# what an expression leaves where it is: a head that moved farther was lost
_MOST_SHIFT = 0.25
_MOST_TURN = 0.3


class Config(BaseConfig):
    """How crops are brought back to where the first one was."""

    method: Literal["none", "translation", "similarity"] = Field(
        "none", description="what is undone against the first crop: nothing; its shift; or shift, turn and size"
    )


def drift(crops: NDArray[np.uint8], *, similarity: bool) -> NDArray[np.float64]:
    """Measure how far each crop is moved against the first.

    Least squares on grey levels with robust weights, so that the parts of the face that move by themselves count
    little, and with a gain and an offset, so that a change of the light is no motion (Lucas and Kanade 1981; Baker and
    Matthews 2004, IJCV 56; weights of Cauchy). Each crop starts from where the one before ended.

    Parameters
    ----------
    crops : (t, n, n) uint8
    similarity : bool
        Whether turn and size are measured too, or only shift.

    Returns
    -------
    (t, 4) float64
        x to the right, y down (shares of the side), size - 1 and turn (radians, clockwise as seen); zeros where the
        face was lost.
    """
    small = [_shrunk(crop) for crop in crops]
    gradients = _gradients(small[0], similarity=similarity)
    found = np.zeros((len(crops), 4))
    for step in range(1, len(crops)):
        found[step] = _register(small[0], small[step], gradients, found[step - 1])
    return found


def _shrunk(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    sigma = 0.5 * crop.shape[0] / _SIDE_PX
    blurred = cv2.GaussianBlur(crop, (0, 0), max(sigma, 0.5))
    return cv2.resize(blurred, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32)


_INNER = slice(_BORDER_PX, -_BORDER_PX)


def _gradients(image: NDArray[np.float32], *, similarity: bool) -> NDArray[np.float32]:
    """Return how each pixel changes with each parameter, (parameters, pixels): the motion first, then gain, offset."""
    gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
    axis = np.arange(_SIDE_PX, dtype=np.float32) - (_SIDE_PX - 1) / 2
    x, y = axis[np.newaxis], axis[:, np.newaxis]
    motion = [gx, gy, gx * x + gy * y, gy * x - gx * y] if similarity else [gx, gy]
    columns = [*motion, image, np.ones_like(image)]
    return np.stack([column[_INNER, _INNER].ravel() for column in columns])


def _register(
    first: NDArray[np.float32],
    image: NDArray[np.float32],
    gradients: NDArray[np.float32],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    n_motion = len(gradients) - 2
    # a little damping keeps a flat image, whose gradients say nothing, where it is
    damping = np.eye(len(gradients)) * 1e-3
    moved = start * [_SIDE_PX, _SIDE_PX, 1, 1]
    for _ in range(_ITERATIONS):
        error = (_warped(image, moved) - first)[_INNER, _INNER].ravel()
        error -= error.mean()
        weighted = gradients / (1 + (error / (1.25 * np.abs(error).mean() + 1e-6)) ** 2)
        change = np.linalg.solve(weighted @ gradients.T + damping, weighted @ error)[:n_motion]
        moved[:n_motion] -= change
        if np.abs(change[:2]).max() < _ENOUGH_PX:
            break
    found = moved / [_SIDE_PX, _SIDE_PX, 1, 1]
    lost = np.abs(found[:2]).max() > _MOST_SHIFT or np.abs(found[2:]).max() > _MOST_TURN
    return np.zeros(4) if lost else found


def _warped(image: NDArray[Any], moved: NDArray[np.float64]) -> NDArray[Any]:
    """Undo a motion given in pixels of this image; what comes in from beyond the border repeats it."""
    side = image.shape[0]
    x, y, growth, turn = moved
    centre = (side - 1) / 2
    a, b = 1 + growth, turn
    matrix = np.array([[a, -b, x + centre * (1 - a + b)], [b, a, y + centre * (1 - a - b)]], np.float32)
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
    return np.stack([_warped(crop, moved) for crop, moved in zip(crops, pixels, strict=True)]).astype(np.uint8)


def aligned(crops: NDArray[np.uint8], config: Config) -> NDArray[np.uint8]:
    """Bring the crops of a sequence to where the first one was; same shape."""
    if config.method == "none":
        return crops
    return moved_back(crops, drift(crops, similarity=config.method == "similarity"))
