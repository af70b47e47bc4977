"""Clips from neutral to apex, cut out of a recording of one expression."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq import registry
from ckseq.errors import DataError
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.recording import VideoFile
from ckseq.report.contact_sheet import contact_sheet
from ckseq.signal.apex import neutral_to_apex
from ckseq.signal.faces import Box, Detector, detect_at_scale, pick_box, to_gray
from ckseq.storage.frames import read_gray, read_rgb
from ckseq.tracking.alignment import align_crops
from ckseq.tracking.box_tracker import track_face
from ckseq.tracking.motion import motion_blobs

Image = NDArray[np.uint8]

_MAX_FRAMES = 900
_MAX_SIZE_PX = (640, 490)
_MIN_FRAMES, _MIN_MOTION = 6, 0.02
_ONSET_SHARE, _APEX_SHARE, _LEAD_FRAMES = 0.1, 0.95, 5


class CutClip(NamedTuple):
    """The frames of a clip, each (h, w) or (h, w, 3) uint8, and its contact sheet for review, (h, w) uint8."""

    frames: Sequence[Image]
    sheet: Image


class ClipCutter:
    """Finds the face in a recording, and where its expression begins and where it is strongest.

    Parameters
    ----------
    pipeline : Pipeline
        How faces are detected and motion is measured.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._detector: Detector = registry.load("detectors", pipeline.detector_kind).SPEC.load(pipeline.detector)

    def detect(self, image: Image) -> Box | None:
        """Return the most central face of a frame, (h, w) uint8, or (h, w, 3) uint8 RGB."""
        image = as_gray(image)
        boxes = detect_at_scale(image, self._detector, scale=0.5)
        return pick_box(boxes, pick="central", shape=(image.shape[0], image.shape[1])) if boxes else None

    def cut(self, frames: Sequence[Image], title: str) -> CutClip:
        """Return the clip from neutral to apex.

        Parameters
        ----------
        frames : sequence of (h, w) uint8, or of (h, w, 3) uint8 RGB
            Faces and motion are measured in gray; the clip has the frames as given.
        title : str
            Of the contact sheet.

        Raises
        ------
        DataError
            There is no face, hardly any motion, or too few frames.
        """
        _check_length(frames)
        gray = [as_gray(frame) for frame in frames]
        faces = track_face(gray, self._detector, self._pipeline.faces)
        frames, gray = frames[faces.n_dropped :], gray[faces.n_dropped :]
        _check_length(frames)
        blobs = motion_blobs(align_crops(faces.crops, self._pipeline.align), self._pipeline.motion)
        motion = np.concatenate([[0.0], blobs.reshape(len(blobs), -1).mean(axis=1)])
        if motion.max() < _MIN_MOTION:
            raise DataError("there is hardly any motion", fix="begin with a neutral face, then show it more strongly")
        first, end = neutral_to_apex(motion, onset_share=_ONSET_SHARE, apex_share=_APEX_SHARE, lead_frames=_LEAD_FRAMES)
        first = max(0, min(first, end - _MIN_FRAMES))
        end = max(end, first + _MIN_FRAMES)
        sheet = contact_sheet(gray, faces.boxes, motion, selected=(first, end), title=title)
        return CutClip(frames[first:end], sheet)


def _check_length(frames: Sequence[Image]) -> None:
    if len(frames) < _MIN_FRAMES:
        raise DataError(f"{len(frames)} frames with a face are too few", fix=f"at least {_MIN_FRAMES} are needed")


def as_gray(image: Image) -> Image:
    """Return a frame, (h, w) or (h, w, 3) uint8 RGB, in gray."""
    return image if image.ndim == 2 else to_gray(image)


def read_frames(path: Path, *, color: bool = False) -> list[Image]:
    """Return the frames of a video file, each (h, w) uint8, reduced to the size of CK+'s frames.

    With ``color`` each is (h, w, 3) uint8 RGB.

    Raises
    ------
    DataError
        It cannot be read, or is too long for one expression.
    """
    read = read_rgb if color else read_gray
    frames = [reduce_size(image) for image in islice(read(VideoFile(path)), _MAX_FRAMES + 1)]
    if len(frames) > _MAX_FRAMES:
        raise DataError(f"has more than {_MAX_FRAMES} frames", path, "cut it to one expression, from a neutral face on")
    return frames


def reduce_size(image: Image) -> Image:
    """Return a frame no larger than CK+'s: more pixels would only reveal more of a person."""
    height, width = image.shape[:2]
    scale = min(1.0, max(_MAX_SIZE_PX) / max(height, width), min(_MAX_SIZE_PX) / min(height, width))
    if scale == 1:
        return image
    return np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
