"""One face, one frame at a time: from an image to its crop and projections, with the numbers of a whole sequence.

`Stream` chains the stateful stages (`BoxTracker`, `Aligner`, `LightNormalizer`, `MotionDetector`) that batch processing
uses too. Its memory does not grow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError
from ckseq.signal.align import AlignConfig
from ckseq.signal.faces import Box, Detector, FacesConfig, cut_face, to_gray
from ckseq.signal.gradients import face_gradients
from ckseq.signal.motion import MotionConfig
from ckseq.signal.reduce import project
from ckseq.tracking.alignment import Aligner
from ckseq.tracking.box_tracker import BoxTracker, Observation, is_causal
from ckseq.tracking.landmark_tracker import LandmarkTracker
from ckseq.tracking.motion import LightNormalizer, MotionDetector, require_causal_motion


class FrameResult(NamedTuple):
    """The result for one frame of one face.

    ``box`` in pixels of the frame, None before the first face; ``crop`` (n, n) uint8, gray and aligned; ``blobs`` (n,
    n) or (n, n, channels) bool and ``projections`` (2, n) or (2, n, channels) float32, None before the second crop
    and where the pipeline computes no motion; ``detected`` whether the face was detected, None where detection was
    skipped; ``cut`` (n, n) or (n, n, 3) uint8, the crop as cut, in the colors of the pipeline; ``landmarks`` (points,
    3) float32, pixels of the frame, and ``gradients`` (2, 256) float32, see `ckseq.signal.gradients.face_gradients`:
    NaN where landmarks are not found, None where the pipeline has none.
    """

    box: Box | None
    crop: NDArray[np.uint8] | None
    blobs: NDArray[np.bool_] | None
    projections: NDArray[np.float32] | None
    detected: bool | None
    cut: NDArray[np.uint8] | None = None
    landmarks: NDArray[np.float32] | None = None
    gradients: NDArray[np.float32] | None = None


class Stream:
    """Tracks one face through a video of any length; the state of one face.

    Parameters
    ----------
    faces, align, motion : Config
        Those of a pipeline that does not look ahead; without motion (``motion.difference = none``) only crops are made.
    detector : callable
        From an image to boxes.
    new_landmark_tracker : callable, optional
        From a detector to a tracker of landmarks; it is given one that finds the face of this stream.

    Raises
    ------
    CallError
        A config needs the whole sequence; the message names the field and its causal counterpart.
    """

    def __init__(
        self,
        faces: FacesConfig,
        align: AlignConfig,
        motion: MotionConfig,
        *,
        detector: Detector,
        new_landmark_tracker: Callable[[Detector], LandmarkTracker] | None = None,
    ) -> None:
        if not is_causal(faces):
            what = f"faces.policy = {faces.policy}" + (" with several anchors" if faces.policy == "anchor" else "")
            raise CallError(f"{what} needs the whole sequence", fix="for a stream use tracked, or faces.anchors = 1")
        self._moves = motion.difference != "none"
        if self._moves:
            require_causal_motion(motion)
        self._faces = faces
        self._box_tracker = BoxTracker(faces, detector)
        self._aligner = Aligner(align)
        self._light, self._motion = LightNormalizer(motion), MotionDetector(motion)
        self._last: NDArray[np.uint8] | None = None
        self._box: Box | None = None
        self._landmarks = None
        if new_landmark_tracker is not None:
            self._landmarks = new_landmark_tracker(lambda _: [] if self._box is None else [self._box])

    def update(self, image: NDArray[np.uint8]) -> FrameResult:
        """Process the next frame, detecting the face as the policy asks.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
            Gray, or red, green and blue, as ``faces.color`` asks for.
        """
        return self._process(image, self._box_tracker.update(image))

    def update_with(self, image: NDArray[np.uint8], candidates: list[Box] | None) -> FrameResult:
        """Process the next frame with faces detected elsewhere; ``candidates`` is None where detection was skipped."""
        return self._process(image, self._box_tracker.update_with(image, candidates))

    def _process(self, image: NDArray[np.uint8], observation: Observation) -> FrameResult:
        detected = None if observation.n_found < 0 else observation.n_found > 0
        if observation.box is None:
            return FrameResult(None, None, None, None, detected)
        self._box = observation.box
        found = () if self._landmarks is None else self._find_landmarks(image, self._landmarks)
        if self._last is None or not observation.held:
            self._last = cut_face(image, observation.box, self._faces)
        gray = to_gray(self._last) if self._last.ndim == 3 else self._last
        if not self._moves:
            return FrameResult(observation.box, gray, None, None, detected, self._last, *found)
        crop = self._aligner.update(gray)
        blobs = self._motion.update(self._light.update(crop))
        projections = None if blobs is None else project(blobs[np.newaxis])[0]
        return FrameResult(observation.box, crop, blobs, projections, detected, self._last, *found)

    @staticmethod
    def _find_landmarks(
        image: NDArray[np.uint8], tracker: LandmarkTracker
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        points = tracker.update(image)
        return points, face_gradients(image, points, tracker.shape)
