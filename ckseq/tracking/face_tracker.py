"""Several faces in one film, each with a stream and a timeline of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.signal.faces import Box, Detector, FacesConfig, overlap
from ckseq.tracking.box_tracker import Look
from ckseq.tracking.stream import Step, Stream
from ckseq.tracking.timeline import Decision, Timeline, TimelineConfig

# boxes of one face in frames a moment apart overlap by more, also where the detector changes its size
_SAME = 0.25
# a face beside others is told of once it was seen so often: a detector's slips are seen once
_SIGHTINGS = 2
# frames a moment apart differ by less, on average over coarse cells, unless the film was cut; gray levels
_CUT_LEVELS = 25
_CELLS = (32, 24)


class Seen(NamedTuple):
    """One face in one frame.

    ``face`` is its number, counted from 1; ``there`` whether it was seen when it was last looked for; ``step`` what its
    stream made of the frame; ``decision`` what is said of it, None between decisions.
    """

    face: int
    there: bool
    step: Step
    decision: Decision | None


@dataclass
class _Track:
    stream: Stream
    timeline: Timeline
    box: Box
    seen_s: float
    sightings: int = 0
    face: int = 0
    there: bool = True
    # what was found of it in this frame; None where nobody looked
    candidates: list[Box] | None = None

    def sighted(self, box: Box, time_s: float) -> None:
        self.box, self.seen_s, self.candidates = box, time_s, [box]
        self.sightings += 1


class Watch:
    """The faces of a film, told apart by where they are; the state of one film. Its memory does not grow.

    Parameters
    ----------
    faces : ckseq.signal.faces.Config
        Of a policy that does not look ahead; it says how often faces are looked for.
    config : TimelineConfig
    detector : callable
        From an image to boxes.
    begin : callable
        Makes a stream and a timeline for a face that appears.
    """

    def __init__(
        self,
        faces: FacesConfig,
        config: TimelineConfig,
        *,
        detector: Detector,
        begin: Callable[[], tuple[Stream, Timeline]],
    ) -> None:
        self._stride = 1 if faces.policy == "every_frame" else faces.stride_frames
        self._config, self._begin = config, begin
        self._look = Look(faces, detector)
        self._tracks: list[_Track] = []
        self._number = self._n_faces = 0
        self._coarse: NDArray[np.float32] | None = None

    def step(self, time_s: float, image: NDArray[np.uint8]) -> list[Seen]:
        """Take the next frame and return the faces that are there or were a moment ago.

        After a cut of the film all faces are new ones.

        Parameters
        ----------
        time_s : float
            Of the frame, seconds; rises from frame to frame.
        image : (h, w) or (h, w, 3) uint8
            Gray, or red, green and blue, as ``faces.color`` asks for.
        """
        cut = self._is_cut(image)
        if cut:
            self._tracks = []
        found = self._look(image) if cut or self._number % self._stride == 0 else None
        self._number += 1
        for track in self._tracks:
            track.candidates = None if found is None else []
        if found:
            self._assign(found, time_s)
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= self._config.patience_s]
        seen = []
        for track in self._tracks:
            if track.candidates is not None:
                track.there = bool(track.candidates)
            step = track.stream.told(image, track.candidates)
            decision = track.timeline.step(time_s, step)
            if track.sightings >= _SIGHTINGS:
                if not track.face:
                    self._n_faces += 1
                    track.face = self._n_faces
                seen.append(Seen(track.face, track.there, step, decision))
        return seen

    def _is_cut(self, image: NDArray[np.uint8]) -> bool:
        before = self._coarse
        self._coarse = np.asarray(cv2.resize(image, _CELLS, interpolation=cv2.INTER_AREA), np.float32)
        return before is not None and (
            before.shape != self._coarse.shape or float(np.abs(self._coarse - before).mean()) > _CUT_LEVELS
        )

    def _assign(self, found: list[Box], time_s: float) -> None:
        """Give each box to the face that it overlaps most, and begin a face with each that is left."""
        pairs = [(overlap(track.box, box), track, box) for track in self._tracks for box in found]
        left = list(found)
        for share, track, box in sorted(pairs, key=lambda pair: -pair[0]):
            if share > _SAME and not track.candidates and box in left:
                left.remove(box)
                track.sighted(box, time_s)
        left.sort(key=lambda box: (box.left - box.right) * (box.bottom - box.top))
        alone = not self._tracks
        for box in left[: self._config.most_faces - len(self._tracks)]:
            track = _Track(*self._begin(), box, time_s, sightings=_SIGHTINGS * alone)
            track.sighted(box, time_s)
            self._tracks.append(track)
