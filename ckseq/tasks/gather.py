"""``ckseq gather``: what the jobs of an array prepared or trained, brought together into one store or run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.executors.shard import Shard
from ckseq.experiment.shards import gather_run
from ckseq.grammar import counted
from ckseq.preprocessing.data_set import find_source, notes_of, origin_of
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.preprocessing.shards import assemble_shards, find_parts, read_plan, shards_of
from ckseq.preprocessing.store_builder import parts_of
from ckseq.preprocessing.tally import named
from ckseq.recording import Recording
from ckseq.storage.run_record import RUN
from ckseq.storage.store_writer import PLAN
from ckseq.tasks.preprocess import report_problems, summary, wanted_recordings


def gather(out: Path, *, partial: bool = False, console: Console) -> dict[str, Any]:
    """Assemble the store or the run that shards were made for, or say what is missing.

    Parameters
    ----------
    out : Path
        The ``--out`` of the shards.
    partial : bool
        Assemble a store without the recordings that are missing.
    console : Console

    Returns
    -------
    dict
        As of 'ckseq preprocess' or 'ckseq crossval'; ``missing`` are the ids of recordings that a partial store lacks.

    Raises
    ------
    CallError
        There is nothing to gather.
    DataError
        Something is missing, or cannot be used.
    """
    if (out / RUN).is_file():
        if partial:
            raise CallError("a cross-validation has to be whole", out, "drop --partial")
        finished = gather_run(out, console=console)
        console.say(f"{finished.summary()}; the run is in {out}")
        return {"run": str(out), "state": finished.run.state, **finished.scores()}
    if not parts_of(out).is_dir():
        what = "is complete already" if out.exists() else "has no shards to gather"
        raise CallError(what, out, "name the --out of 'ckseq preprocess --shard' or 'ckseq crossval --shard'")
    return _gather_store(out, partial, console)


def _gather_store(out: Path, partial: bool, console: Console) -> dict[str, Any]:
    plan = read_plan(parts_of(out) / PLAN)
    data, recipe = Path(plan.data), load_pipeline(plan.pipeline, plan.settings)
    layout = find_source(data, plan.source)
    recordings = wanted_recordings(layout.scan(data), plan.classes, data, layout.labels_from)
    notes = [*notes_of(data), *report_problems(layout.problems(data), data, False, console)]
    start = time.monotonic()
    found = find_parts(recordings, recipe, out, console)
    ids = [one.id for one in found.missing]
    if ids:
        what = f"{len(ids)} of {counted(len(recordings), 'recording')} are missing: {named(ids)}"
        what += _owners(found.missing, recordings, out)
        if not partial or not found.results:
            raise DataError(what, parts_of(out), "run these shards again, or assemble what is there with --partial")
        console.warn(what)
        notes.append(f"{counted(len(ids), 'recording')} of the data were not prepared: {named(ids)}")
    origin = origin_of(layout.name, recordings, notes)
    tally = assemble_shards(recordings, found, recipe, out, notes=notes, origin=origin, per_file=plan.per_file)
    return summary(out, tally, time.monotonic() - start, console) | {"missing": ids}


def _owners(missing: list[Recording], recordings: list[Recording], out: Path) -> str:
    shards: dict[Shard, int] = shards_of(missing, recordings, out)
    if not shards:
        return ""
    return f" (shards {named([f'{shard}: {n}' for shard, n in shards.items()])})"
