"""``ckseq train``: one training, from a store to a model and its predictions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.experiment.dataset import noun_in
from ckseq.experiment.engine import run_experiment
from ckseq.experiment.recipe import load_experiment
from ckseq.storage.run_record import SCHEMA


def train(
    store: Path,
    *,
    experiment: str,
    out: Path,
    settings: Sequence[str] = (),
    seed: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    say_accuracy: bool = True,
    console: Console,
) -> dict[str, Any]:
    """Train as an experiment asks, and keep predictions, network, history and how all of it was made.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str
        An experiment's name or path.
    out : Path
        The run folder.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    seed : int, optional
        Instead of the experiment's own.
    overwrite : bool
        Replace the run at ``out``.
    resume : bool
        Go on with the run at ``out``, if there is one; what it ends in is what it would have ended in uninterrupted.
    fit_memory : bool
        Choose by itself what makes the training fit into memory without changing its mathematics.
    say_accuracy : bool
        Print the accuracy; not for a caller that prints its own of the same run.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``run``, ``state``, ``epochs_done``, ``n_train``, ``n_test``, ``accuracy`` on the test sequences,
        ``sentence`` (who is on both sides), ``seed``.

    Raises
    ------
    CallError
        ``out`` is in the way, or holds a run made otherwise than the one to resume.
    CkseqError
        The training would need more memory than there is.
    DataError
        The store has too little for the experiment.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; the checkpoint is kept.
    """
    recipe = load_experiment(experiment, settings)
    recipe = recipe if seed is None else recipe.model_copy(update={"seed": seed})
    command = ["ckseq", "train", str(store), "--experiment", experiment, "--out", str(out), "--seed", str(recipe.seed)]
    finished = run_experiment(
        store,
        recipe,
        kind="training",
        command=[*command, *(word for setting in settings for word in ("--set", setting))],
        out=out,
        seeds=[recipe.seed],
        overwrite=overwrite,
        resume=resume,
        fit_memory=fit_memory,
        console=console,
    )
    run, accuracy = finished.run, finished.accuracy()
    n_test = run.protocol.n_test
    correct = f"{round(accuracy * n_test)} of {n_test}"
    if say_accuracy:
        console.say(f"accuracy {accuracy:.2f} on the test {noun_in(recipe).many} ({correct}); the run is in {out}")
    return {
        "schema": SCHEMA,
        "run": str(out),
        "state": run.state,
        "epochs_done": run.epochs_done,
        "n_train": run.protocol.n_train,
        "n_test": n_test,
        "accuracy": accuracy,
        "sentence": run.protocol.sentence,
        "seed": recipe.seed,
    }
