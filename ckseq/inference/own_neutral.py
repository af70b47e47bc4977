"""A visitor's own neutral face: two seconds of it, taken while the visitor looks neutral."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.preprocessing.pipeline import Pipeline
from ckseq.signal.face_shape import face_shape
from ckseq.signal.fused import NeutralFace, neutral_face
from ckseq.signal.gradients import gradient_columns
from ckseq.signal.landmarks import landmark_columns
from ckseq.tracking.stream import FrameResult

NEUTRAL_S = 2.0
_MIN_SHARE = 0.5


class NeutralTaking:
    """Collects the frames of `NEUTRAL_S` seconds in which a face is seen.

    Parameters
    ----------
    pipeline : Pipeline
        The causal one; its landmarks are collected where it has some.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._kind = pipeline.landmarks.kind
        self._start_s: float | None = None
        self._n_images = self._n_seen = 0
        self._points: list[NDArray[np.float32]] = []
        self._gradients: list[NDArray[np.float32]] = []

    def update(self, time_s: float, frame: FrameResult | None) -> float:
        """Take the next image, whose largest face is ``frame``; return the seconds that are left, 0 at the end."""
        self._start_s = time_s if self._start_s is None else self._start_s
        left = max(NEUTRAL_S - (time_s - self._start_s), 0.0)
        self._n_images += 1
        if frame is not None:
            found = frame.landmarks is not None and bool(np.isfinite(frame.landmarks).all())
            if found and frame.landmarks is not None and frame.gradients is not None:
                self._points.append(frame.landmarks)
                self._gradients.append(frame.gradients)
            self._n_seen += found or self._kind == "none"
        return left

    @property
    def saw_face(self) -> bool:
        """Whether a face was seen in at least half of the images, with landmarks where these are needed."""
        return self._n_seen > 0 and self._n_seen >= _MIN_SHARE * self._n_images

    def face(self) -> NeutralFace | None:
        """Return the neutral face, as of `ckseq.signal.fused.neutral_face`; None where there are no landmarks."""
        if self._kind == "none" or not self._points:
            return None
        columns = landmark_columns(np.stack(self._points), face_shape(self._kind))
        return neutral_face(columns, gradient_columns(np.stack(self._gradients)))
