"""Motion of a face, one crop at a time: each crop is compared with a reference, which gives motion blobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError
from ckseq.signal.motion import MotionConfig, blurred, erode, light_gain, median, noise_level, wrapped_difference


class LightNormalizer:
    """Blurs crops and scales them to the brightness of the first one, as they come; the state of one sequence."""

    def __init__(self, config: MotionConfig) -> None:
        self._config = config
        self._first: NDArray[np.float32] | None = None

    def update(self, crop: NDArray[np.uint8]) -> NDArray[Any]:
        """Return the next crop (h, w) as float32, or unchanged where the difference is wrapped."""
        if self._config.difference == "wrapped":
            return crop
        (frame,) = blurred(crop[np.newaxis], sigma_px=self._config.blur_px)
        if self._config.light == "as_is":
            return frame
        if self._first is None:
            self._first = frame
        return frame * light_gain(frame, first=self._first)


class MotionDetector:
    """Finds the motion blobs of crops as they come, without looking ahead; the state of one sequence.

    Parameters
    ----------
    config : MotionConfig
        With a threshold in gray levels.
    reference : (h, w) float32, optional
        Compare every crop with this one, whatever the config says.
    """

    def __init__(self, config: MotionConfig, reference: NDArray[np.float32] | None = None) -> None:
        self._config, self._reference = config, reference
        self._previous: NDArray[Any] | None = None
        self._changed_share = 0.0

    def update(self, frame: NDArray[Any]) -> NDArray[np.bool_] | None:
        """Return the blobs of the next frame, (h, w) or (h, w, channels) bool; None for the first.

        Parameters
        ----------
        frame : (h, w) uint8 or float32
            As returned by `LightNormalizer`.
        """
        config, previous = self._config, self._previous
        self._previous = frame
        if previous is None:
            if self._reference is None:
                self._reference = frame.copy()
            return None
        if config.difference == "wrapped":
            # comparing bytes with a byte is several times faster than with a float
            level = np.uint8(min(config.threshold, 255))
            return erode(wrapped_difference(np.stack([previous, frame])) > level, side_px=config.erosion_px)[0]
        reference = self._updated_reference(previous)
        if config.reference == "neutral":
            self._changed_share = float(np.mean(np.abs(frame[::4, ::4] - previous[::4, ::4]) > config.threshold))
        change = frame - reference
        if config.difference == "absolute":
            return erode((np.abs(change) > config.threshold)[np.newaxis], side_px=config.erosion_px)[0]
        masks = np.empty((3 if config.moving_threshold else 2, *frame.shape), np.bool_)
        np.greater(change, config.threshold, out=masks[0])
        np.less(change, -config.threshold, out=masks[1])
        if config.moving_threshold:
            np.greater(cv2.absdiff(frame, previous), config.moving_threshold, out=masks[2])
        return np.moveaxis(erode(masks, side_px=config.erosion_px), 0, -1)

    def _updated_reference(self, previous: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the next frame is compared with, after the previous frame was added to it."""
        kind = self._config.reference
        assert self._reference is not None
        if kind == "previous":
            return previous
        if kind == "running" or (kind == "neutral" and self._changed_share <= self._config.still_share):
            cv2.accumulateWeighted(previous, self._reference, 1 / self._config.running_frames)
        return self._reference


def require_causal_motion(config: MotionConfig) -> None:
    """Refuse a config that needs the whole sequence.

    Raises
    ------
    CallError
        The reference is the median, or the threshold is in units of the sequence's noise, or there is no motion.
    """
    if config.difference == "none":
        raise CallError("motion.difference = none leaves no motion to track", fix="for a stream use signed")
    for name, value, fix in (("reference", "median", "neutral"), ("threshold_unit", "noise", "gray_levels")):
        if getattr(config, name) == value:
            raise CallError(f"motion.{name} = {value} needs the whole sequence", fix=f"for a stream use {fix}")


def motion_blobs(
    crops: NDArray[np.uint8], config: MotionConfig, *, shows_face: NDArray[np.bool_] | None = None
) -> NDArray[np.bool_]:
    """Return the motion blobs of a sequence, one frame fewer than there are crops.

    Parameters
    ----------
    crops : (t, h, w) uint8
    config : MotionConfig
    shows_face : (t,) bool, optional
        Where the reference is the median, it is that of these crops; of all where none is given, or none shows a face.

    Returns
    -------
    (t - 1, h, w) bool
        Or (t - 1, h, w, 2) where the difference is signed: brighter and darker; with a ``moving_threshold``
        (t - 1, h, w, 3): also pixels that differ from the previous crop.

    Raises
    ------
    DataError
        There are fewer than two crops.
    """
    if len(crops) < 2:
        raise DataError(f"{len(crops)} frame with a face: motion needs two")
    reference = None
    frames: Iterable[NDArray[Any]] = map(LightNormalizer(config).update, crops)
    if config.threshold_unit == "noise" or config.reference == "median":
        frames = whole = np.stack(list(frames))
        if config.threshold_unit == "noise":
            noise = noise_level(whole)
            in_gray_levels = {name: noise * getattr(config, name) for name in ("threshold", "moving_threshold")}
            config = config.model_copy(update={**in_gray_levels, "threshold_unit": "gray_levels"})
        if config.reference == "median":
            some = shows_face is not None and shows_face.any()
            reference = median(whole[shows_face] if some else whole)
    detector = MotionDetector(config, reference)
    found = [blobs for blobs in map(detector.update, frames) if blobs is not None]
    if found[0].ndim == 2:
        return np.stack(found)
    # a view, with each channel of a frame in one piece of memory, as the following stages read it
    return np.moveaxis(np.stack([np.moveaxis(blobs, -1, 0) for blobs in found]), 1, -1)
