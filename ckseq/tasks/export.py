"""``ckseq export``: the model of a run in a file for other programs, and the proof that it is the same model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import ckseq
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.learn.export import FORMATS, convert, largest_difference
from ckseq.learn.predict import is_network, load_network, save_whole
from ckseq.signal.sequence import fit_length
from ckseq.storage.examples import read_examples
from ckseq.storage.run_record import RunRecord, read_run

SCHEMA = 1
AGREEMENT = 1e-4
"""How far the probabilities of an exported model may be from the run's own."""

_N_DRAWN = 12
_USE = (
    "The labels are acted expressions: the model tells how faces move in such recordings, not what a person feels. "
    "Do not use it to judge people."
)


def export(run: Path, *, format: str, out: Path | None, overwrite: bool, console: Console) -> dict[str, Any]:
    """Write the network of a run in another format, with its description in the metadata, and compare the two.

    Parameters
    ----------
    run : Path
        A run folder with a network.
    format : str
        A key of `ckseq.learn.export.FORMATS`.
    out : Path, optional
        The file; ``exported`` with the format's ending in the run folder if not given.
    overwrite : bool
        Replace a file that stands there.
    console : Console

    Returns
    -------
    dict
        ``path``, ``format``, ``n_bytes``, ``largest_difference`` and ``n_compared``, the number of sequences.

    Raises
    ------
    CallError
        The target is in the way or has another ending, the model is no network, or a package is missing.
    DataError
        The run has no model, or the exported one answers otherwise; then nothing is left of it.
    """
    made = read_run(run)
    chosen = FORMATS[format]
    path = out or run / f"exported{chosen.ending}"
    if path.suffix != chosen.ending:
        raise CallError(f"{format} files end in {chosen.ending}", path, "name another --out")
    if path.exists() and not overwrite:
        raise CallError("exists", path, "--overwrite replaces it")
    network = load_network(run)
    if not is_network(network):
        raise CallError(
            f"{made.model_kind} is no network, and only those have such formats",
            run,
            "train one of conv_time_width, gru, conv_lstm",
        )
    experiment = experiment_of(made.experiment, where=f"{run}: experiment")
    sequences = _sequences(run, experiment, tuple(network.input_shape[1:]))
    text = json.dumps(_description(made, experiment), ensure_ascii=True, sort_keys=True)
    found = []

    def write(temporary: Path) -> None:
        convert(network, temporary, format=chosen, description=text)
        found.append(largest_difference(network, temporary, format=chosen, sequences=sequences))
        if not found[0] <= AGREEMENT:
            raise DataError(
                f"the exported model differs by {found[0]:.1g}, more than {AGREEMENT:g}", path, "try another --format"
            )

    save_whole(path, write)
    size = path.stat().st_size
    console.say(f"{path}: {size / 2**20:.1f} MiB; differs by {found[0]:.1g} at most, over {len(sequences)} sequences")
    return {
        "schema": SCHEMA,
        "path": str(path),
        "format": format,
        "n_bytes": size,
        "largest_difference": found[0],
        "n_compared": len(sequences),
    }


def _description(made: RunRecord, experiment: Experiment) -> dict[str, Any]:
    """Return all that a program needs to feed the model and to read its answer."""
    assert made.model is not None, "a run with a network has a model"
    assert made.store is not None, "and a store"
    shape = made.model.input_shape
    return {
        "schema": SCHEMA,
        "ckseq_version": ckseq.__version__,
        "labels": list(made.labels),
        "input": {
            "what": experiment.input,
            "axes": ["sequences", "steps", "rows", "columns", "channels"],
            "shape": [None, *shape, *[1] * (4 - len(shape))],
            "dtype": "float32",
        },
        "output": "probabilities of the labels, in their order",
        "pipeline": made.store.pipeline,
        "sequence": {**experiment.sequence.model_dump(mode="json"), "length_frames": shape[0]},
        "trained": {
            "experiment": made.experiment_name,
            "created": made.created,
            "store_digest": made.store_digest,
            "protocol_digest": made.protocol.digest,
        },
        "notes": list(made.notes),
        "use": _USE,
    }


def _sequences(run: Path, experiment: Experiment, shape: tuple[int, ...]) -> list[NDArray[np.float32]]:
    """Return what the two models are compared on: the run's own examples, and motion drawn at random.

    The drawn ones range from none to much motion, some padded with zeros as a short sequence is.
    """
    rng = np.random.default_rng(0)
    drawn = []
    for amount in np.linspace(0, 1, _N_DRAWN):
        sequence = (rng.random(shape) * amount).astype(np.float32)
        sequence[: rng.integers(shape[0] // 2 + 1)] = 0
        drawn.append(sequence)
    if experiment.input != "projections":
        return drawn
    policy = experiment.sequence
    kept = [
        fit_length(
            example.projections,
            length_frames=shape[0],
            overflow="resample" if policy.overflow in ("drop", "error") else policy.overflow,
            short=policy.short,
        )
        for example in read_examples(run)
    ]
    return [*(one.reshape(shape).astype(np.float32) for one in kept), *drawn]
