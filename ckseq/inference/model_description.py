"""What an exported model says of itself: all that a program needs to prepare its input and to read its output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import ckseq
from ckseq.config import Config
from ckseq.experiment.recipe import Experiment
from ckseq.inference.face_detection import face_detection_for
from ckseq.inference.predictor import Predictor
from ckseq.labels import EMOTIONS
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.signal.sequence import SequenceConfig, overflow_of_new
from ckseq.storage.run_record import RunRecord

SCHEMA = 2
_USE = "the model classifies how faces move in such recordings, not what a person feels. Do not use it to judge people."
_OF_CLASSES = "probabilities of the labels, in their order"
_OF_UNITS = "the probability of each action unit (FACS) by itself, in the order of the labels"
_EMOTIONS = {emotion.name for emotion in EMOTIONS}
_LEVELS = "0 to 255, the gray levels or colors of the crops, neither scaled nor centered"
_VALUES = {
    "crops": _LEVELS,
    "features": _LEVELS,  # the backbone is part of the file
    "projections": "0 to 1, shares of pixels that are on; row 0 holds the mean of each column, row 1 that of each row",
    "blobs": "0 or 1, pixels that are off or on",
    "halved": "0 to 1, shares of pixels that are on",
    "landmarks": "coordinates, with the distance between the outer corners of the eyes as unit",
    "fused": "projections, 0 to 1, and beside them landmarks and gradients",
}


@dataclass(frozen=True)
class InputDescription:
    """The input of an exported model.

    ``shape`` is None along the batch, ``axes`` name it, ``channels`` are the meaning of the last axis where it is of
    images or of motion, ``values`` the range and meaning of the numbers.
    """

    what: str
    shape: list[int | None]
    axes: tuple[str, ...]
    channels: tuple[str, ...]
    values: str
    dtype: str = "float32"


@dataclass(frozen=True)
class Provenance:
    """What an exported model was trained on."""

    experiment: str
    created: str
    store_digest: str
    protocol_digest: str


@dataclass(frozen=True)
class ModelDescription:
    """All that a program needs to prepare the input of a model and to read its output.

    ``pipeline`` and ``sequence`` are the steps of the preprocessing with all values, ``explained`` the meaning of each
    of these, ``detector`` what finds the faces in new images: that of the training, where it had one.
    """

    labels: list[str]
    input: InputDescription
    pipeline: dict[str, Any]
    detector: dict[str, Any]
    sequence: dict[str, Any]
    explained: dict[str, str]
    trained: Provenance
    notes: list[str]
    use: str
    output: str
    schema: int = SCHEMA
    ckseq_version: str = ckseq.__version__


def describe_model(record: RunRecord, predictor: Predictor, shape: tuple[int, ...]) -> ModelDescription:
    """Return the description of a run's network.

    Parameters
    ----------
    record : RunRecord
        Of a run with a model.
    predictor : Predictor
        Of the same run.
    shape : tuple of int
        What the exported network reads, without the batch.
    """
    assert record.store is not None, "a run with a network has a store"
    experiment, pipeline = predictor.experiment, predictor.pipeline
    single = len(shape) == 3
    detection = face_detection_for(predictor)
    policy = experiment.sequence
    sequence = {
        "length_frames": 1 if single else shape[0],
        "overflow": overflow_of_new(policy),
        "short": policy.short,
    }
    return ModelDescription(
        labels=list(record.labels),
        input=InputDescription(
            what="crops" if experiment.input == "features" else experiment.input,
            shape=[None, *shape],
            axes=(*(("images",) if single else ("sequences", "steps")), "rows", "columns", "channels"),
            channels=_channels(experiment, pipeline),
            values=_VALUES[experiment.input],
        ),
        pipeline=pipeline.model_dump(mode="json"),
        detector={"kind": detection.kind, **detection.config.model_dump(mode="json")},
        sequence=sequence,
        explained=dict(_explained(pipeline)),
        trained=Provenance(
            experiment=record.experiment_name,
            created=record.created,
            store_digest=record.store_digest,
            protocol_digest=record.protocol.digest,
        ),
        notes=list(record.notes),
        use=f"The labels are {_kind_of(record.labels)}: {_USE}",
        output=_OF_UNITS if record.predicts_units else _OF_CLASSES,
    )


def _kind_of(labels: Iterable[str]) -> str:
    return "acted expressions" if _EMOTIONS.issuperset(labels) else "those of its data"


def _channels(experiment: Experiment, pipeline: Pipeline) -> tuple[str, ...]:
    if experiment.input in ("crops", "features"):
        return ("red", "green", "blue") if pipeline.faces.color == "rgb" else ("gray",)
    if experiment.input in ("landmarks", "fused"):
        return ()
    if pipeline.motion.difference != "signed":
        return ("motion",)
    return ("brighter", "darker", *(("moving",) if pipeline.motion.moving_threshold else ()))


def _explained(pipeline: Pipeline) -> Iterator[tuple[str, str]]:
    """Yield each field of the preprocessing, ``section.field``, and its meaning."""
    sections: dict[str, Config | type[Config]] = {"sequence": SequenceConfig, "detector": pipeline.detector}
    sections |= {name: value for name, value in pipeline if isinstance(value, Config) and name != "detector"}
    for section, config in sections.items():
        cls = config if isinstance(config, type) else type(config)
        for name, field in cls.model_fields.items():
            yield f"{section}.{name}", field.description or ""
