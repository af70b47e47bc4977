"""One class for a whole recording, preprocessed as in training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError, readable
from ckseq.experiment.targets import decided
from ckseq.inference.inputs import Input
from ckseq.inference.predictions import EarlyDecision, SequencePrediction
from ckseq.inference.predictor import Predictor
from ckseq.preprocessing.stages import run_stages
from ckseq.signal.fused import neutral_face
from ckseq.sources.manifest import frames_at
from ckseq.tracking.box_tracker import Faces

# frames are unevenly spaced where a distance differs from the median by more than this share of it
_UNEVEN_SHARE = 0.2


def with_neutral(predictor: Predictor, clip: Path | None) -> Predictor:
    """Return the predictor for the person whose neutral face a clip shows.

    Parameters
    ----------
    predictor : Predictor
    clip : Path or None
        A folder of frames or a video file; required for a run that is calibrated by person, and refused for others.

    Raises
    ------
    CallError
        The clip and the run do not fit each other.
    DataError
        The clip cannot be read, or shows no face.
    """
    calibrated = predictor.experiment.calibration == "neutral"
    if clip is None:
        if calibrated:
            raise CallError(
                "the run compares each person with a neutral face", predictor.run, "name a clip of it with --neutral"
            )
        return predictor
    if not calibrated:
        raise CallError("--neutral is for runs with calibration = neutral, and this run has none", predictor.run)
    arrays, _ = run_stages(frames_at(clip), predictor.pipeline)
    return replace(predictor, neutral=neutral_face(arrays["landmarks"], arrays["gradients"]))


def predict_sequence(source: Input, predictor: Predictor) -> SequencePrediction:
    """Predict the class of a recording of one expression.

    Raises
    ------
    DataError
        A frame cannot be read, no frame has a face, or only one; or none has the landmarks that the model reads.
    """
    return analyze_sequence(source, predictor)[0]


def analyze_sequence(source: Input, predictor: Predictor) -> tuple[SequencePrediction, Faces]:
    """Return the prediction of `predict_sequence`, and the faces in which it was made; errors as there."""
    assert source.frames is not None
    arrays, faces = run_stages(source.frames, predictor.pipeline)
    if predictor.experiment.input in ("landmarks", "fused") and not arrays["landmarks"].any():
        raise DataError("no landmarks were found in any frame", source.source, "use a recording that shows the face")
    sequence = predictor.read_input(arrays)
    times_s = None
    # motion has one row fewer than there are crops: it begins with the second
    if source.times_s is not None and is_uneven(own_times_s := source.times_s[-len(sequence) :]):
        times_s = own_times_s
    probabilities = predictor.predict_proba(sequence, times_s)
    early = predictor.early_decision(arrays["projections"]) if "projections" in arrays else None
    prediction = SequencePrediction(
        input=readable(source.source),
        predicted=decided(probabilities, predictor.labels, predictor.experiment),
        probabilities={label: round(float(p), 6) for label, p in zip(predictor.labels, probabilities, strict=True)},
        sure=None if early is None else EarlyDecision(*early),
        n_frames=len(faces.n_found) + faces.n_dropped,
        n_without_face=faces.n_without_face,
        warning=predictor.too_few(len(faces.n_found)),  # those before the first face are not read
    )
    return prediction, faces


def is_uneven(times_s: NDArray[np.float64]) -> bool:
    """Return whether the distances between the times of frames, (t,), differ too much to be taken as equal."""
    distances = np.diff(times_s)
    if len(distances) < 2:
        return False
    median = float(np.median(distances))
    return float(np.abs(distances - median).max()) > _UNEVEN_SHARE * median
