"""Whether the face of a stream is still that of the same person, as far as its crops show."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.signal.align import shrink
from ckseq.tracking.face_tracker import TrackedFace

MIN_LIKENESS = 0.7
"""Correlation of a face with itself an image before, and from then on with its first ones, below which it is another:
of 12 acted clips 1 has such a moment, and 7 of 8 changes to another person in the middle of a clip are noticed."""
_BLUR_PX, _BORDER_PX = 1.5, 8
_WINDOW_S = 1.0
_LEAST_FRAMES = 5
_NEWS_S = 4.0


class IdentityCheck:
    """Compares each aligned crop of a face with the first ones; the state of one stream.

    A face that smiles or turns becomes unlike itself little by little. So it is another one only if it changed at once,
    from one image to the next, and is unlike the first ones from then on, by the median of a second. A change of the
    light may pass for another person, and people who look alike, or come slowly, for the same one.
    """

    def __init__(self) -> None:
        self._first: list[NDArray[np.float32]] = []
        self._likeness: deque[tuple[float, float]] = deque()
        self._before: NDArray[np.float32] | None = None
        self._changed_at_once = False

    def update(self, time_s: float, crop: NDArray[np.uint8]) -> bool:
        """Return whether the face seems to be another than at first.

        Parameters
        ----------
        time_s : float
            Of the frame, seconds; increases from frame to frame.
        crop : (n, n) uint8
            Gray, aligned with the first crop.
        """
        face = _normalized(crop)
        if len(self._first) < _LEAST_FRAMES:
            self._first.append(face)
            return False
        likeness = _correlation(np.mean(self._first, axis=0), face)
        if self._before is not None and _correlation(self._before, face) < MIN_LIKENESS:
            self._changed_at_once = True
            self._likeness.clear()
        self._before = face
        self._likeness.append((time_s, likeness))
        while self._likeness[0][0] < time_s - _WINDOW_S:
            self._likeness.popleft()
        values = [value for _, value in self._likeness]
        if len(values) < _LEAST_FRAMES:
            return False
        self._changed_at_once = self._changed_at_once and float(np.median(values)) < MIN_LIKENESS
        return self._changed_at_once


def _correlation(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    return float((one * other).mean())


def _normalized(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the middle of a crop, small and blurred, with mean 0 and standard deviation 1."""
    (small,) = shrink(crop[np.newaxis])
    inner = cv2.GaussianBlur(small, (0, 0), _BLUR_PX)[_BORDER_PX:-_BORDER_PX, _BORDER_PX:-_BORDER_PX]
    return np.asarray((inner - inner.mean()) / (inner.std() + 1e-6), np.float32)


class PersonWatch:
    """Notices that another face took the place of the largest one; the state of one video."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._check = IdentityCheck()
        self._new_until_s = -np.inf
        self._unlike = False

    def update(
        self, time_s: float, faces: Sequence[TrackedFace], largest: TrackedFace | None
    ) -> Literal["same", "new", "unlike"]:
        """Return what became of the person, given all faces that are tracked and the largest visible one.

        ``new`` is told for some seconds: the face before was lost, or the picture was cut. ``unlike`` lasts until
        another face comes.
        """
        if self._number is None:
            self._number = None if largest is None else largest.number
        elif largest is not None and self._number not in {face.number for face in faces}:
            self._number, self._check, self._unlike = largest.number, IdentityCheck(), False
            self._new_until_s = time_s + _NEWS_S
        if largest is not None and largest.number == self._number and largest.frame.crop is not None:
            self._unlike = self._check.update(time_s, largest.frame.crop) or self._unlike
        if self._unlike:
            return "unlike"
        return "new" if time_s < self._new_until_s else "same"
