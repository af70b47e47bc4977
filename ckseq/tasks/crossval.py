"""``ckseq crossval``: every sequence is tested once per seed, by a model that was not trained on it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.executors.choice import executor_for
from ckseq.executors.shard import parse_shard
from ckseq.experiment.dataset import noun_in
from ckseq.experiment.engine import run_experiment
from ckseq.experiment.fold_models import drop_models
from ckseq.experiment.possible_folds import cross_validated
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.shards import train_shard
from ckseq.grammar import counted
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
    on: str | None = None,
    shard: str | None = None,
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
        Number of seeds, counting up from the first; sequences and folds are the same for all.
    jobs : int
        Number of folds at once, -1 for one per core, and no more than the memory holds.
    on : str, optional
        Train on a cluster, see `ckseq.executors.choice.executor_for`.
    shard : str, optional
        Train only this share of the folds, ``3/20``, for 'ckseq gather' to bring together.
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
        ``mean_auc`` instead of accuracy. Of a shard ``schema``, ``run``, ``shard`` and the number of ``trainings``.

    Raises
    ------
    CallError
        ``out`` is in the way, or holds a run made otherwise than the one to resume.
    DataError
        The store has too little for the experiment or its folds.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; the checkpoint is kept.
    """
    recipe, notes = cross_validated(load_experiment(experiment, settings))
    recipe = recipe if seed is None else recipe.model_copy(update={"seed": seed})
    command = ["ckseq", "crossval", str(store), "--experiment", experiment, "--out", str(out)]
    command += ["--seed", str(recipe.seed), "--seeds", str(seeds), *(["--keep-models"] if keep_models else [])]
    command += [word for setting in settings for word in ("--set", setting)]
    if shard is not None and (overwrite or resume or fit_memory):
        raise CallError(
            "--shard excludes --overwrite, --resume and --fit-memory", fix="drop them: finished folds are kept"
        )
    what: dict[str, Any] = {"seeds": range(recipe.seed, recipe.seed + seeds), "notes": notes, "jobs": jobs}
    with nullcontext() if on is None else executor_for(on, jobs=jobs, console=console) as cluster:
        what |= {"command": command, "out": out, "cluster": cluster, "console": console}
        if shard is not None:
            n = train_shard(store, recipe, parse_shard(shard), **what)
            return {"schema": SCHEMA, "run": str(out), "shard": shard, "trainings": n}
        finished = run_experiment(
            store,
            recipe,
            kind="cross_validation",
            overwrite=overwrite,
            resume=resume,
            fit_memory=fit_memory,
            keep_models=keep_models,
            hold_models=explain,
            **what,
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
