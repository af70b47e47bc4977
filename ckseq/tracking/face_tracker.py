"""Tracking of several faces in one video, each with a stream and a timeline of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.signal.faces import Box, Detector, FacesConfig, overlap
from ckseq.tracking.box_tracker import FaceSearch, limited
from ckseq.tracking.stream import FrameResult, Stream
from ckseq.tracking.timeline import Decision, Timeline, TimelineConfig

# boxes of one face in frames a moment apart overlap by more, also where the detector changes its size
_MIN_OVERLAP = 0.25
# a second face is reported after so many detections: false detections come once
_MIN_DETECTIONS = 2
# successive frames of one scene differ by less, on average over coarse cells; gray levels
_CUT_LEVELS = 25
_CELLS = (32, 24)


class TrackedFace(NamedTuple):
    """One face in one frame.

    ``number`` counts faces from 1; ``visible`` whether the last detection found it; ``frame`` is the result of its
    stream; ``decision`` that of its timeline, None between decisions.
    """

    number: int
    visible: bool
    frame: FrameResult
    decision: Decision | None


@dataclass
class _Track:
    stream: Stream
    timeline: Timeline
    box: Box
    detected_s: float
    n_detections: int = 0
    number: int = 0
    visible: bool = True
    # its detections in this frame; None where detection was skipped
    candidates: list[Box] | None = None

    def detected(self, box: Box, time_s: float) -> None:
        self.box, self.detected_s, self.candidates = box, time_s, [box]
        self.n_detections += 1


class FaceTracker:
    """Tracks the faces of a video by the overlap of their boxes; the state of one video. Its memory does not grow.

    Parameters
    ----------
    faces : FacesConfig
        With a causal policy; it says how often faces are detected.
    config : TimelineConfig
    detector : callable
        From an image to boxes.
    new_face : callable
        Returns a stream and a timeline for a face that appears.
    """

    def __init__(
        self,
        faces: FacesConfig,
        config: TimelineConfig,
        *,
        detector: Detector,
        new_face: Callable[[], tuple[Stream, Timeline]],
    ) -> None:
        self._stride = 1 if faces.policy == "every_frame" else faces.stride_frames
        self._config, self._new_face = config, new_face
        self._search = FaceSearch(faces, limited(detector))
        self._tracks: list[_Track] = []
        self._n_frames = self._n_faces = 0
        self._thumbnail: NDArray[np.float32] | None = None

    def update(self, time_s: float, image: NDArray[np.uint8]) -> list[TrackedFace]:
        """Process the next frame and return the faces that are visible or were so within ``patience_s``.

        After a cut all faces are new ones.

        Parameters
        ----------
        time_s : float
            Of the frame, seconds; increases from frame to frame.
        image : (h, w) or (h, w, 3) uint8
            Gray, or red, green and blue, as ``faces.color`` asks for.
        """
        cut = self._is_cut(image)
        if cut:
            self._tracks = []
        found = self._search(image) if cut or self._n_frames % self._stride == 0 else None
        self._n_frames += 1
        for track in self._tracks:
            track.candidates = None if found is None else []
        if found:
            self._assign(found, time_s)
        self._tracks = [track for track in self._tracks if time_s - track.detected_s <= self._config.patience_s]
        faces = []
        for track in self._tracks:
            if track.candidates is not None:
                track.visible = bool(track.candidates)
            frame = track.stream.update_with(image, track.candidates)
            decision = track.timeline.update(time_s, frame)
            if track.n_detections >= _MIN_DETECTIONS:
                if not track.number:
                    self._n_faces += 1
                    track.number = self._n_faces
                faces.append(TrackedFace(track.number, track.visible, frame, decision))
        return faces

    def _is_cut(self, image: NDArray[np.uint8]) -> bool:
        before = self._thumbnail
        self._thumbnail = np.asarray(cv2.resize(image, _CELLS, interpolation=cv2.INTER_AREA), np.float32)
        return before is not None and (
            before.shape != self._thumbnail.shape or float(np.abs(self._thumbnail - before).mean()) > _CUT_LEVELS
        )

    def _assign(self, found: list[Box], time_s: float) -> None:
        """Assign each box to the face that it overlaps most, and start a new face for each box left over."""
        pairs = [(overlap(track.box, box), track, box) for track in self._tracks for box in found]
        left = list(found)
        for share, track, box in sorted(pairs, key=lambda pair: -pair[0]):
            if share > _MIN_OVERLAP and not track.candidates and box in left:
                left.remove(box)
                track.detected(box, time_s)
        left.sort(key=lambda box: (box.left - box.right) * (box.bottom - box.top))
        alone = not self._tracks
        for box in left[: self._config.most_faces - len(self._tracks)]:
            track = _Track(*self._new_face(), box, time_s, n_detections=_MIN_DETECTIONS * alone)
            track.detected(box, time_s)
            self._tracks.append(track)
