"""Motion of a face, crop by crop: what is compared with what, and the blobs that come of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError
from ckseq.signal.motion import MotionConfig, blurred, erode, light_gain, median, noise_level, wrapped_difference


class Light:
    """Crops made ready for the difference, one after the other: blurred, and brought to the light of the first."""

    def __init__(self, config: MotionConfig) -> None:
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
    config : MotionConfig
        With a threshold in gray levels.
    reference : (h, w) float32, optional
        Compare every crop with this, whatever the config says.
    """

    def __init__(self, config: MotionConfig, reference: NDArray[np.float32] | None = None) -> None:
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


def refuse_ahead(config: MotionConfig) -> None:
    """Refuse what is known only at the end of a sequence.

    Raises
    ------
    CallError
        The reference is the median, or the threshold is counted in the sequence's own noise.
    """
    if config.difference == "none":
        raise CallError("motion.difference = none leaves no motion to watch", fix="for a stream use signed")
    for name, value, fix in (("reference", "median", "neutral"), ("threshold_unit", "noise", "gray_levels")):
        if getattr(config, name) == value:
            raise CallError(f"motion.{name} = {value} needs the whole sequence", fix=f"for a stream use {fix}")


def blobs_of(crops: NDArray[np.uint8], config: MotionConfig) -> NDArray[np.bool_]:
    """Turn the crops of a sequence into blobs, one frame fewer than there are crops.

    Parameters
    ----------
    crops : (t, h, w) uint8
    config : MotionConfig

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
        in_gray_levels = {name: noise * getattr(config, name) for name in ("threshold", "moving_threshold")}
        config = config.model_copy(update={**in_gray_levels, "threshold_unit": "gray_levels"})
    if whole is not None and config.reference == "median":
        reference = median(whole)
    motion = Motion(config, reference)
    found = [blobs for blobs in map(motion.step, lit if whole is None else whole) if blobs is not None]
    if found[0].ndim == 2:
        return np.stack(found)
    # a view, with each channel of a frame in one piece of memory, as the steps after this one read it
    return np.moveaxis(np.stack([np.moveaxis(blobs, -1, 0) for blobs in found]), 1, -1)
