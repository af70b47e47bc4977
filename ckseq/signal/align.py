"""Registration of face crops: how far an image moved against a reference, and the inverse warp."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.signal.area import reduced

SIDE_PX = 67
"""Crops are registered at this side: head motion is smooth over a face, and 67 pixels are as accurate as 267."""

_BORDER_PX = 4
_INNER = slice(_BORDER_PX, -_BORDER_PX)
_MAX_ITERATIONS = 5
_CONVERGED_PX = 0.02
# a head that seems to have moved farther than this was lost
_MAX_SHIFT = 0.25
_MAX_ROTATION = 0.3


class AlignConfig(Config):
    """How crops are aligned with the first one."""

    method: Literal["none", "translation", "similarity"] = Field(
        "none",
        description="motion against the first crop that is undone: none; translation; or similarity, that is "
        "translation, rotation and scale",
    )
    renewal_frames: int = Field(
        0,
        ge=0,
        description="time constant with which the reference crop adapts to later ones, for long videos, frames; "
        "0 keeps the first crop",
    )


def shrink(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return crops (t, n, n) at the size of the registration, (t, SIDE_PX, SIDE_PX) float32, slightly blurred."""
    small = reduced(crops, side_px=SIDE_PX).astype(np.float32)
    for one in small:
        cv2.GaussianBlur(one, (0, 0), 0.5, dst=one)
    return small


def gradients(image: NDArray[np.float32], *, similarity: bool) -> NDArray[np.float32]:
    """Return the Jacobian of an image, (parameters, pixels): motion parameters first, then gain and offset."""
    gx = cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8)
    gy = cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)
    axis = np.arange(SIDE_PX, dtype=np.float32) - (SIDE_PX - 1) / 2
    x, y = axis[np.newaxis], axis[:, np.newaxis]
    motion = [gx, gy, gx * x + gy * y, gy * x - gx * y] if similarity else [gx, gy]
    columns = [*motion, image, np.ones_like(image)]
    return np.stack([column[_INNER, _INNER].ravel() for column in columns])


def register(
    reference: NDArray[np.float32],
    image: NDArray[np.float32],
    gradients: NDArray[np.float32],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return how far an image moved against a reference image.

    Iteratively reweighted least squares on gray levels with a gain and an offset (inverse compositional Lucas-Kanade:
    Baker and Matthews 2004, IJCV 56; Cauchy weights).

    Parameters
    ----------
    reference, image : (SIDE_PX, SIDE_PX) float32
        As returned by `shrink`.
    gradients : (parameters, pixels) float32
        Of the reference, as returned by `gradients`.
    start : (4,) float64
        Initial estimate, in the units of the result.

    Returns
    -------
    (4,) float64
        Shift right and down (shares of the side), scale - 1 and rotation (radians, clockwise as seen); zeros where
        the face was lost.
    """
    n_motion = len(gradients) - 2
    # a little damping keeps a flat image, whose gradients say nothing, where it is
    damping = np.eye(len(gradients)) * 1e-3
    moved = start * [SIDE_PX, SIDE_PX, 1, 1]
    for _ in range(_MAX_ITERATIONS):
        error = (warp_back(image, moved) - reference)[_INNER, _INNER].ravel()
        error -= np.add.reduce(error) / len(error)  # the same bits as mean(), which takes twice the time
        scale = 1.25 * (np.add.reduce(np.abs(error)) / len(error)) + 1e-6
        weighted = gradients / (1 + (error / scale) ** 2)
        change = np.linalg.solve(weighted @ gradients.T + damping, weighted @ error)[:n_motion]
        moved[:n_motion] -= change
        if np.abs(change[:2]).max() < _CONVERGED_PX:
            break
    found = moved / [SIDE_PX, SIDE_PX, 1, 1]
    lost = np.abs(found[:2]).max() > _MAX_SHIFT or np.abs(found[2:]).max() > _MAX_ROTATION
    return np.zeros(4) if lost else found


def warp_back(image: NDArray[Any], moved: NDArray[np.float64], *, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Undo a motion given in pixels of this image, bilinearly; pixels from outside repeat the border."""
    side = image.shape[0]
    x, y, growth, rotation = moved.tolist()
    center = (side - 1) / 2
    a, b = 1 + growth, rotation
    matrix = np.array([[a, -b, x + center * (1 - a + b)], [b, a, y + center * (1 - a - b)]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(image, matrix, (side, side), dst=out, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    )


def undo_motion(crops: NDArray[np.uint8], motion: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Undo the motion of each crop by bilinear interpolation; pixels from outside repeat the border.

    Parameters
    ----------
    crops : (t, n, n) uint8
    motion : (t, 4) float64
        Rows as returned by `register`.

    Returns
    -------
    (t, n, n) uint8

    >>> ramp = np.tile(np.arange(0, 80, 10, dtype=np.uint8), (1, 8, 1))
    >>> undo_motion(ramp, np.array([[1 / 8, 0, 0, 0]]))[0, 0]
    array([10, 20, 30, 40, 50, 60, 70, 70], dtype=uint8)
    """
    side = crops.shape[1]
    pixels = motion * [side, side, 1, 1]
    aligned = np.empty_like(crops)
    for crop, moved, target in zip(crops, pixels, aligned, strict=True):
        warp_back(crop, moved, out=target)
    return aligned
