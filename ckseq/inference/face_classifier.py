"""What a run's model keeps of the frames of a face, and how it classifies them: images, features or motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.inference.predictor import Predictor
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.signal.face_shape import FaceShape, face_shape
from ckseq.signal.landmarks import landmark_columns
from ckseq.signal.reduce import halved
from ckseq.tracking.stream import FrameResult
from ckseq.tracking.timeline import FaceClassifier


@dataclass(frozen=True)
class _Traits:
    """See `ckseq.tracking.timeline.FaceClassifier`."""

    predictor: Predictor
    measures_motion: bool
    has_neutral: bool
    single_frame: bool


class ImageClassifier(_Traits):
    """A model of single images: the crop, as cut, of the latest frame."""

    def keep(self, frame: FrameResult) -> NDArray[np.uint8] | None:
        """Return the crop."""
        return frame.cut

    def classify(self, kept: Sequence[NDArray[np.uint8]], times_s: NDArray[np.float64]) -> NDArray[np.float32]:  # noqa: ARG002
        """Return the probabilities of the latest crop."""
        return self.predictor.predict_proba_images(kept[-1][np.newaxis])[0]


@dataclass(frozen=True)
class SequenceClassifier(_Traits):
    """A model of sequences of what ``row`` returns of each frame: projections, blobs, smaller frames or crops."""

    row: Callable[[FrameResult], NDArray[Any] | None]

    def keep(self, frame: FrameResult) -> NDArray[Any] | None:
        """Return the row of a frame; where motion is measured, none before there is some to measure."""
        return None if self.measures_motion and frame.projections is None else self.row(frame)

    def classify(self, kept: Sequence[NDArray[Any]], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the probabilities of a window."""
        return self.predictor.predict_proba(np.stack(kept), times_s)


@dataclass(frozen=True)
class LandmarkSequenceClassifier(_Traits):
    """A model of sequences of landmarks, or of these with more; landmarks are registered window by window."""

    shape: FaceShape

    def keep(self, frame: FrameResult) -> FrameResult | None:
        """Return what is read of a frame; none without landmarks, or before there is motion to measure."""
        no_motion_yet = self.measures_motion and frame.projections is None
        found = frame.landmarks is not None and bool(np.isfinite(frame.landmarks).all())
        return None if not found or no_motion_yet else frame._replace(crop=None, blobs=None, cut=None)

    def classify(self, kept: Sequence[FrameResult], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the probabilities of a window."""
        points = np.stack([one.landmarks for one in kept if one.landmarks is not None])
        arrays = {"landmarks": landmark_columns(points, self.shape)}
        arrays["gradients"] = np.stack([one.gradients for one in kept if one.gradients is not None])
        if self.measures_motion:
            arrays["projections"] = np.stack([one.projections for one in kept if one.projections is not None])
        return self.predictor.predict_proba(self.predictor.read_input(arrays), times_s)


class _Crop:
    """The crop of one frame until its features are computed, then the features."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.pixels: NDArray[np.uint8] | None = pixels
        self.features: NDArray[np.float32] | None = None


class FeatureSequenceClassifier(_Traits):
    """A model of sequences of features: a frame goes through the backbone once, when a window first needs it."""

    def keep(self, frame: FrameResult) -> _Crop | None:
        """Return the crop; where motion is measured, none before there is some to measure."""
        no_motion_yet = self.measures_motion and frame.projections is None
        return None if frame.cut is None or no_motion_yet else _Crop(frame.cut)

    def classify(self, kept: Sequence[_Crop], times_s: NDArray[np.float64]) -> NDArray[np.float32]:
        """Return the probabilities of a window."""
        crops = [one for one in kept if one.pixels is not None]
        if crops:
            found = self.predictor.read_input(
                {"crops": np.stack([one.pixels for one in crops if one.pixels is not None])}
            )
            for one, features in zip(crops, found, strict=True):
                one.features, one.pixels = features, None
        return self.predictor.predict_proba(
            np.stack([one.features for one in kept if one.features is not None]), times_s
        )


def make_face_classifier(predictor: Predictor, pipeline: Pipeline) -> FaceClassifier:
    """Return the classifier of faces for a model of any input.

    Parameters
    ----------
    predictor : Predictor
    pipeline : Pipeline
        The causal counterpart of the predictor's.
    """
    moves = pipeline.motion.difference != "none"
    has_neutral = moves and pipeline.motion.reference != "previous"
    if predictor.reads_images:
        return ImageClassifier(predictor, moves, has_neutral=False, single_frame=True)
    if predictor.extractor is not None:
        return FeatureSequenceClassifier(predictor, moves, has_neutral, single_frame=False)
    if predictor.experiment.input in ("landmarks", "fused"):
        kind = pipeline.landmarks.kind
        assert kind != "none"  # a run on landmarks has some
        return LandmarkSequenceClassifier(predictor, moves, has_neutral, single_frame=False, shape=face_shape(kind))
    rows: dict[str, Callable[[FrameResult], NDArray[Any] | None]] = {
        "projections": lambda frame: frame.projections,
        "blobs": lambda frame: frame.blobs,
        "halved": lambda frame: _halved(frame.blobs, pipeline.reduce.halvings),
        "crops": lambda frame: frame.cut,
    }
    return SequenceClassifier(predictor, moves, has_neutral, single_frame=False, row=rows[predictor.experiment.input])


def _halved(blobs: NDArray[np.bool_] | None, halvings: int) -> NDArray[np.float32] | None:
    return None if blobs is None else halved(blobs[np.newaxis], halvings=halvings)[0]
