"""The steps from face crops to motion blobs: blur, light, difference, noise, erosion."""

from __future__ import annotations

from typing import Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ckseq.config import Config

# the median absolute value of a normal variable is 0.6745 standard deviations
_MAD_TO_SIGMA = 1 / 0.6745


class MotionConfig(Config):
    """How crops become motion blobs."""

    reference: Literal["previous", "first", "median", "running", "neutral"] = Field(
        "previous",
        description="what each crop is compared with: the previous one (the paper), the first, the median of all, a "
        "running mean over running_frames, or a neutral face: a running mean that pauses while the face moves",
    )
    difference: Literal["wrapped", "absolute", "signed", "none"] = Field(
        "wrapped",
        description="reference minus crop modulo 256 (the paper); its absolute value; brighter and darker as two "
        "channels; or none, for still images",
    )
    blur_px: float = Field(0.0, ge=0, description="sigma of the Gaussian blur before the difference, pixels; 0 is none")
    light: Literal["as_is", "equalized"] = Field(
        "as_is", description="equalized: each crop is scaled to the brightness of the first, against flicker"
    )
    threshold: float = Field(127, ge=0, description="a difference above it counts as motion; see threshold_unit")
    threshold_unit: Literal["gray_levels", "noise"] = Field(
        "gray_levels", description="noise: multiples of the standard deviation of the sequence's pixel noise"
    )
    moving_threshold: float = Field(
        0.0,
        ge=0,
        description="where difference is signed: a third channel, pixels that differ from the previous crop by more "
        "than this, in the same unit; 0 leaves it out",
    )
    erosion_px: int = Field(5, ge=1, description="side of the square of ones that erodes the blobs, pixels; 1 is none")
    running_frames: int = Field(50, ge=1, description="time constant where reference is running or neutral, frames")
    still_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="where reference is neutral: a face is still while no more than this share of its pixels changes "
        "from frame to frame",
    )

    @model_validator(mode="after")
    def _wrapped_is_the_papers(self) -> Self:
        if self.difference == "wrapped":
            for name in ("reference", "blur_px", "light", "threshold_unit"):
                default = type(self).model_fields[name].default
                if getattr(self, name) != default:
                    raise ValueError(f"difference = wrapped is the paper's arithmetic and needs {name} = {default!r}")
        return self


def wrapped_difference(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return previous minus current frame, modulo 256.

    A pixel that became one gray level brighter gives 255; that is the paper's arithmetic.

    Parameters
    ----------
    crops : (t, h, w) uint8

    Returns
    -------
    (t - 1, h, w) uint8

    >>> wrapped_difference(np.array([[[10]], [[11]], [[8]]], np.uint8)).ravel()
    array([255,   3], dtype=uint8)
    """
    return crops[:-1] - crops[1:]


def blurred(crops: NDArray[np.uint8], *, sigma_px: float) -> NDArray[np.float32]:
    """Blur each frame with a Gaussian; (t, h, w) float32. A sigma of 0 only converts."""
    frames = crops.astype(np.float32)
    if sigma_px > 0:
        for frame in frames:
            cv2.GaussianBlur(frame, (0, 0), sigma_px, dst=frame)
    return frames


def light_gain(frame: NDArray[np.float32], *, first: NDArray[np.float32]) -> np.float32:
    """Return the gain that brings a frame to the brightness of the first, both (h, w) float32.

    It is the median over the pixels of the ratio of first to frame, which is robust to the parts that move.

    >>> light_gain(np.array([[20, 40, 80]], np.float32), first=np.array([[10, 20, 30]], np.float32))
    np.float32(0.5)
    """
    # every fourth pixel both ways is as accurate as all of them; dark pixels carry little information
    return np.float32(median((np.maximum(first[::4, ::4], 8) / np.maximum(frame[::4, ::4], 8)).ravel()))


def noise_level(frames: NDArray[np.float32]) -> float:
    """Estimate the standard deviation of pixel noise from successive frames, (t, h, w) float32, gray levels.

    The median absolute difference of successive frames is robust to pixels that move (Hampel 1974); it is divided by
    the square root of two, since a difference of two frames carries the noise of both.
    """
    differences = np.abs(np.diff(frames[:, ::4, ::4], axis=0))
    return float(median(differences.ravel())) * _MAD_TO_SIGMA / np.sqrt(2)


def median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median along the first axis: the same bits as np.median, up to six times as fast."""
    ordered = np.sort(values, axis=0)
    middle: NDArray[np.float32] = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
    return middle


def erode(blobs: NDArray[np.bool_], *, side_px: int) -> NDArray[np.bool_]:
    """Erode each frame with a square of ones; the border of the frame does not erode.

    Parameters
    ----------
    blobs : (t, h, w) bool
    side_px : int
        Side of the square, pixels.

    Returns
    -------
    (t, h, w) bool

    >>> frame = np.zeros((1, 7, 7), bool); frame[0, 1:6, 1:6] = True
    >>> np.argwhere(erode(frame, side_px=5)).tolist()
    [[0, 3, 3]]
    """
    if side_px == 1:
        return blobs
    kernel = np.ones((side_px, side_px), np.uint8)
    eroded = np.empty(blobs.shape, np.uint8)
    for source, target in zip(blobs.view(np.uint8), eroded, strict=True):
        cv2.erode(source, kernel, dst=target)
    return eroded.view(np.bool_)
