"""The trained model of a run together with the preprocessing that it was trained with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.defaults import ERROR_RATE
from ckseq.errors import DataError
from ckseq.experiment.early_classification import starts, stop_rule
from ckseq.experiment.fold_models import holds_model
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.experiment.run_setup import fold_folder
from ckseq.grammar import counted
from ckseq.learn.extract import EXTRACTOR, as_sequence, extract, load_extractor
from ckseq.learn.predict import ESTIMATOR, NETWORK, input_shape, load_trained_model, probabilities
from ckseq.preprocessing.pipeline import Pipeline, pipeline_of
from ckseq.protocol.early_classification import SHARES
from ckseq.signal.fused import NeutralFace, beside, less_neutral
from ckseq.signal.sequence import fit_length, overflow_of_new
from ckseq.storage.complete_run import check_file
from ckseq.storage.prefix_predictions import EARLY
from ckseq.storage.run_record import RunRecord, read_run


@dataclass(frozen=True)
class Predictor:
    """Predicts the classes of new recordings.

    Parameters
    ----------
    labels : tuple of str
        The classes or action units, in the order of the probabilities.
    pipeline : Pipeline
        How recordings were preprocessed.
    experiment : Experiment
    length_frames : int
        Length of the sequences that the model reads.
    network : keras.Model or sklearn.pipeline.Pipeline
    extractor : keras.Model, optional
        The backbone that turns crops into features.
    run : str
        The name of the run folder.
    notes : tuple of str
        What a reader of its results must know.
    error_rate : float
    sure_above : float or None
        An early decision is one whose probability is above ``sure_above``: on the run's test part no more than
        ``error_rate`` of such decisions are wrong. ``sure_above`` is None where the run has no prefix predictions,
        infinite where its test part is too small.
    neutral : NeutralFace, optional
        Of the person, where the run is calibrated by person.
    least_frames : int, optional
        Of the shortest sequence that the model was trained on; None where the run does not record it.
    """

    labels: tuple[str, ...]
    pipeline: Pipeline
    experiment: Experiment
    length_frames: int
    network: Any
    extractor: Any = None
    run: str = ""
    notes: tuple[str, ...] = ()
    error_rate: float = ERROR_RATE
    sure_above: float | None = None
    neutral: NeutralFace | None = None
    least_frames: int | None = None

    @property
    def shown_labels(self) -> tuple[str, ...]:
        """The classes as they are shown, or the action units, as ``AU 12``."""
        return tuple(f"AU {unit}" for unit in self.labels) if self.experiment.predicts_units else self.labels

    @property
    def reads_images(self) -> bool:
        """Whether the model reads single images, not sequences."""
        shape = input_shape(self.network)
        # with a backbone: the features of one frame, or its feature maps
        return len(shape) == 3 or (self.extractor is not None and shape[0] == 1)

    @property
    def early_decision_warning(self) -> str | None:
        """Why there are no early decisions, where the test part of the run was too small."""
        if self.sure_above != math.inf:
            return None
        return f"the run was tested on too few people for early decisions with at most {self.error_rate:.0%} errors"

    def too_few(self, n_frames: int) -> str | None:
        """Return a warning of a recording with fewer frames than any that the model was trained on; else None."""
        if self.least_frames is None or n_frames >= self.least_frames:
            return None
        return (
            f"only {counted(n_frames, 'frame')} to read, and the shortest sequence in training has "
            f"{self.least_frames}: do not rely on the answer"
        )

    def read_input(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return what the model reads of a preprocessed recording, one row per frame; features are extracted here."""
        if self.experiment.input in ("landmarks", "fused"):
            shape, texture = (None, None) if self.neutral is None else self.neutral
            landmarks = less_neutral(arrays["landmarks"], shape)
            if self.experiment.input == "landmarks":
                return landmarks
            return beside(arrays["projections"], landmarks, less_neutral(arrays["gradients"], texture))
        if self.extractor is None:
            return arrays[self.experiment.input]
        return as_sequence(extract(self.extractor, arrays["crops"]))

    def predict_proba(self, sequence: NDArray[Any], times_s: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
        """Return the probability of each class or action unit, (n_classes,) float32, for a sequence of any length.

        Parameters
        ----------
        sequence : (t, 2, n) or (t, 2, n, channels) float32
            Projections, or whatever else the experiment reads, one row per frame.
        times_s : (t,) float64, optional
            Times of the frames, where they are not evenly spaced.
        """
        policy = self.experiment.sequence
        resized = fit_length(
            sequence,
            length_frames=self.length_frames,
            overflow=overflow_of_new(policy),
            short=policy.short,
            times_s=times_s,
        )
        return probabilities(self.network, resized[np.newaxis])[0]

    def predict_proba_images(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability of each class, (n, n_classes) float32, for crops of faces, (n, side, side, ...)."""
        images = self.read_input({"crops": crops})
        return probabilities(self.network, images.reshape(len(crops), *input_shape(self.network)))

    def early_decision(self, projections: NDArray[np.float32]) -> tuple[str, float] | None:
        """Return the class of the first prefix of a sequence with an early decision, and the prefix as a share."""
        if self.sure_above is None or self.sure_above == math.inf or self.experiment.input != "projections":
            return None
        prefixes = starts(projections, length_frames=self.length_frames, sequence=self.experiment.sequence)
        for share, row in zip(SHARES, probabilities(self.network, prefixes), strict=True):
            if row.max() > self.sure_above:
                return self.labels[int(row.argmax())], share
        return None

    def warm_up(self) -> None:
        """Predict once on zeros: the first prediction of a network is slow."""
        if self.extractor is not None:
            extract(self.extractor, np.zeros((1, *self.extractor.input_shape[1:]), np.uint8))
        probabilities(self.network, np.zeros((1, *input_shape(self.network)), np.float32))


def load_run_model(run: Path, record: RunRecord, place: str = "") -> Any:
    """Load the model of a run folder, after its files were compared with the run's record.

    ``place`` is a folder in it, of a fold.

    Raises
    ------
    DataError
        The run has no model, or a file of it is not the one that the run wrote.
    """
    own = (ESTIMATOR, NETWORK) if place else (ESTIMATOR, NETWORK, EXTRACTOR, EARLY)
    for name in (f"{place}/{name}" if place else name for name in own):
        # runs of version 0.1 have no digests
        if record.files and name not in record.files and (run / name).exists():
            raise DataError("is not of this run, whose record does not name it", run / name, "remove it")
        check_file(run, record, name)
    return load_trained_model(run / place)


def load_predictor(run: Path, *, error_rate: float = ERROR_RATE) -> Predictor:
    """Load the model of a run folder.

    Parameters
    ----------
    run : Path
    error_rate : float
        Of early decisions, see `Predictor`.

    Raises
    ------
    DataError
        The run has no model, or it is not the one that the run wrote.
    """
    record = read_run(run)
    if record.kind != "cross_validation" and record.state != "complete":
        raise DataError(f"is {record.state}: its model is not trained to the end", run, "run its command again")
    if record.store is None or record.model is None or record.kind == "cross_validation":
        kept = any(holds_model(run / fold_folder(one.seed, one.fold)) for one in record.trainings)
        what = "holds one model per fold and no single one" if kept else "saves no model"
        raise DataError(f"is a cross-validation, which {what}", run, "make one with 'ckseq train'")
    return Predictor(
        labels=record.labels,
        pipeline=pipeline_of(record.store.pipeline, where=f"{run}: pipeline"),
        experiment=experiment_of(record.experiment, where=f"{run}: experiment"),
        length_frames=record.model.input_shape[0],
        network=load_run_model(run, record),
        extractor=load_extractor(run) if record.value("input") == "features" else None,
        run=run.resolve().name,
        notes=record.notes,
        error_rate=error_rate,
        least_frames=record.least_frames,
        sure_above=stop_rule(run, error_rate=error_rate),
    )
