"""Motion between the crops of a face: difference, threshold, erosion; the result is blobs."""

from __future__ import annotations

from typing import Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ckseq.config import Config as BaseConfig
from ckseq.errors import DataError

# The median of the absolute value of a normal variable is 0.6745 of its standard deviation.
_MAD_TO_SIGMA = 1 / 0.6745


class Config(BaseConfig):
    """How crops become blobs."""

    reference: Literal["previous", "first", "median", "running"] = Field(
        "previous",
        description="what each crop is compared with: the one before (the paper), the first, the median of all, or a "
        "running mean that adapts over running_frames",
    )
    difference: Literal["wrapped", "absolute", "signed", "none"] = Field(
        "wrapped",
        description="reference minus crop modulo 256 (the paper); or the size of the change; or two channels, "
        "brightening and darkening; or no motion at all, for still images",
    )
    blur_px: float = Field(0.0, ge=0, description="sigma of the Gaussian blur before it, pixels; 0 is none")
    light: Literal["as_is", "equalised"] = Field(
        "as_is", description="equalised: each crop is scaled to the light of the first, against flicker"
    )
    threshold: float = Field(127, ge=0, description="a difference above it is motion; see threshold_unit")
    threshold_unit: Literal["grey_levels", "noise"] = Field(
        "grey_levels", description="noise: multiples of the standard deviation of the sequence's own pixel noise"
    )
    erosion_px: int = Field(5, ge=1, description="side of the square of ones that erodes the blobs, pixels; 1 is none")
    running_frames: int = Field(50, ge=1, description="time constant where reference is running, frames")

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

    A pixel that became one grey level brighter gives 255; that is the paper's arithmetic (system A, step 2).

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


def equalised(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale each frame to the light of the first; (t, h, w) float32.

    The gain is the median over the pixels of the ratio of first to frame, which the parts that move hardly change.

    >>> equalised(np.array([[[10, 20, 30]], [[20, 40, 80]]], np.float32))[1]
    array([[10., 20., 40.]], dtype=float32)
    """
    # every fourth pixel both ways tells it as well as all of them; the dark ones tell little
    some = np.maximum(frames[:, ::4, ::4], 8)
    gains = np.median(some[:1] / some, axis=(1, 2)).astype(np.float32)
    return frames * gains[:, np.newaxis, np.newaxis]


def references(frames: NDArray[np.float32], *, reference: str, running_frames: int) -> NDArray[np.float32]:
    """Return what frames 1 to t - 1 are compared with, (t - 1, h, w) or broadcasting to it, float32."""
    if reference == "previous":
        return frames[:-1]
    if reference == "first":
        return frames[:1]
    if reference == "median":
        return np.median(frames, axis=0, keepdims=True).astype(np.float32)
    means = np.empty_like(frames[:-1])
    mean = frames[0].copy()
    for frame, target in zip(frames[:-1], means, strict=True):
        cv2.accumulateWeighted(frame, mean, 1 / running_frames)
        target[...] = mean
    return means


def noise_level(frames: NDArray[np.float32]) -> float:
    """Estimate the standard deviation of pixel noise from successive frames, grey levels.

    The median absolute difference of successive frames hardly sees the pixels that move (Hampel 1974); divided by the
    square root of two, since a difference of two frames carries the noise of both.
    """
    differences = np.abs(np.diff(frames[:, ::4, ::4], axis=0))
    return float(np.median(differences)) * _MAD_TO_SIGMA / np.sqrt(2)


def erode(blobs: NDArray[np.bool_], *, side_px: int) -> NDArray[np.bool_]:
    """Erode each frame with a square of ones; what lies outside the frame erodes nothing.

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


def blobs_of(crops: NDArray[np.uint8], config: Config) -> NDArray[np.bool_]:
    """Turn the crops of a sequence into blobs, one frame fewer than there are crops.

    Parameters
    ----------
    crops : (t, h, w) uint8
    config : Config

    Returns
    -------
    (t - 1, h, w) bool
        Or (t - 1, h, w, 2) where the difference is signed: what became brighter, what became darker.

    Raises
    ------
    DataError
        There are fewer than two crops.
    """
    if len(crops) < 2:
        raise DataError(f"{len(crops)} frame with a face: motion needs two")
    if config.difference == "wrapped":
        # comparing bytes with a byte is several times faster than with a float
        level = np.uint8(min(config.threshold, 255))
        return erode(wrapped_difference(crops) > level, side_px=config.erosion_px)
    frames = blurred(crops, sigma_px=config.blur_px)
    if config.light == "equalised":
        frames = equalised(frames)
    threshold = config.threshold * (noise_level(frames) if config.threshold_unit == "noise" else 1)
    against = references(frames, reference=config.reference, running_frames=config.running_frames)
    change = frames[1:] - against
    if config.difference == "absolute":
        return erode(np.abs(change) > threshold, side_px=config.erosion_px)
    return np.stack(
        [erode(mask, side_px=config.erosion_px) for mask in (change > threshold, change < -threshold)], axis=-1
    )
