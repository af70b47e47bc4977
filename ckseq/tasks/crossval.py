"""``ckseq crossval``: every sequence is tested once per seed, by a model that was not trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.experiment.dataset import noun_in
from ckseq.experiment.engine import drop_models, run_experiment
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.grammar import counted
from ckseq.protocol.holdout import HOLDOUTS
from ckseq.storage.run_record import SCHEMA
from ckseq.tasks.explain import explain_sample


def crossval(
    store: Path,
    *,
    experiment: str,
    out: Path,
    settings: Sequence[str] = (),
    seed: int | None = None,
    seeds: int = 1,
    jobs: int = 1,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    keep_models: bool = False,
    explain: bool = False,
    say_accuracy: bool = True,
    console: Console,
) -> dict[str, Any]:
    """Train on all folds but one and test on that, for every fold and several seeds.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str
        An experiment's name or path. Where its protocol is a holdout, five subject-disjoint folds take its place.
    out : Path
        The run folder.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    seed : int, optional
        The first seed, instead of the experiment's own.
    seeds : int
        So many seeds, counting up; sequences and folds are the same for all.
    jobs : int
        So many folds at once, -1 for one per core, and no more than the memory holds.
    overwrite : bool
        Replace the run at ``out``.
    resume : bool
        Go on with the run at ``out``, fold by fold and epoch by epoch; it ends in the same predictions to the byte.
    fit_memory : bool
        Choose by itself what makes a training fit into memory without changing its mathematics.
    keep_models : bool
        Keep the model of every fold, which 'ckseq explain' needs.
    explain : bool
        Explain some test sequences of each class, for the report; the models are kept until then.
    say_accuracy : bool
        Print the accuracy; not for a caller that prints its own of the same run.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``run``, ``state``, ``folds``, ``seeds``, ``n_test``, ``accuracy`` (mean over the seeds),
        ``accuracy_by_seed``, ``sentence`` (who is on both sides), ``explained`` (how many sequences); of action units
        ``mean_auc`` instead of accuracy.

    Raises
    ------
    CallError
        ``out`` is in the way, or holds a run made otherwise than the one to resume.
    DataError
        The store has too little for the experiment or its folds.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; the checkpoint is kept.
    """
    recipe, notes = _recipe(load_experiment(experiment, settings), seed)
    command = ["ckseq", "crossval", str(store), "--experiment", experiment, "--out", str(out)]
    command += ["--seed", str(recipe.seed), "--seeds", str(seeds), *(["--keep-models"] if keep_models else [])]
    finished = run_experiment(
        store,
        recipe,
        kind="cross_validation",
        command=[*command, *(word for setting in settings for word in ("--set", setting))],
        out=out,
        seeds=range(recipe.seed, recipe.seed + seeds),
        notes=notes,
        jobs=jobs,
        overwrite=overwrite,
        resume=resume,
        fit_memory=fit_memory,
        keep_models=keep_models,
        hold_models=explain,
        console=console,
    )
    run, n_test = finished.run, finished.run.protocol.n_test
    if say_accuracy:
        tested = f"{noun_in(recipe).counted(n_test)}, {counted(seeds, 'seed')}"
        console.say(f"{finished.summary()} over {tested}; the run is in {out}")
    n_explained = 0
    if explain:
        n_explained = explain_sample(out, console=console)
        if "--keep-models" not in run.command.split():
            drop_models(out)
    return {
        "schema": SCHEMA,
        "run": str(out),
        "state": run.state,
        "folds": run.protocol.n_folds,
        "seeds": list(run.seeds),
        "n_test": n_test,
        **finished.scores(),
        "sentence": run.protocol.sentence,
        "explained": n_explained,
    }


def _recipe(recipe: Experiment, seed: int | None) -> tuple[Experiment, list[str]]:
    """Return the experiment with the seed asked for and a protocol that has folds.

    A note says so where it is of another kind: where the experiment's own does not keep people apart.
    """
    notes = []
    if recipe.protocol.kind in HOLDOUTS:
        protocol = recipe.protocol.model_copy(update={"kind": "subject_k_fold"})
        if recipe.protocol.kind != "subject_holdout":
            notes.append(
                f"the experiment's protocol, {recipe.protocol.kind}, tests on one part only: "
                f"cross-validated over {protocol.folds} folds that keep people apart"
            )
        recipe = recipe.model_copy(update={"protocol": protocol})
    return recipe if seed is None else recipe.model_copy(update={"seed": seed}), notes
