"""The trainings of a cross-validation as units of work, here or on other machines."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ckseq import registry
from ckseq.console import Bar, Console
from ckseq.errors import CkseqError, DataError
from ckseq.executors.local import LocalExecutor
from ckseq.executors.shared_folder import SharedFolder, shared
from ckseq.executors.work import Done, Executor, Unit
from ckseq.experiment.dataset import Dataset, gather
from ckseq.experiment.fold import FoldResult, Job, describe_epoch, save_fold, train_fold
from ckseq.experiment.recipe import Experiment
from ckseq.grammar import counted
from ckseq.storage.files import write_bytes
from ckseq.storage.history import Epoch
from ckseq.storage.store import open_store
from ckseq.storage.work_log import WorkLog


class Work(NamedTuple):
    """The trainings to do, what each follows from (`Job.made_from`), and whose models are kept."""

    jobs: Sequence[Job]
    made_from: dict[Job, str]
    dataset: Dataset
    recipe: Experiment
    keep_models: dict[Job, bool]


def train_all(work: Work, executor: Executor, log: WorkLog, console: Console) -> dict[Job, FoldResult]:
    """Train and save folds, and return what became of each.

    Raises
    ------
    CkseqError
        No worker survived some of them; the others are saved.
    """
    found: dict[Job, FoldResult] = {}
    crashed: list[str] = []
    with console.progress("folds", len(work.jobs)) as bar:
        if work.jobs:  # an estimator says nothing before its fold is done
            first = work.jobs[0]
            bar.begin(f"{counted(executor.n_workers, 'worker')}  seed {first.seed}, fold {first.fold.number}")
        for job, done, error in _outcomes(work, executor, bar):
            name = f"seed {job.seed}, fold {job.fold.number}"
            if done is None:
                crashed.append(f"{name}: {error}")
                log(name, worker="", seconds=0.0, state="failed", error=error)
                continue
            found[job] = done.value
            state = {"state": "trained", "device": done.value.done.device, "error": ""}
            log(name, worker=done.worker, seconds=done.seconds, **state)
            n_workers = counted(executor.n_workers, "worker")
            bar.advance(text=f"{n_workers}, {len(crashed)} failed  {name}: {done.value.summary}")
    if crashed:
        more = f" (and {len(crashed) - 1} more)" if len(crashed) > 1 else ""
        raise CkseqError(f"{crashed[0]}{more}", fix="give workers more memory and go on with --resume")
    return found


def _outcomes(work: Work, executor: Executor, bar: Bar) -> Iterator[tuple[Job, Done[FoldResult] | None, str]]:
    by_name = {f"seed {job.seed}, fold {job.fold.number}": job for job in work.jobs}
    if executor.remote:
        yield from _away(work, by_name, executor)
        return
    if len(work.jobs) < 2:
        executor = LocalExecutor(1)
    shown = [bar] if executor.n_workers == 1 else []  # in this process epochs are shown, too
    units = (
        Unit(name, (job, work.dataset, work.recipe, work.made_from[job], work.keep_models[job], *shown))
        for name, job in by_name.items()
    )
    for outcome in executor.run(train_and_save, units):
        yield by_name[outcome.name], outcome.done, outcome.error


def _away(
    work: Work, by_name: dict[str, Job], executor: Executor
) -> Iterator[tuple[Job, Done[FoldResult] | None, str]]:
    is_network = registry.load("models", work.recipe.model_kind).SPEC.kind == "network"
    folder = work.jobs[0].folder.parent if work.jobs else Path()
    folder.mkdir(parents=True, exist_ok=True)
    with shared(folder) as place:
        units = (
            Unit(
                name,
                (
                    place,
                    job._replace(store=job.store.absolute(), folder=place.path / job.folder.name),
                    work.recipe,
                    work.made_from[job],
                    work.keep_models[job],
                ),
            )
            for name, job in by_name.items()
        )
        for outcome in executor.run(_train_away, units, prefers_gpu=is_network):
            job = by_name[outcome.name]
            if outcome.done is None:
                yield job, None, outcome.error
                continue
            result, files = outcome.done.value
            for name, content in files.items():
                write_bytes(job.folder / name, content)
            yield job, Done(result, outcome.done.worker, outcome.done.seconds), ""


def train_and_save(
    job: Job, dataset: Dataset, recipe: Experiment, made_from: str, keep_models: bool, bar: Bar | None = None
) -> FoldResult:
    """Train a fold and keep its result, and on demand its model, in its folder."""

    def show(epoch: Epoch) -> None:
        if bar is not None:
            bar.advance(0, text=f"seed {job.seed}, fold {job.fold.number}, {describe_epoch(epoch, recipe)}")

    result = train_fold(job, dataset, recipe, made_from, seed_of_rows=job.seed, on_epoch=show)
    if keep_models and result.trained is not None:
        result.trained.save(job.folder)
    save_fold(job.folder, result)
    # the model stays behind: it is large, and only predictions are asked for
    return result._replace(trained=None)


def _train_away(
    place: SharedFolder, job: Job, recipe: Experiment, made_from: str, keep_models: bool
) -> tuple[FoldResult, dict[str, bytes]]:
    """Train a fold on a worker that sees the store; also return its files, where it does not see the run's folder."""
    with place.entered() as here:
        if not job.store.is_file():
            raise DataError("a worker does not see the store", job.store, "put it on a path that all machines have")
        dataset = _dataset(job, recipe)
        if here:
            return train_and_save(job, dataset, recipe, made_from, keep_models), {}
        with tempfile.TemporaryDirectory(prefix="ckseq-fold-") as scratch:
            own = job._replace(folder=Path(scratch) / job.folder.name)
            result = train_and_save(own, dataset, recipe, made_from, keep_models)
            return result, {path.name: path.read_bytes() for path in sorted(own.folder.iterdir())}


_held: dict[tuple[str, str], Dataset] = {}


def _dataset(job: Job, recipe: Experiment) -> Dataset:
    """Return the data of an experiment, which a worker reads once for all of its folds."""
    key = job.store_digest, recipe.model_dump_json()
    if key not in _held:
        _held.clear()
        with open_store(job.store, digest=job.store_digest) as opened:
            _held[key] = gather(opened, recipe)
    return _held[key]
