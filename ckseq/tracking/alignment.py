"""Drift of the head, found and undone crop by crop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.align import SIDE_PX, AlignConfig, gradients, moved_back, register, shrunk, warped


def drift(crops: NDArray[np.uint8], *, similarity: bool) -> NDArray[np.float64]:
    """Measure how far each crop is moved against the first.

    Least squares on gray levels with robust weights, so that the parts of the face that move by themselves count
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
        Shift to the right and down (shares of the side), size - 1 and turn (radians, clockwise as seen); zeros where
        the face was lost.
    """
    search = Drift(similarity=similarity, renewal_frames=0)
    return np.stack([search.step(crop) for crop in crops])


class Drift:
    """The search of `drift`, one crop at a time; the state of one sequence.

    Parameters
    ----------
    similarity : bool
    renewal_frames : int
        Time constant with which what crops are held against becomes their running mean; 0 keeps the first.
    """

    def __init__(self, *, similarity: bool, renewal_frames: int) -> None:
        self._similarity, self._renewal_frames = similarity, renewal_frames
        self._against: NDArray[np.float32] | None = None
        self.gradients: NDArray[np.float32] = np.empty(0, np.float32)
        self._found = np.zeros(4)

    def step(self, crop: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return how far the next crop (n, n) is moved, (4,) float64 as a row of `drift`."""
        small = shrunk(crop)
        if self._against is None:
            self._against = small
            self.gradients = gradients(small, similarity=self._similarity)
            return np.zeros(4)
        self._found = register(self._against, small, self.gradients, self._found)
        if self._renewal_frames:
            back = warped(small, self._found * [SIDE_PX, SIDE_PX, 1, 1])
            self._against = self._against + (back - self._against) / np.float32(self._renewal_frames)
            self.gradients = gradients(self._against, similarity=self._similarity)
        return self._found.copy()


class Aligner:
    """Brings crops back one at a time; the state of one sequence."""

    def __init__(self, config: AlignConfig) -> None:
        self._drift = Drift(similarity=config.method == "similarity", renewal_frames=config.renewal_frames)
        self._rests = config.method == "none"

    def step(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the next crop, (n, n) uint8, moved back to where the first one was."""
        if self._rests:
            return crop
        return moved_back(crop[np.newaxis], self._drift.step(crop)[np.newaxis])[0]


def aligned(crops: NDArray[np.uint8], config: AlignConfig) -> NDArray[np.uint8]:
    """Bring the crops of a sequence to where the first one was; same shape."""
    if config.method == "none":
        return crops
    aligner = Aligner(config)
    return np.stack([aligner.step(crop) for crop in crops])
