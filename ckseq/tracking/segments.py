"""The decisions of a whole video merged into segments: one face, one state and one class each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckseq.tracking.face_tracker import TrackedFace
from ckseq.tracking.timeline import Decision, State


@dataclass
class Segment:
    """A stretch of time in which a face keeps its state and its class.

    ``label`` is the assigned class, or the FACS code of the assigned action units, None where there is none;
    ``probability`` the largest smoothed probability of the class;
    ``sure`` the class of an early decision in it, and ``sure_s`` when that was made. Times are seconds.
    """

    face: int
    start_s: float
    end_s: float
    state: State
    label: str | None
    probability: float | None = None
    sure: str | None = None
    sure_s: float | None = None

    def extend(self, decision: Decision, labels: Sequence[str]) -> None:
        """Add a decision of the same state and class."""
        self.end_s = round(decision.time_s, 3)
        if decision.smoothed is not None and decision.label is not None:
            self.probability = max(round(float(decision.smoothed[decision.label]), 4), self.probability or 0.0)
        if decision.sure is not None and decision.sure_s is not None:
            self.sure, self.sure_s = labels[decision.sure], round(decision.sure_s, 3)


@dataclass(frozen=True)
class VideoSummary:
    """What the faces of a video show: counts of frames and faces, and segments sorted by start."""

    n_frames: int
    n_without_face: int
    duration_s: float
    faces: int
    segments: list[Segment]


class VideoSummarizer:
    """Summarizes a video frame by frame; its memory grows with the number of segments only."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels
        self.n_frames = self._n_without_face = 0
        self._duration_s = 0.0
        self._closed: list[Segment] = []
        self._open: dict[int, Segment] = {}

    def update(self, time_s: float, faces: Sequence[TrackedFace]) -> None:
        """Add the next frame."""
        self.n_frames += 1
        self._n_without_face += not any(face.visible for face in faces)
        self._duration_s = time_s
        for number in self._open.keys() - {face.number for face in faces}:
            self._closed.append(self._open.pop(number))
        for face in faces:
            if face.decision is not None:
                self._add(face.number, face.decision)

    def _add(self, number: int, decision: Decision) -> None:
        label = decision.assigned(self._labels)
        segment = self._open.get(number)
        if segment is None or (segment.state, segment.label) != (decision.state, label):
            if segment is not None:
                self._closed.append(segment)
            time_s = round(decision.time_s, 3)
            segment = self._open[number] = Segment(number, time_s, time_s, decision.state, label)
        segment.extend(decision, self._labels)

    def summary(self) -> VideoSummary:
        """Return the summary of the frames so far."""
        segments = sorted([*self._closed, *self._open.values()], key=lambda one: (one.start_s, one.face))
        n_faces = len({segment.face for segment in segments})
        return VideoSummary(self.n_frames, self._n_without_face, round(self._duration_s, 3), n_faces, segments)
