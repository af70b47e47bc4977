"""What a run consists of before anything is trained: its data, its record, and its trainings."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.dataset import Dataset, gather
from ckseq.experiment.fold import Job
from ckseq.experiment.memory_check import within_memory
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.record import record_of
from ckseq.storage.run_record import RunRecord
from ckseq.storage.store import open_store

FOLDS = "folds"


class Setup(NamedTuple):
    """The data of a run, its experiment with what memory asks for, and the record of a run that has not trained yet."""

    dataset: Dataset
    recipe: Experiment
    run: RunRecord


def set_up(
    store: Path,
    recipe: Experiment,
    *,
    kind: Literal["training", "cross_validation"],
    command: Sequence[str],
    seeds: Sequence[int],
    notes: Sequence[str],
    fit_memory: bool,
    earlier: RunRecord | None,
    console: Console,
) -> Setup:
    """Read the data of a run, and record what it will be; the parameters are those of `ckseq.experiment.engine`.

    Raises
    ------
    CallError
        The folds do not suit the kind.
    CkseqError
        A training would need more memory than there is.
    DataError
        The store has too little for the experiment or its folds.
    """
    with open_store(store) as opened:
        dataset = gather(opened, recipe, console)
        if kind == "training" and len(dataset.folds) > 1:
            raise CallError(
                f"protocol.kind = {recipe.protocol.kind} has {len(dataset.folds)} folds, and a training has one",
                fix="use 'ckseq crossval', or set protocol.kind to subject_holdout",
            )
        recipe, memory = within_memory(recipe, dataset, fit_memory=fit_memory, earlier=earlier)
        run = record_of(opened, dataset, recipe, kind=kind, seeds=seeds)
    chosen = () if memory is None else memory.chosen
    run = run.changed(
        memory=memory,
        notes=(*run.notes, *notes),
        command=shlex.join([*command, *(word for setting in chosen for word in ("--set", setting))]),
    )
    return Setup(dataset, recipe, run)


def fold_folder(seed: int, fold: int) -> str:
    """Return where a cross-validation keeps a training, below its run folder."""
    return f"{FOLDS}/seed{seed}_fold{fold}"


def jobs_of(run: RunRecord, dataset: Dataset, out: Path) -> list[Job]:
    """Return the trainings of a run, each with the folder that keeps it."""
    assert run.store is not None
    store = Path(run.store.path), run.store.digest
    alone = run.kind == "training"
    return [
        Job(fold, seed, *store, out if alone else out / fold_folder(seed, fold.number))
        for seed in run.seeds
        for fold in dataset.folds
    ]
