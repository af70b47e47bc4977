"""A trained run on new recordings: folders of frames and video files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Column, Table
from rich.text import Text

from ckseq.errors import CkseqError, DataError
from ckseq.learn.predict import load_network, probabilities
from ckseq.signal.sequence import fit_length
from ckseq.sources.manifest import frames_at
from ckseq.storage.runs import read_run
from ckseq.tasks.console import Console
from ckseq.tasks.preprocess import run_stages
from ckseq.tasks.recipes import experiment_of, pipeline_of

SCHEMA = 1


def predict(run: Path, *, inputs: Sequence[Path], console: Console) -> dict[str, Any]:
    """Classify each input with the model of a run, prepared just as the run's training data was.

    Parameters
    ----------
    run : Path
        A run folder with a model.
    inputs : sequence of Path
        Folders of frames, or video files.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``labels``, ``predictions`` (input, predicted, probabilities, n_frames, n_without_face) and
        ``failed`` (input: reason).

    Raises
    ------
    DataError
        The run has no model.
    """
    made = read_run(run)
    if "folds" in made:
        raise DataError("is a cross-validation, which keeps no model", run, "make one with 'ckseq train'")
    pipeline = pipeline_of(made["store"]["pipeline"], where=f"{run}: pipeline")
    experiment = experiment_of(made["experiment"], where=f"{run}: experiment")
    network = load_network(run)
    found: list[dict[str, Any]] = []
    failed: dict[str, str] = {}
    for path in inputs:
        try:
            arrays, faces = run_stages(frames_at(path), pipeline)
            sequence = fit_length(
                arrays[experiment.input],
                length_frames=made["model"]["input_shape"][0],
                overflow="resample"
                if experiment.sequence.overflow in ("drop", "error")
                else experiment.sequence.overflow,
                short=experiment.sequence.short,
            )
        except CkseqError as error:
            failed[str(path)] = str(error)
            console.warn(f"left out: {error}" if error.where else f"{path} was left out: {error}")
            continue
        (row,) = probabilities(network, sequence[np.newaxis])
        found.append(
            {
                "input": str(path),
                "predicted": made["labels"][int(row.argmax())],
                "probabilities": {label: round(float(p), 6) for label, p in zip(made["labels"], row, strict=True)},
                "n_frames": len(faces.n_found) + faces.n_dropped,
                "n_without_face": faces.n_without_face,
            }
        )
    if found:
        console.say(_table(found))
    return {"schema": SCHEMA, "labels": made["labels"], "predictions": found, "failed": failed}


def _table(found: Sequence[dict[str, Any]]) -> Table:
    table = Table(Column("input", overflow="fold"), "class", "probability", "next likely", "frames", "without face")
    for item in found:
        (first, sure), (second, less), *_ = sorted(item["probabilities"].items(), key=lambda pair: -pair[1])
        table.add_row(
            Text("/".join(Path(item["input"]).parts[-2:])),
            Text(first, style="bold"),
            f"{sure:.2f}",
            f"{second} {less:.2f}",
            str(item["n_frames"]),
            str(item["n_without_face"]),
        )
    return table
