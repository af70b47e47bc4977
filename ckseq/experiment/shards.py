"""A cross-validation by an array of jobs: each trains its share of the folds, and one process gathers them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.executors.local import LocalExecutor
from ckseq.executors.shard import Shard
from ckseq.executors.work import Executor
from ckseq.experiment.engine import check_same, run_experiment
from ckseq.experiment.finished import Finished
from ckseq.experiment.fold import TRAINING, load_fold
from ckseq.experiment.fold_work import Work, train_all
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.experiment.run_setup import fold_folder, jobs_of, set_up
from ckseq.grammar import counted
from ckseq.storage.lock import locked
from ckseq.storage.run_record import RUN, read_run, write_run
from ckseq.storage.work_log import work_log

_KEEP_MODELS = "--keep-models"
_NAMED = 5


def train_shard(
    store: Path,
    recipe: Experiment,
    shard: Shard,
    *,
    command: Sequence[str],
    out: Path,
    seeds: Sequence[int],
    notes: Sequence[str],
    jobs: int,
    cluster: Executor | None,
    console: Console,
) -> int:
    """Train a share of the folds of a cross-validation, and return their number; finished ones are kept.

    Raises
    ------
    CallError
        Another process trains the same shard, or the run there is complete or made otherwise.
    CkseqError
        A training would need more memory than there is.
    DataError
        The store has too little for the experiment or its folds.
    """
    out.mkdir(parents=True, exist_ok=True)
    with locked(out / shard.file_name):
        earlier = read_run(out) if (out / RUN).is_file() else None
        dataset, recipe, run = set_up(
            store,
            recipe,
            kind="cross_validation",
            command=command,
            seeds=seeds,
            notes=notes,
            fit_memory=False,
            earlier=None,
            console=console,
        )
        if earlier is None:
            write_run(out, run)
        elif earlier.state == "complete":
            raise CallError("is complete already", out, "name another --out")
        else:
            check_same(earlier, run, out)
            if earlier.seeds != run.seeds:
                raise CallError("the shards there have other seeds", out, "use the same --seeds for all shards")
        mine = shard.share(jobs_of(run, dataset, out))
        made_from = {job: job.made_from(recipe) for job in mine}
        left = [job for job in mine if load_fold(job, made_from[job]) is None]
        console.say(f"shard {shard}: {counted(len(mine), 'training')}, {len(mine) - len(left)} done already")
        work = Work(left, made_from, dataset, recipe, dict.fromkeys(left, _KEEP_MODELS in command))
        with work_log(out / f"{shard.file_name}.jsonl") as log:
            train_all(work, cluster or LocalExecutor(jobs), log, console)
    return len(mine)


def gather_run(out: Path, *, console: Console) -> Finished:
    """Complete a cross-validation whose folds were trained by shards.

    Raises
    ------
    CallError
        It is complete already.
    DataError
        A fold is missing.
    """
    run = read_run(out)
    if run.state == "complete":
        raise CallError("is complete already", out, f"ckseq report {out}")
    assert run.store is not None
    names = [(seed, one.number) for seed in run.seeds for one in run.folds]
    missing = [
        f"seed {seed}, fold {fold}" for seed, fold in names if not (out / fold_folder(seed, fold) / TRAINING).is_file()
    ]
    if missing:
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        what = f"{len(missing)} of {counted(len(names), 'training')} are missing: {'; '.join(missing[:_NAMED])}{more}"
        raise DataError(what, out, f"run their shards again, or all that is left: {run.command} --resume")
    command = shlex.split(run.command)
    return run_experiment(
        Path(run.store.path),
        experiment_of(run.experiment, where=f"{out}: experiment"),
        kind="cross_validation",
        command=command,
        out=out,
        seeds=run.seeds,
        resume=True,
        keep_models=_KEEP_MODELS in command,
        console=console,
    )
