"""A recording of one expression with its face and its class drawn on every frame."""

from __future__ import annotations

from itertools import count

import cv2
import numpy as np

from ckseq.inference.inputs import Input
from ckseq.inference.predictions import SequencePrediction
from ckseq.inference.timeline_files import OutputFiles
from ckseq.report.overlay import Mark, draw_marks
from ckseq.storage.video_writer import VideoWriter
from ckseq.tracking.box_tracker import Faces


def draw_sequence(
    source: Input, prediction: SequencePrediction, faces: Faces, files: OutputFiles, *, folder_fps: float
) -> str:
    """Write a copy of a recording, with the face's box and the class of the whole on each frame, and return its path.

    Frames before the first face have no box. Where no face was found and the box of the frame before was kept, the box
    is gray.

    Raises
    ------
    DataError
        A frame cannot be read, or the file cannot be written.
    """
    path = files.path("drawn.mp4")
    path.parent.mkdir(parents=True, exist_ok=True)
    labels, probabilities = tuple(prediction.probabilities), tuple(prediction.probabilities.values())
    label = labels.index(prediction.predicted) if prediction.predicted in labels else None
    frames, fps = source.open(folder_fps=folder_fps)
    with VideoWriter(path, fps=fps, sound=files.sound) as writer:
        for (time_s, image), number in zip(frames, count(-faces.n_dropped)):
            color = image if image.ndim == 3 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)
            marks = []
            if 0 <= number < len(faces.boxes):
                left, top, right, bottom = faces.boxes[number].tolist()
                kept = None if faces.n_found[number] == 0 else label
                marks = [Mark((left, top, right, bottom), prediction.predicted, probabilities, kept)]
            writer.write(time_s, draw_marks(color, marks, labels))
    return str(path)
