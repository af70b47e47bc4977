"""Alignment of face crops, one crop at a time: head motion against a reference crop is measured and undone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.align import SIDE_PX, AlignConfig, gradients, register, shrink, undo_motion, warp_back


class HeadMotionEstimator:
    """Measures how far each crop of a sequence moved against a reference crop; the state of one sequence.

    Each registration starts from the result for the crop before. See `ckseq.signal.align.register` for the method.

    Parameters
    ----------
    similarity : bool
        Measure rotation and scale too, not translation alone.
    renewal_frames : int
        Time constant with which the reference becomes the running mean of the aligned crops; 0 keeps the first crop.
    """

    def __init__(self, *, similarity: bool, renewal_frames: int) -> None:
        self._similarity, self._renewal_frames = similarity, renewal_frames
        self._reference: NDArray[np.float32] | None = None
        self._gradients: NDArray[np.float32] = np.empty(0, np.float32)
        self._motion = np.zeros(4)

    def update(self, small: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the motion of the next crop, as returned by `ckseq.signal.align.shrink`.

        Returns
        -------
        (4,) float64
            Shift right and down (shares of the side), scale - 1 and rotation (radians, clockwise as seen); zeros for
            the first crop and where the face was lost.
        """
        if self._reference is None:
            self._reference = small
            self._gradients = gradients(small, similarity=self._similarity)
            return np.zeros(4)
        self._motion = register(self._reference, small, self._gradients, self._motion)
        if self._renewal_frames:
            aligned = warp_back(small, self._motion * [SIDE_PX, SIDE_PX, 1, 1])
            self._reference = self._reference + (aligned - self._reference) / np.float32(self._renewal_frames)
            self._gradients = gradients(self._reference, similarity=self._similarity)
        return self._motion.copy()


class Aligner:
    """Aligns crops with the first one as they come; the state of one sequence."""

    def __init__(self, config: AlignConfig) -> None:
        similarity = config.method == "similarity"
        self._motion = HeadMotionEstimator(similarity=similarity, renewal_frames=config.renewal_frames)
        self._enabled = config.method != "none"

    def update(self, crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the next crop, (n, n) uint8, aligned."""
        return self.update_all(crop[np.newaxis])[0]

    def update_all(self, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the next crops, (t, n, n) uint8, aligned."""
        if not self._enabled:
            return crops
        return undo_motion(crops, np.stack([self._motion.update(small) for small in shrink(crops)]))


def align_crops(crops: NDArray[np.uint8], config: AlignConfig) -> NDArray[np.uint8]:
    """Align the crops of a sequence, (t, n, n) uint8, with the first one; same shape."""
    return Aligner(config).update_all(crops)


def head_motion(crops: NDArray[np.uint8], *, similarity: bool) -> NDArray[np.float64]:
    """Return the motion of each crop of a sequence, (t, n, n) uint8, against the first.

    Parameters
    ----------
    crops : (t, n, n) uint8
    similarity : bool
        Measure rotation and scale too, not translation alone.

    Returns
    -------
    (t, 4) float64
        Rows as returned by `HeadMotionEstimator.update`.
    """
    estimator = HeadMotionEstimator(similarity=similarity, renewal_frames=0)
    return np.stack([estimator.update(small) for small in shrink(crops)])
