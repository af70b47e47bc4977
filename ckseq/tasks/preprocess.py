"""From recordings to a store: all cores, bounded memory, and nothing done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ckseq.config import digest_of_many
from ckseq.console import Console
from ckseq.defaults import RECORDINGS_PER_FILE
from ckseq.errors import CallError, DataError
from ckseq.executors.choice import executor_for
from ckseq.executors.shard import Shard, parse_shard
from ckseq.grammar import agreeing, counted
from ckseq.labels import in_order
from ckseq.preprocessing.appending import lacking
from ckseq.preprocessing.data_set import find_source, notes_of, origin_of
from ckseq.preprocessing.one_recording import digest_of
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.preprocessing.results import Result
from ckseq.preprocessing.shards import Plan, prepare_shard
from ckseq.preprocessing.store_builder import parts_of, prepare_all, remove_leftovers
from ckseq.preprocessing.tally import Tally, named
from ckseq.recording import Problem, Recording
from ckseq.regular_file import is_file
from ckseq.storage.cache import ENTRIES, Cache, remove_abandoned, trim
from ckseq.storage.store import open_store
from ckseq.storage.store_place import check_target
from ckseq.storage.work_log import WorkLog, no_log, work_log

_NAMED = 10


def preprocess(
    data: Path,
    *,
    pipeline: str,
    out: Path,
    settings: Sequence[str] = (),
    source: str | None = None,
    classes: Sequence[str] | None = None,
    jobs: int = -1,
    on: str | None = None,
    shard: str | None = None,
    overwrite: bool = False,
    append: bool = False,
    per_file: int = RECORDINGS_PER_FILE,
    cache: Cache | None = None,
    strict: bool = False,
    check: Callable[[Sequence[Recording], Pipeline], None] | None = None,
    console: Console,
) -> dict[str, Any]:
    """Prepare every recording of a data set.

    Parameters
    ----------
    data : Path
        A data set that one of the sources knows.
    pipeline : str
        A recipe's name or path.
    out : Path
        The store to write.
    settings : sequence of str
        ``section.key=value`` on top of the recipe.
    source : str, optional
        The layout; found out where not given.
    classes : sequence of str, optional
        Prepare only recordings with one of these labels; empty is any label.
    jobs : int
        Processes; -1 is one per core.
    on : str, optional
        Prepare on a cluster, see `ckseq.executors.choice.executor_for`.
    shard : str, optional
        Prepare only this share, ``3/20``, for 'ckseq gather' to assemble.
    overwrite : bool
        Replace a store that holds something else.
    append : bool
        Add the recordings that the store at ``out`` lacks, if there is one; those that it has are not read.
    per_file : int
        The most recordings in one file of the store.
    cache : Cache, optional
        Keeps the face crops, for other pipelines that cut out faces in the same way.
    strict : bool
        Refuse a data set of which something cannot be read, instead of leaving that out.
    check : callable, optional
        Raises an error before any work where recordings and pipeline do not suit what follows.
    console : Console

    Returns
    -------
    dict
        ``store``, ``n_recordings``, ``n_frames`` that were read, ``n_from_before``, ``failed`` (id: reason),
        ``doubtful`` (id: list of ``what`` and ``remedy``), ``seconds``, ``from_cache`` (recordings whose crops were
        there already).

    Raises
    ------
    CallError
        The target exists and holds something else, cannot be made, or the recipe is wrong.
    DataError
        There is nothing to prepare, every recording failed, or the store cannot be written.
    """
    if append and overwrite:
        raise CallError("--append and --overwrite exclude each other", fix="drop one of them")
    check_target(out)
    recipe = load_pipeline(pipeline, settings)
    layout = find_source(data, source)
    recordings = wanted_recordings(layout.scan(data), classes, data, layout.labels_from)
    if check is not None:
        check(recordings, recipe)
    notes = [*notes_of(data), *report_problems(layout.problems(data), data, strict, console)]
    if shard is not None:
        plan = Plan(
            str(data.absolute()),
            source,
            None if classes is None else list(classes),
            pipeline,
            list(settings),
            per_file,
        )
        replaces = overwrite or append
        return _prepare_shard(parse_shard(shard), recordings, recipe, out, plan, cache, jobs, on, replaces, console)
    append_to = None
    if out.exists() and append:
        with open_store(out) as store:
            append_to, n_held = store.digest, len(store.entries)
            recordings = lacking(store, recipe, recordings)
        if not recordings:
            remove_leftovers(out)
            console.say(f"{out} is up to date: it lacks no recording of {data}")
            return summary(out, Tally(), 0.0, console)
        console.say(f"{counted(n_held, 'recording')} in {out}; {len(recordings)} more will be added")
    elif out.exists() and not overwrite:
        return _up_to_date(out, recipe, recordings, console)
    console.heading(f"preparing {counted(len(recordings), 'recording')} with the pipeline {recipe.name!r}")
    start = time.monotonic()
    origin = origin_of(layout.name, recordings, notes)
    with executor_for(on, jobs=jobs, console=console) as executor, _log(out, "" if on else None) as log:
        tally = prepare_all(
            recordings,
            recipe,
            out,
            notes=notes,
            origin=origin,
            cache=cache,
            per_file=per_file,
            append_to=append_to,
            executor=executor,
            log=log,
            console=console,
        )
    for note in tally.notes(recordings):
        console.warn(note)
    if cache is not None and cache.limit_bytes is not None:
        trim(cache.folder, cache.limit_bytes, ENTRIES)
        remove_abandoned(cache.folder)
    return summary(out, tally, time.monotonic() - start, console)


@contextmanager
def _log(out: Path, what: str | None) -> Iterator[WorkLog]:
    """Provide the log beside a store; None is none."""
    if what is None:
        yield no_log
        return
    out.parent.mkdir(parents=True, exist_ok=True)
    with work_log(out.with_name(f"{out.name}{what}.jsonl")) as log:
        yield log


def _prepare_shard(
    shard: Shard,
    recordings: Sequence[Recording],
    recipe: Pipeline,
    out: Path,
    plan: Plan,
    cache: Cache | None,
    jobs: int,
    on: str | None,
    replaces: bool,
    console: Console,
) -> dict[str, Any]:
    if replaces or out.exists():
        what = "--shard excludes --overwrite and --append" if replaces else f"{out} is complete already"
        raise CallError(what, fix=f"remove {out} to prepare it again")
    n = len(shard.share(recordings))
    console.heading(f"preparing shard {shard}: {n} of {counted(len(recordings), 'recording')}")
    start = time.monotonic()
    with executor_for(on, jobs=jobs, console=console) as executor, _log(out, f".{shard.file_name}") as log:
        results = prepare_shard(
            recordings, recipe, out, shard, plan=plan, cache=cache, executor=executor, log=log, console=console
        )
    tally = Tally()
    tally.add(results)
    return summary(out, tally, time.monotonic() - start, console, parts=parts_of(out)) | {"shard": str(shard)}


def report_problems(problems: Sequence[Problem], data: Path, strict: bool, console: Console) -> list[str]:
    """Warn of what is wrong with a data set, an error under ``strict``; return what a reader of results has to know."""
    unread = [problem for problem in problems if problem.left_out]
    n_unread = sum(problem.left_out for problem in unread)
    if unread and strict:
        first = f"{unread[0].where}: {unread[0].what}"
        raise DataError(
            f"{counted(n_unread, 'recording')} cannot be used; the first: {first}",
            data,
            "correct them or drop --strict",
        )
    for problem in unread[:_NAMED]:
        console.warn(f"{problem.where} was left out: {problem.what}")
    if len(unread) > _NAMED:
        console.warn(f"and {len(unread) - _NAMED} more; 'ckseq inspect' lists all")
    alike: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        if problem.matters:
            alike.setdefault((problem.what, problem.remedy), []).append(problem.where)
    notes = []
    for (what, remedy), wheres in alike.items():
        # what is true of the whole data set names no place
        places = [
            where.removeprefix(f"{data}/") for where in wheres if Path(where) != data and not is_file(Path(where))
        ]
        notes.append(f"{what} ({named(places)}): {remedy}" if places else f"{what}: {remedy}")
        if places:
            console.warn(notes[-1])
    if unread:
        are = agreeing(n_unread, "is", "are")
        notes.append(f"{counted(n_unread, 'recording')} of the data could not be used and {are} left out")
    return notes


def wanted_recordings(
    recordings: list[Recording], classes: Sequence[str] | None, data: Path, labels_from: str
) -> list[Recording]:
    """Keep the recordings whose label is asked for; None asks for all, an empty sequence for any label.

    ``labels_from`` is what to do where no recording has a label.
    """
    if classes is None:
        return recordings
    wanted = [r for r in recordings if r.label is not None and (not classes or r.label in classes)]
    missing = [label for label in classes if label not in {r.label for r in wanted}]
    if missing or not wanted:
        there = ", ".join(in_order(r.label for r in recordings if r.label))
        if not there:
            raise DataError("no recording has a label", data, labels_from)
        raise DataError(f"no recording is labeled {', '.join(missing) or 'at all'}", data, f"labels there: {there}")
    return wanted


def _up_to_date(out: Path, recipe: Pipeline, recordings: list[Recording], console: Console) -> dict[str, Any]:
    """Tell that the store holds just this already, or refuse to replace it."""
    tally = Tally()
    with open_store(out) as store:
        held, n_held = store.digest, len(store.entries)
        for entry in store.entries:
            tally.add([Result(entry.id, "", entry.n_frames, entry.error or "", True, quality=entry.quality)])
    if held != digest_of_many(recipe, (digest_of(recording, recipe)[0] for recording in recordings)):
        more = ", or add the recordings that it lacks with --append" if n_held < len(recordings) else ""
        fix = f"choose another --out, or replace it with --overwrite{more}"
        raise CallError("exists and holds something else", out, fix)
    remove_leftovers(out)
    console.say(f"{out} is up to date")
    return summary(out, tally, 0.0, console)


def summary(out: Path, tally: Tally, seconds: float, console: Console, *, parts: Path | None = None) -> dict[str, Any]:
    """Say what became of recordings, which are in ``parts`` until they are gathered; return it as `preprocess` does."""
    for id, error in tally.failed.items():
        console.warn(f"{id} was left out: {error}")
    if dropped := tally.dropped_line():
        console.say(dropped)
    if doubts := tally.doubt_line():
        console.warn(doubts)
    n, before = tally.n, tally.n_from_before
    frames = counted(tally.n_kept, "frame")
    text = f"{n - len(tally.failed)} of {counted(n, 'recording')}, {frames}, in {parts or out}"
    if seconds:
        text += f" ({seconds:.0f} s, {tally.n_frames / seconds:.0f} frames/s)"
    if before and seconds:
        text += f"; {counted(before, 'recording')} {agreeing(before, 'was', 'were')} ready from before"
    if tally.n_from_cache:
        text += f"; the faces of {tally.n_from_cache} came from the cache"
    if n:
        console.say(text)
    return {
        "store": str(out),
        "n_recordings": n,
        "n_frames": tally.n_frames,
        "n_from_before": before,
        "from_cache": tally.n_from_cache,
        "failed": tally.failed,
        "doubtful": {id: [doubt._asdict() for doubt in found] for id, found in tally.doubtful.items()},
        "seconds": round(seconds, 2),
    }
