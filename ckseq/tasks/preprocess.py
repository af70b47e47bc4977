"""From recordings to a store: all cores, bounded memory, and nothing done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.grammar import agreeing, counted
from ckseq.labels import in_order
from ckseq.preprocessing.data_set import find_source, notes_of, origin_of
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.preprocessing.results import Result, data_notes, doubt_line, doubtful, dropped_line, named
from ckseq.preprocessing.store_builder import digest_of, prepare_all, remove_leftovers
from ckseq.recording import Problem, Recording
from ckseq.regular_file import is_file
from ckseq.storage.cache import ENTRIES, Cache, remove_abandoned, trim
from ckseq.storage.store import open_store

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
    overwrite: bool = False,
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
    overwrite : bool
        Replace a store that holds something else.
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
        ``store``, ``n_recordings``, ``n_frames``, ``n_from_before``, ``failed`` (id: reason), ``doubtful`` (id:
        list of ``what`` and ``remedy``), ``seconds``, ``from_cache`` (recordings whose crops were there already).

    Raises
    ------
    CallError
        The target exists and holds something else, cannot be made, or the recipe is wrong.
    DataError
        There is nothing to prepare, every recording failed, or the store cannot be written.
    """
    recipe = load_pipeline(pipeline, settings)
    layout = find_source(data, source)
    recordings = _wanted(layout.scan(data), classes, data)
    if check is not None:
        check(recordings, recipe)
    notes = [*notes_of(data), *_report_problems(layout.problems(data), data, strict, console)]
    if out.exists() and not overwrite:
        return _up_to_date(out, recipe, recordings, console)
    console.heading(f"preparing {counted(len(recordings), 'recording')} with the pipeline {recipe.name!r}")
    start = time.monotonic()
    origin = origin_of(layout.name, recordings, notes)
    results = prepare_all(recordings, recipe, out, notes=notes, origin=origin, cache=cache, jobs=jobs, console=console)
    for note in data_notes(recordings, results):
        console.warn(note)
    if cache is not None and cache.limit_bytes is not None:
        trim(cache.folder, cache.limit_bytes, ENTRIES)
        remove_abandoned(cache.folder)
    return _summary(out, results, time.monotonic() - start, console)


def _report_problems(problems: Sequence[Problem], data: Path, strict: bool, console: Console) -> list[str]:
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


def _wanted(recordings: list[Recording], classes: Sequence[str] | None, data: Path) -> list[Recording]:
    """Keep the recordings whose label is asked for; None asks for all, an empty sequence for any label."""
    if classes is None:
        return recordings
    wanted = [r for r in recordings if r.label is not None and (not classes or r.label in classes)]
    missing = [label for label in classes if label not in {r.label for r in wanted}]
    if missing or not wanted:
        there = ", ".join(in_order(r.label for r in recordings if r.label)) or "none"
        raise DataError(f"no recording is labeled {', '.join(missing) or 'at all'}", data, f"labels there: {there}")
    return wanted


def _up_to_date(out: Path, recipe: Pipeline, recordings: list[Recording], console: Console) -> dict[str, Any]:
    """Tell that the store holds just this already, or refuse to replace it."""
    with open_store(out) as store:
        held = store.digest
        results = [
            Result(entry.id, "", entry.n_frames, entry.error or "", from_before=True, quality=entry.quality)
            for entry in store.entries
        ]
    if held != digest(recipe, [digest_of(recording, recipe)[0] for recording in recordings]):
        raise CallError("exists and holds something else", out, "choose another --out, or replace it with --overwrite")
    remove_leftovers(out)
    console.say(f"{out} is up to date")
    return _summary(out, results, 0.0, console)


def _summary(out: Path, results: list[Result], seconds: float, console: Console) -> dict[str, Any]:
    failed = {result.id: result.error for result in results if result.error}
    n_frames = sum(result.n_frames for result in results)
    before = sum(result.from_before for result in results)
    for id, error in failed.items():
        console.warn(f"{id} was left out: {error}")
    if dropped := dropped_line(results):
        console.say(dropped)
    if doubts := doubtful(results):
        console.warn(doubt_line(doubts, n=len(results)))
    from_cache = sum(bool(result.from_cache) for result in results)
    text = (
        f"{len(results) - len(failed)} of {counted(len(results), 'recording')}, {counted(n_frames, 'frame')}, in {out}"
    )
    if seconds:
        text += f" ({seconds:.0f} s, {n_frames / seconds:.0f} frames/s)"
    if before and seconds:
        text += f"; {counted(before, 'recording')} {agreeing(before, 'was', 'were')} ready from before"
    if from_cache:
        text += f"; the faces of {from_cache} came from the cache"
    console.say(text)
    return {
        "store": str(out),
        "n_recordings": len(results),
        "n_frames": n_frames,
        "n_from_before": before,
        "from_cache": from_cache,
        "failed": failed,
        "doubtful": {id: [doubt._asdict() for doubt in found] for id, found in doubts.items()},
        "seconds": round(seconds, 2),
    }
