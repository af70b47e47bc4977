"""Motion between the crops of a face: difference, threshold, erosion; the result is blobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ckseq.config import Config as BaseConfig
from ckseq.errors import CallError, DataError

# The median of the absolute value of a normal variable is 0.6745 of its standard deviation.
_MAD_TO_SIGMA = 1 / 0.6745


class Config(BaseConfig):
    """How crops become blobs."""

    reference: Literal["previous", "first", "median", "running", "neutral"] = Field(
        "previous",
        description="what each crop is compared with: the one before (the paper), the first, the median of all, a "
        "running mean that adapts over running_frames, or a neutral face: such a mean that waits while the face moves",
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
    moving_threshold: float = Field(
        0.0,
        ge=0,
        description="where difference is signed: a third channel, what differs from the crop before by more than this, "
        "in the same unit; 0 leaves it out",
    )
    erosion_px: int = Field(5, ge=1, description="side of the square of ones that erodes the blobs, pixels; 1 is none")
    running_frames: int = Field(50, ge=1, description="time constant where reference is running or neutral, frames")
    still_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="where reference is neutral: share of the pixels that may change from a frame to the next of a "
        "still face",
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


def light_gain(frame: NDArray[np.float32], *, first: NDArray[np.float32]) -> np.float32:
    """Return the gain that brings a frame to the light of the first, both (h, w) float32.

    It is the median over the pixels of the ratio of first to frame, which the parts that move hardly change.

    >>> light_gain(np.array([[20, 40, 80]], np.float32), first=np.array([[10, 20, 30]], np.float32))
    np.float32(0.5)
    """
    # every fourth pixel both ways tells it as well as all of them; the dark ones tell little
    return np.float32(_median((np.maximum(first[::4, ::4], 8) / np.maximum(frame[::4, ::4], 8)).ravel()))


def noise_level(frames: NDArray[np.float32]) -> float:
    """Estimate the standard deviation of pixel noise from successive frames, grey levels.

    The median absolute difference of successive frames hardly sees the pixels that move (Hampel 1974); divided by the
    square root of two, since a difference of two frames carries the noise of both.
    """
    differences = np.abs(np.diff(frames[:, ::4, ::4], axis=0))
    return float(_median(differences.ravel())) * _MAD_TO_SIGMA / np.sqrt(2)


def _median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median along the first axis: the same bits as np.median, up to six times as fast."""
    ordered = np.sort(values, axis=0)
    middle: NDArray[np.float32] = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
    return middle


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


class Light:
    """Crops made ready for the difference, one after the other: blurred, and brought to the light of the first."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._first: NDArray[np.float32] | None = None

    def step(self, crop: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the next crop (h, w) as float32, or as it is where the difference is wrapped."""
        if self._config.difference == "wrapped":
            return crop
        (frame,) = blurred(crop[np.newaxis], sigma_px=self._config.blur_px)
        if self._config.light == "as_is":
            return frame
        if self._first is None:
            self._first = frame
        return frame * light_gain(frame, first=self._first)


class Motion:
    """The blobs of one crop after the other, without looking ahead; the state of one sequence.

    Parameters
    ----------
    config : Config
        With a threshold in grey levels.
    reference : (h, w) float32, optional
        Compare every crop with this, whatever the config says.
    """

    def __init__(self, config: Config, reference: NDArray[np.float32] | None = None) -> None:
        self._config, self._reference = config, reference
        self._before: NDArray[Any] | None = None
        self._moved = 0.0

    def step(self, frame: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return the blobs of the next frame, (h, w) or (h, w, channels) bool; None of the first.

        Parameters
        ----------
        frame : (h, w) uint8 or float32
            As `Light` gives it.
        """
        config, before = self._config, self._before
        self._before = frame
        if before is None:
            if self._reference is None:
                self._reference = frame.copy()
            return None
        if config.difference == "wrapped":
            # comparing bytes with a byte is several times faster than with a float
            level = np.uint8(min(config.threshold, 255))
            return erode(wrapped_difference(np.stack([before, frame])) > level, side_px=config.erosion_px)[0]
        against = self._against(before)
        if config.reference == "neutral":
            self._moved = float(np.mean(np.abs(frame[::4, ::4] - before[::4, ::4]) > config.threshold))
        change = frame - against
        if config.difference == "absolute":
            return erode((np.abs(change) > config.threshold)[np.newaxis], side_px=config.erosion_px)[0]
        masks = [change > config.threshold, change < -config.threshold]
        if config.moving_threshold:
            masks.append(np.abs(frame - before) > config.moving_threshold)
        return np.moveaxis(erode(np.stack(masks), side_px=config.erosion_px), 0, -1)

    def _against(self, before: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the next frame is compared with, once the one before it is taken in."""
        kind = self._config.reference
        assert self._reference is not None
        if kind == "previous":
            return before
        if kind == "running" or (kind == "neutral" and self._moved <= self._config.still_share):
            cv2.accumulateWeighted(before, self._reference, 1 / self._config.running_frames)
        return self._reference


def refuse_ahead(config: Config) -> None:
    """Refuse what is known only at the end of a sequence.

    Raises
    ------
    CallError
        The reference is the median, or the threshold is counted in the sequence's own noise.
    """
    if config.difference == "none":
        raise CallError("motion.difference = none leaves no motion to watch", fix="for a stream use signed")
    for name, value, fix in (("reference", "median", "neutral"), ("threshold_unit", "noise", "grey_levels")):
        if getattr(config, name) == value:
            raise CallError(f"motion.{name} = {value} needs the whole sequence", fix=f"for a stream use {fix}")


def blobs_of(crops: NDArray[np.uint8], config: Config) -> NDArray[np.bool_]:
    """Turn the crops of a sequence into blobs, one frame fewer than there are crops.

    Parameters
    ----------
    crops : (t, h, w) uint8
    config : Config

    Returns
    -------
    (t - 1, h, w) bool
        Or (t - 1, h, w, 2) where the difference is signed: what became brighter, what became darker; with a
        ``moving_threshold`` (t - 1, h, w, 3): what moves just now as well.

    Raises
    ------
    DataError
        There are fewer than two crops.
    """
    if len(crops) < 2:
        raise DataError(f"{len(crops)} frame with a face: motion needs two")
    reference = None
    lit: Iterable[NDArray[Any]] = map(Light(config).step, crops)
    whole = np.stack(list(lit)) if config.threshold_unit == "noise" or config.reference == "median" else None
    if whole is not None and config.threshold_unit == "noise":
        noise = noise_level(whole)
        in_grey_levels = {name: noise * getattr(config, name) for name in ("threshold", "moving_threshold")}
        config = config.model_copy(update={**in_grey_levels, "threshold_unit": "grey_levels"})
    if whole is not None and config.reference == "median":
        reference = _median(whole)
    motion = Motion(config, reference)
    found = [blobs for blobs in map(motion.step, lit if whole is None else whole) if blobs is not None]
    if found[0].ndim == 2:
        return np.stack(found)
    # a view, with each channel of a frame in one piece of memory, as the steps after this one read it
    return np.moveaxis(np.stack([np.moveaxis(blobs, -1, 0) for blobs in found]), 1, -1)
