"""A run made ready to watch: its model, its pipeline without a look ahead, and the faces of a film told apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.learn.extract import as_sequence, extract, load_extractor
from ckseq.learn.predict import load_network, probabilities
from ckseq.preprocessing.pipeline import Pipeline, pipeline_of
from ckseq.signal.sequence import fit_length
from ckseq.storage.run_record import read_run
from ckseq.tracking.face_tracker import Watch
from ckseq.tracking.stream import Stream
from ckseq.tracking.timeline import Piece, Timeline, TimelineConfig

# a neutral face, and what crops are brought back to, adapt over so many frames where the recipe has them fixed
_ADAPTS_FRAMES = 150


@dataclass(frozen=True)
class Model:
    """What a run knows: its classes, how it prepares recordings, and its trained model."""

    labels: tuple[str, ...]
    pipeline: Pipeline
    experiment: Experiment
    length_frames: int
    network: Any
    extractor: Any = None

    def reads(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return what the model reads of a prepared recording, one row per frame; features are made of its crops."""
        if self.extractor is None:
            return arrays[self.experiment.input]
        return as_sequence(extract(self.extractor, arrays["crops"]))

    def ask(self, projections: NDArray[Any], times_s: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """Return the probability of each class, (n_classes,) float32, for a sequence of any length.

        Parameters
        ----------
        projections : (t, 2, n) or (t, 2, n, channels) float32
            Or whatever else the experiment reads, one row per frame.
        times_s : (t,) float64, optional
            When the frames were taken, where they are not evenly apart.
        """
        policy = self.experiment.sequence
        sequence = fit_length(
            projections,
            length_frames=self.length_frames,
            overflow="resample" if policy.overflow in ("drop", "error") else policy.overflow,
            short=policy.short,
            times_s=times_s,
        )
        return probabilities(self.network, sequence[np.newaxis])[0]


def load_model(run: Path) -> Model:
    """Load the model of a run.

    Raises
    ------
    DataError
        The run has no model.
    """
    made = read_run(run)
    if made.store is None or made.model is None or made.kind == "cross_validation":
        raise DataError("is a cross-validation, which keeps no model", run, "make one with 'ckseq train'")
    return Model(
        tuple(made.labels),
        pipeline_of(made.store.pipeline, where=f"{run}: pipeline"),
        experiment_of(made.experiment, where=f"{run}: experiment"),
        made.model.input_shape[0],
        load_network(run),
        load_extractor(run) if made.value("input") == "features" else None,
    )


def causal(pipeline: Pipeline) -> tuple[Pipeline, list[str]]:
    """Return the counterpart of a pipeline that does not look ahead, and what it does otherwise, in words.

    A box for the whole sequence becomes one that follows the head; the first crop, or the median, becomes a neutral
    face that adapts. A pipeline that looks at nothing ahead of time and at no fixed first frame is returned as it is.

    Raises
    ------
    CallError
        Its threshold is counted in the noise of the whole sequence, which has no counterpart.
    """
    faces, align, motion = pipeline.faces, pipeline.align, pipeline.motion
    told = []
    if motion.threshold_unit == "noise":
        raise CallError(
            "the run's pipeline counts motion.threshold in the noise of the whole sequence, which no stream knows",
            fix="train on a store whose pipeline has motion.threshold_unit = gray_levels, such as live",
        )
    if faces.policy in ("anchor", "smoothed"):
        faces = faces.model_copy(update={"policy": "tracked"})
        told.append("a box that follows the head instead of boxes from the whole sequence")
    if motion.reference in ("first", "median"):
        motion = motion.model_copy(update={"reference": "neutral", "running_frames": _ADAPTS_FRAMES})
        if align.method != "none":
            align = align.model_copy(update={"renewal_frames": _ADAPTS_FRAMES})
        told.append(f"a neutral face that adapts instead of the {pipeline.motion.reference} frame")
    return pipeline.model_copy(update={"faces": faces, "align": align, "motion": motion}), told


def as_seen(image: NDArray[np.uint8], pipeline: Pipeline) -> NDArray[np.uint8]:
    """Return a frame, gray (h, w) or BGR (h, w, 3), in the colors that a pipeline reads."""
    if pipeline.faces.color == "rgb":
        code = cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB
        return np.asarray(cv2.cvtColor(image, code), np.uint8)
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def watch(model: Model, config: TimelineConfig, *, sure_above: float | None = None) -> Watch:
    """Return what tells the faces of one film apart and names what they show.

    Raises
    ------
    CallError
        The model reads whole frames of motion, not projections, or its pipeline has no causal counterpart.
    """
    if model.experiment.input != "projections":
        raise CallError(
            f"the run reads {model.experiment.input}, and only projections can be watched",
            fix="train with --set input=projections",
        )
    pipeline, _ = causal(model.pipeline)
    detector = registry.load("detectors", pipeline.detector_kind).load(pipeline.detector)

    def classify(piece: Piece) -> NDArray[np.float32]:
        return model.ask(piece.projections, piece.times_s)

    def begin() -> tuple[Stream, Timeline]:
        stream = Stream(pipeline.faces, pipeline.align, pipeline.motion, detector=detector)
        rests = pipeline.motion.reference != "previous"
        return stream, Timeline(config, classify, rests=rests, sure_above=sure_above)

    return Watch(pipeline.faces, config, detector=detector, begin=begin)
