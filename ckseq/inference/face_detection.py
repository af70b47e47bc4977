"""Which detector finds the faces in new photos and videos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckseq import registry
from ckseq.config import Config, parse
from ckseq.detectors._spec import DetectorSpec
from ckseq.inference.predictor import Predictor
from ckseq.signal.faces import Detector

DEFAULT_DETECTOR = "dlib_hog"
"""Detects faces where the training images were whole faces, so that the run has no detector of its own."""


@dataclass(frozen=True)
class FaceDetection:
    """A detector by name and its settings."""

    kind: str
    config: Config

    def load(self) -> Detector:
        """Return the detector itself."""
        return _spec(self.kind).load(self.config)


def face_detection_for(
    predictor: Predictor, kind: str | None = None, settings: Mapping[str, Any] | None = None
) -> FaceDetection:
    """Return the detector for new images: that of the training, or `DEFAULT_DETECTOR` where it has no boxes to show.

    Parameters
    ----------
    predictor : Predictor
    kind : str, optional
        Another detector, with its own defaults; a person has named it, so that it may be a plug-in.
    settings : mapping, optional
        Fields of the detector's config that differ.

    Raises
    ------
    CallError
        There is no such detector, field or value.
    """
    pipeline = predictor.pipeline
    if kind is not None:
        kind = registry.admit("detectors", kind, where="--detector")
    else:
        without_motion = predictor.reads_images or pipeline.motion.difference == "none"
        shows_no_box = pipeline.detector_kind == "whole_frame" and without_motion
        kind = DEFAULT_DETECTOR if shows_no_box else pipeline.detector_kind
    own = pipeline.detector.model_dump() if kind == pipeline.detector_kind else {}
    return FaceDetection(kind, parse(_spec(kind).config, {**own, **(settings or {})}, where="--set detector"))


def _spec(kind: str) -> DetectorSpec:
    spec: DetectorSpec = registry.load("detectors", kind, where="--detector").SPEC
    return spec
