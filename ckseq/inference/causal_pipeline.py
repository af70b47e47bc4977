"""Preprocessing without looking ahead: the causal counterpart of a run's pipeline, and a face tracker with it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq import registry
from ckseq.errors import CallError
from ckseq.inference.predictor import Predictor
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.tracking.face_tracker import FaceTracker
from ckseq.tracking.stream import Stream
from ckseq.tracking.timeline import Timeline, TimelineConfig, Window

# the neutral face and the reference of the alignment adapt with this time constant where the recipe fixes them
_RENEWAL_FRAMES = 150


def causal_pipeline(pipeline: Pipeline) -> tuple[Pipeline, list[str]]:
    """Return the causal counterpart of a pipeline, and what it does differently, in words.

    One box for the whole sequence becomes a box tracked frame by frame; the first or median crop as a reference becomes
    a neutral face that adapts. A pipeline that is causal already is returned unchanged.

    Raises
    ------
    CallError
        The threshold is in units of the noise of the whole sequence, which has no counterpart.
    """
    faces, align, motion = pipeline.faces, pipeline.align, pipeline.motion
    changes = []
    if motion.threshold_unit == "noise":
        raise CallError(
            "the run's pipeline has motion.threshold in units of the noise of the whole sequence, unknown in a stream",
            fix="train on a store whose pipeline has motion.threshold_unit = gray_levels, such as live",
        )
    if faces.policy in ("anchor", "smoothed"):
        faces = faces.model_copy(update={"policy": "tracked"})
        changes.append("a box tracked frame by frame instead of boxes from the whole sequence")
    if motion.reference in ("first", "median"):
        motion = motion.model_copy(update={"reference": "neutral", "running_frames": _RENEWAL_FRAMES})
        if align.method != "none":
            align = align.model_copy(update={"renewal_frames": _RENEWAL_FRAMES})
        changes.append(f"a neutral face that adapts instead of the {pipeline.motion.reference} frame")
    return pipeline.model_copy(update={"faces": faces, "align": align, "motion": motion}), changes


def convert_color(image: NDArray[np.uint8], pipeline: Pipeline) -> NDArray[np.uint8]:
    """Return a frame, gray (h, w) or BGR (h, w, 3), in the colors that a pipeline reads: gray or RGB."""
    if pipeline.faces.color == "rgb":
        code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(image, code), np.uint8)
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def make_face_tracker(predictor: Predictor, config: TimelineConfig) -> FaceTracker:
    """Return a tracker that finds and classifies the faces of one video.

    Raises
    ------
    CallError
        The model reads something else than projections, or its pipeline has no causal counterpart.
    """
    if predictor.experiment.input != "projections":
        raise CallError(
            f"the run reads {predictor.experiment.input}, and only projections can be computed frame by frame",
            fix="train with --set input=projections",
        )
    pipeline, _ = causal_pipeline(predictor.pipeline)
    detector = registry.load("detectors", pipeline.detector_kind).SPEC.load(pipeline.detector)
    has_neutral = pipeline.motion.reference != "previous"

    def classify(window: Window) -> NDArray[np.float32]:
        return predictor.predict_proba(window.projections, window.times_s)

    def new_face() -> tuple[Stream, Timeline]:
        stream = Stream(pipeline.faces, pipeline.align, pipeline.motion, detector=detector)
        return stream, Timeline(config, classify, has_neutral=has_neutral, sure_above=predictor.sure_above)

    return FaceTracker(pipeline.faces, config, detector=detector, new_face=new_face)
