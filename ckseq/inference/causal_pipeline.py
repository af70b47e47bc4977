"""Preprocessing without looking ahead: the causal counterpart of a run's pipeline, and a face tracker with it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError
from ckseq.inference.face_classifier import make_face_classifier
from ckseq.inference.face_detection import FaceDetection, face_detection_for
from ckseq.inference.predictor import Predictor
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.stages import landmark_tracker_for
from ckseq.signal.faces import Detector, to_gray
from ckseq.tracking.face_tracker import FaceTracker
from ckseq.tracking.landmark_tracker import LandmarkTracker
from ckseq.tracking.stream import Stream
from ckseq.tracking.timeline import Timeline, TimelineConfig

# the neutral face and the reference of the alignment adapt with this time constant where the recipe fixes them
_RENEWAL_FRAMES = 150


def causal_pipeline(pipeline: Pipeline) -> tuple[Pipeline, list[str]]:
    """Return the causal counterpart of a pipeline, and what it does differently, in words.

    One box for the whole sequence becomes a box tracked frame by frame; the first or median crop as a reference becomes
    a neutral face that adapts. A pipeline that is causal already is returned unchanged. Without motion there is nothing
    but the box to adapt.

    Raises
    ------
    CallError
        The threshold is in units of the noise of the whole sequence, which has no counterpart.
    """
    faces, align, motion = pipeline.faces, pipeline.align, pipeline.motion
    changes = []
    if motion.difference != "none" and motion.threshold_unit == "noise":
        raise CallError(
            "the run's pipeline has motion.threshold in units of the noise of the whole sequence, unknown in a stream",
            fix="train on a store whose pipeline has motion.threshold_unit = gray_levels, such as live",
        )
    if faces.policy in ("anchor", "landmarks", "smoothed"):
        faces = faces.model_copy(update={"policy": "tracked"})
        changes.append("a box tracked frame by frame instead of boxes from the whole sequence")
    if motion.difference != "none" and motion.reference in ("first", "median"):
        motion = motion.model_copy(update={"reference": "neutral", "running_frames": _RENEWAL_FRAMES})
        if align.method != "none":
            align = align.model_copy(update={"renewal_frames": _RENEWAL_FRAMES})
        changes.append(f"a neutral face that adapts instead of the {pipeline.motion.reference} frame")
    return pipeline.model_copy(update={"faces": faces, "align": align, "motion": motion}), changes


def pipeline_for_video(predictor: Predictor, detection: FaceDetection | None = None) -> tuple[Pipeline, list[str]]:
    """Return the pipeline that prepares frames of a video for a run's model, and what it does differently, in words.

    A model of single images needs no motion. Where its training images were whole faces, faces are detected by another
    detector, tracked frame by frame.

    Parameters
    ----------
    predictor : Predictor
    detection : FaceDetection, optional
        As of `face_detection_for` where not given.

    Raises
    ------
    CallError
        As for `causal_pipeline`.
    """
    pipeline = predictor.pipeline
    if predictor.reads_images and pipeline.motion.difference != "none":
        pipeline = pipeline.model_copy(update={"motion": pipeline.motion.model_copy(update={"difference": "none"})})
    detection = detection or face_detection_for(predictor)
    pipeline, changes = causal_pipeline(pipeline)
    if detection.kind != pipeline.detector_kind:
        tracked = pipeline.faces.model_copy(update={"policy": "tracked"})
        pipeline = pipeline.model_copy(update={"faces": tracked})
        changes.append(f"faces detected by {detection.kind} and tracked, unlike in training")
    pipeline = pipeline.model_copy(update={"detector_kind": detection.kind, "detector": detection.config})
    return pipeline, changes


def convert_color(image: NDArray[np.uint8], pipeline: Pipeline) -> NDArray[np.uint8]:
    """Return a frame, gray (h, w) or BGR (h, w, 3), in the colors that a pipeline reads: gray or RGB."""
    if pipeline.faces.color == "rgb":
        code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(image, code), np.uint8)
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def make_face_tracker(
    predictor: Predictor, config: TimelineConfig, *, detection: FaceDetection | None = None
) -> FaceTracker:
    """Return a tracker that finds and classifies the faces of one video, with a model of any input.

    Parameters
    ----------
    predictor : Predictor
    config : TimelineConfig
    detection : FaceDetection, optional
        As for `pipeline_for_video`.

    Raises
    ------
    CallError
        The pipeline has no causal counterpart.
    """
    detection = detection or face_detection_for(predictor)
    pipeline, _ = pipeline_for_video(predictor, detection)
    found = detection.load()
    detect: Detector = found if pipeline.faces.color == "gray" else lambda image: found(to_gray(image))
    classifier = make_face_classifier(predictor, pipeline)

    def new_landmarks(detector: Detector) -> LandmarkTracker:
        tracker = landmark_tracker_for(pipeline, detector)
        assert tracker is not None
        return tracker

    more = {} if pipeline.landmarks.kind == "none" else {"new_landmark_tracker": new_landmarks}

    def new_face() -> tuple[Stream, Timeline]:
        stream = Stream(pipeline.faces, pipeline.align, pipeline.motion, detector=detect, **more)
        return stream, Timeline(
            config, classifier, sure_above=predictor.sure_above, multi_label=predictor.experiment.predicts_units
        )

    return FaceTracker(pipeline.faces, config, detector=detect, new_face=new_face)
