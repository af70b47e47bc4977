"""``ckseq export``: the network of a run in a file for other programs, compared with the original."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ckseq
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.inference.predictor import load_run_model
from ckseq.learn.export import FORMATS, convert, largest_difference, with_backbone
from ckseq.learn.extract import load_extractor
from ckseq.learn.predict import is_network, save_whole
from ckseq.signal.sequence import fit_length
from ckseq.storage.examples import read_examples
from ckseq.storage.run_record import RunRecord, read_run

SCHEMA = 1
_OF_CLASSES = "probabilities of the labels, in their order"
_OF_UNITS = "the probability of each action unit (FACS) by itself, in the order of the labels"
AGREEMENT = 1e-4
"""Largest difference allowed between the probabilities of an exported model and the run's own."""

_N_RANDOM = 12
_AXES = ("images", "rows", "columns", "channels")
_USE = (
    "The labels are acted expressions: the model classifies how faces move in such recordings, not what a person "
    "feels. Do not use it to judge people."
)


@dataclass(frozen=True)
class InputDescription:
    """The input of an exported model; ``shape`` is None along the batch, ``values`` their range where it is fixed."""

    what: str
    shape: list[int | None]
    axes: tuple[str, ...] = ("sequences", "steps", "rows", "columns", "channels")
    dtype: str = "float32"
    values: str = ""


@dataclass(frozen=True)
class Provenance:
    """What an exported model was trained on."""

    experiment: str
    created: str
    store_digest: str
    protocol_digest: str


@dataclass(frozen=True)
class ModelDescription:
    """All that a program needs to prepare the input of a model and to read its output."""

    labels: list[str]
    input: InputDescription
    pipeline: dict[str, Any]
    sequence: dict[str, Any]
    trained: Provenance
    notes: list[str]
    output: str
    use: str = _USE
    schema: int = SCHEMA
    ckseq_version: str = ckseq.__version__


def export(run: Path, *, format: str, out: Path | None, overwrite: bool, console: Console) -> dict[str, Any]:
    """Export the network of a run with a description in the metadata, and compare the predictions of both.

    Of a run on features the backbone is part of the exported network, which reads crops.

    Parameters
    ----------
    run : Path
        A run folder with a network.
    format : str
        A key of `ckseq.learn.export.FORMATS`.
    out : Path, optional
        The file; ``exported`` with the suffix of the format in the run folder if not given.
    overwrite : bool
        Replace an existing file.
    console : Console

    Returns
    -------
    dict
        ``path``, ``format``, ``n_bytes``, ``largest_difference`` and ``n_compared``, the number of sequences.

    Raises
    ------
    CallError
        The file exists or has another suffix, the model is not a network, or a package is missing.
    DataError
        The run has no model, or the exported one predicts otherwise; then it is deleted.
    """
    record = read_run(run)
    chosen = FORMATS[format]
    path = out or run / f"exported{chosen.suffix}"
    if path.suffix != chosen.suffix:
        raise CallError(f"{format} files end in {chosen.suffix}", path, "name another --out")
    if path.exists() and not overwrite:
        raise CallError("exists", path, "--overwrite replaces it")
    network = load_run_model(run, record)
    if not is_network(network):
        raise CallError(
            f"{record.model_kind} is not a network, and only networks can be exported",
            run,
            "train one of conv_time_width, gru, conv_lstm",
        )
    experiment = experiment_of(record.experiment, where=f"{run}: experiment")
    if experiment.input == "features":
        network = with_backbone(load_extractor(run), network)
    sequences = _sequences(run, experiment, tuple(network.input_shape[1:]))
    text = json.dumps(asdict(_describe(record, experiment, network)), ensure_ascii=True, sort_keys=True)
    difference = math.nan

    def write(temporary: Path) -> None:
        nonlocal difference
        convert(network, temporary, format=chosen, description=text)
        difference = largest_difference(network, temporary, format=chosen, sequences=sequences)
        if not difference <= AGREEMENT:
            raise DataError(
                f"the exported model differs by {difference:.1g}, more than {AGREEMENT:g}",
                path,
                "try another --format",
            )

    save_whole(path, write)
    size = path.stat().st_size
    console.say(f"{path}: {size / 2**20:.1f} MiB; differs by {difference:.1g} at most, over {len(sequences)} sequences")
    return {
        "schema": SCHEMA,
        "path": str(path),
        "format": format,
        "n_bytes": size,
        "largest_difference": difference,
        "n_compared": len(sequences),
    }


def _describe(record: RunRecord, experiment: Experiment, network: Any) -> ModelDescription:
    assert record.model is not None, "a run with a network has a model"
    assert record.store is not None, "and a store"
    shape = tuple(network.input_shape[1:])
    single = len(shape) == 3
    of_crops = experiment.input in ("crops", "features")
    described = InputDescription(
        what="crops" if of_crops else experiment.input,
        shape=[None, *shape],
        axes=("images", *_AXES[1:]) if single else ("sequences", "steps", *_AXES[1:]),
        values="0 to 255" if of_crops else "",
    )
    return ModelDescription(
        labels=list(record.labels),
        input=described,
        pipeline=record.store.pipeline,
        sequence={**experiment.sequence.model_dump(mode="json"), "length_frames": 1 if single else shape[0]},
        trained=Provenance(
            experiment=record.experiment_name,
            created=record.created,
            store_digest=record.store_digest,
            protocol_digest=record.protocol.digest,
        ),
        notes=list(record.notes),
        output=_OF_UNITS if record.predicts_units else _OF_CLASSES,
    )


def _sequences(run: Path, experiment: Experiment, shape: tuple[int, ...]) -> list[NDArray[np.float32]]:
    """Return the sequences of the comparison: the run's own examples, and random motion or images.

    The random ones range from no to much motion, or from black to bright, some padded with zeros as a short sequence
    is.
    """
    white = 255 if experiment.input in ("crops", "features") else 1
    rng = np.random.default_rng(0)
    random = []
    for amount in np.linspace(0, 1, _N_RANDOM):
        sequence = (rng.random(shape) * amount * white).astype(np.float32)
        if len(shape) == 4:
            sequence[: rng.integers(shape[0] // 2 + 1)] = 0
        random.append(sequence)
    if experiment.input != "projections":
        return random
    policy = experiment.sequence
    examples = [
        fit_length(
            example.projections,
            length_frames=shape[0],
            overflow="resample" if policy.overflow in ("drop", "error") else policy.overflow,
            short=policy.short,
        )
        for example in read_examples(run)
    ]
    return [*(one.reshape(shape).astype(np.float32) for one in examples), *random]
