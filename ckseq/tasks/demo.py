"""``ckseq demo``: draw a synthetic data set, preprocess it, train and report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.learn.backend import check_networks_installed
from ckseq.tasks.experiment import experiment
from ckseq.tasks.synth import synth
from ckseq.twin.tree import TwinConfig

_TWIN = TwinConfig(
    n_subjects=16, emotions=("anger", "disgust", "happiness", "surprise"), emotions_per_subject=4, unlabeled_share=0.0
)


def demo(*, out: Path, seed: int | None, jobs: int, overwrite: bool, console: Console) -> dict[str, Any]:
    """Run the whole workflow on a small synthetic twin of CK+.

    Parameters
    ----------
    out : Path
        Folder for ``data``, ``store.h5`` and ``run`` with ``report.html``.
    seed : int, optional
        Seed of the drawing and of the training.
    jobs : int
        Processes; -1 is one per core.
    overwrite : bool
        Replace an existing demo.
    console : Console

    Raises
    ------
    CallError
        ``out`` is a file, or TensorFlow is not installed.
    """
    if out.is_file():
        raise CallError("is a file", out, "choose another --out")
    check_networks_installed()  # before anything is drawn
    start = time.monotonic()
    data = out / "data"
    if overwrite or not data.is_dir():
        console.heading(f"drawing faces into {data}")
        synth(
            data, config=_TWIN.model_copy(update={"seed": seed or 0}), jobs=jobs, overwrite=overwrite, console=console
        )
    result = experiment("demo", data=data, out=out, seed=seed, jobs=jobs, overwrite=overwrite, console=console)
    console.heading(f"done in {time.monotonic() - start:.0f} s; open {out / 'run' / 'report.html'} in a browser")
    console.say(
        "These are drawn faces: the accuracy shows that the toolkit works, not how well it classifies real faces."
    )
    return result
