"""``ckseq export``: the network of a run in a file for other programs, compared with the original."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import Experiment
from ckseq.inference import standalone
from ckseq.inference.model_description import SCHEMA, ModelDescription, describe_model
from ckseq.inference.predictor import load_predictor
from ckseq.learn.export import FORMATS, convert, largest_difference, with_backbone
from ckseq.learn.predict import is_network, save_whole
from ckseq.signal.sequence import fit_length, overflow_of_new
from ckseq.storage.examples import read_examples
from ckseq.storage.files import write_text
from ckseq.storage.run_record import read_run

AGREEMENT = 1e-4
"""Largest difference allowed between the probabilities of an exported model and the run's own."""

_N_RANDOM = 12


def export(run: Path, *, format: str, out: Path | None, overwrite: bool, console: Console) -> dict[str, Any]:
    """Export the network of a run with a description in the metadata, and compare the predictions of both.

    Of a run on features the backbone is part of the exported network, which reads crops. Beside it a script is written
    that goes from a video or an image to probabilities without ckseq, where one can, see `ckseq.inference.standalone`.

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
        ``path``, ``script`` (None where there is none), ``format``, ``n_bytes``, ``largest_difference`` and
        ``n_compared``, the number of sequences.

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
    script = path.with_name(f"{path.stem}_{format}.py")
    for target in (path, script):
        if target.exists() and not overwrite:
            raise CallError("exists", target, "--overwrite replaces it")
    predictor = load_predictor(run)
    network, experiment = predictor.network, predictor.experiment
    if not is_network(network):
        raise CallError(
            f"{record.model_kind} is not a network, and only networks can be exported",
            run,
            "train a network, such as that of --experiment motion",
        )
    if predictor.extractor is not None:
        network = with_backbone(predictor.extractor, network)
    shape = tuple(network.input_shape[1:])
    sequences = _sequences(run, experiment, shape)
    description = describe_model(record, predictor, shape)
    text = json.dumps(asdict(description), ensure_ascii=True, sort_keys=True)
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
    written = _write_script(script, path, experiment, description, format, console)
    return {
        "schema": SCHEMA,
        "path": str(path),
        "script": None if written is None else str(written),
        "format": format,
        "n_bytes": size,
        "largest_difference": difference,
        "n_compared": len(sequences),
    }


def _write_script(
    script: Path, model: Path, experiment: Experiment, description: ModelDescription, format: str, console: Console
) -> Path | None:
    n_frames = description.sequence["length_frames"]
    detector = description.detector["kind"]
    reason = standalone.reason_against(experiment, format=format, n_frames=n_frames, detector=detector)
    if reason is not None:
        console.say(reason)
        script.unlink(missing_ok=True)  # of an earlier model
        return None
    write_text(script, standalone.script(model.name, format=format, detector=detector))
    needs = " ".join(standalone.packages(format, detector))
    console.say(f"{script}: from a video or an image to probabilities without ckseq; needs {needs}")
    return script


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
        fit_length(example.projections, length_frames=shape[0], overflow=overflow_of_new(policy), short=policy.short)
        for example in read_examples(run)
    ]
    return [*(one.reshape(shape).astype(np.float32) for one in examples), *random]
