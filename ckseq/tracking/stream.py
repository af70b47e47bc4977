"""One face, one frame at a time: from a picture to its projections, as the batch path makes them of a whole sequence.

`Stream` holds the states of the stages (`BoxTracker`, `Aligner`, `Light`, `Motion`), which the batch path runs as well;
so both give the same numbers. Its memory does not grow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError
from ckseq.signal.align import AlignConfig
from ckseq.signal.faces import Box, Detector, FacesConfig, cut_face, to_gray
from ckseq.signal.motion import MotionConfig
from ckseq.signal.reduce import project
from ckseq.tracking.alignment import Aligner
from ckseq.tracking.box_tracker import BoxTracker, Observation, causal_faces
from ckseq.tracking.motion import Light, Motion, refuse_ahead


class Step(NamedTuple):
    """What became of one frame.

    ``box`` in pixels of the frame, None before the first face; ``crop`` (n, n) uint8, aligned; ``blobs`` (n, n) or
    (n, n, 2) bool and ``projections`` (2, n) or (2, n, 2) float32, None before the second crop; ``found`` whether the
    frame shows the face, None where it was not looked at.
    """

    box: Box | None
    crop: NDArray[np.uint8] | None
    blobs: NDArray[np.bool_] | None
    projections: NDArray[np.float32] | None
    found: bool | None


class Stream:
    """A face followed through pictures without an end.

    Parameters
    ----------
    faces, align, motion : Config
        Those of a pipeline that does not look ahead.
    detector : callable
        From an image to boxes.

    Raises
    ------
    CallError
        A config asks for what only the end of a sequence tells; the message names the field and its counterpart.
    """

    def __init__(self, faces: FacesConfig, align: AlignConfig, motion: MotionConfig, *, detector: Detector) -> None:
        if not causal_faces(faces):
            what = f"faces.policy = {faces.policy}" + (" with several anchors" if faces.policy == "anchor" else "")
            raise CallError(f"{what} needs the whole sequence", fix="for a stream use tracked, or faces.anchors = 1")
        refuse_ahead(motion)
        self._faces = faces
        self._follower = BoxTracker(faces, detector)
        self._aligner = Aligner(align)
        self._light, self._motion = Light(motion), Motion(motion)
        self._last: NDArray[np.uint8] | None = None

    def step(self, image: NDArray[np.uint8]) -> Step:
        """Take the next frame, looking for the face as the policy says.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
            Gray, or red, green and blue, as ``faces.color`` asks for.
        """
        return self._process(image, self._follower.step(image))

    def told(self, image: NDArray[np.uint8], candidates: list[Box] | None) -> Step:
        """Take the next frame, whose faces somebody else looked for; ``candidates`` is None where nobody did."""
        return self._process(image, self._follower.told(image, candidates))

    def _process(self, image: NDArray[np.uint8], sight: Observation) -> Step:
        found = None if sight.n_found < 0 else sight.n_found > 0
        if sight.box is None:
            return Step(None, None, None, None, found)
        if self._last is None or not sight.held:
            cut = cut_face(image, sight.box, self._faces)
            self._last = to_gray(cut) if cut.ndim == 3 else cut
        face = self._aligner.step(self._last)
        blobs = self._motion.step(self._light.step(face))
        if blobs is None:
            return Step(sight.box, face, None, None, found)
        return Step(sight.box, face, blobs, project(blobs[np.newaxis])[0], found)
