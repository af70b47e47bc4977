"""From recordings to a store: all cores, bounded memory, and nothing done twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq import choices
from ckseq.config import digest
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.labels import in_order
from ckseq.recording import Frames, Problem, Recording
from ckseq.signal.align import aligned
from ckseq.signal.faces import to_grey
from ckseq.signal.follow import Faces, follow
from ckseq.signal.motion import blobs_of
from ckseq.signal.reduce import halved, project
from ckseq.storage.cache import Arrays, StageCache
from ckseq.storage.frames import fingerprint, read_grey, read_rgb
from ckseq.storage.store import Prepared, assemble, open_store, read_part, remove_parts, write_part
from ckseq.tasks.console import Console
from ckseq.tasks.inspect import find_source
from ckseq.tasks.recipes import Pipeline, load_pipeline

STAGE_VERSION = 2
"""Part of every digest: raise it when the same recipe begins to give other tensors."""
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
    cache: Path | None = None,
    strict: bool = False,
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
    cache : Path, optional
        A folder that keeps the face crops, for other pipelines that cut out faces in the same way.
    strict : bool
        Refuse a data set of which something cannot be read, instead of leaving that out.
    console : Console

    Returns
    -------
    dict
        ``store``, ``n_recordings``, ``n_frames``, ``n_from_before``, ``failed`` (id: reason), ``seconds``,
        ``from_cache`` (recordings whose crops were there already).

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
    told = _told(layout.problems(data), data, strict, console)
    if out.exists() and not overwrite:
        return _up_to_date(out, recipe, recordings, console)
    console.step(f"preparing {len(recordings)} recordings with the pipeline {recipe.name!r}")
    start = time.monotonic()
    notes = [*notes_of(data), *told]
    results = prepare_all(recordings, recipe, out, notes=notes, cache=cache, jobs=jobs, console=console)
    return _summary(out, results, time.monotonic() - start, console)


class Result(NamedTuple):
    """What became of one recording; ``error`` is empty where it was prepared."""

    id: str
    digest: str
    n_frames: int
    error: str
    from_before: bool
    from_cache: tuple[str, ...] = ()


def prepare_all(
    recordings: Sequence[Recording],
    recipe: Pipeline,
    out: Path,
    *,
    notes: list[str],
    source_digests: Mapping[str, str] | None = None,
    cache: Path | None = None,
    passing: bool = False,
    jobs: int,
    console: Console,
) -> list[Result]:
    """Prepare recordings and write the store of them.

    Parameters
    ----------
    recordings : sequence of Recording
    recipe : Pipeline
    out : Path
        The store.
    notes : list of str
        What a reader of any result should know of the data.
    source_digests : mapping, optional
        The digest of each recording's frames by id, where they are known; they are read for it otherwise.
    cache : Path, optional
        A folder of stage results to use and to add to.
    passing : bool
        The store is to be learnt from soon, and not kept: it has no faces to look at, and nothing in it is packed.
    jobs : int
    console : Console

    Raises
    ------
    CallError
        The folder of ``out`` cannot be made.
    DataError
        Every recording failed, or the store cannot be written.
    """
    parts = out.with_name(f"{out.name}.parts")
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"cannot be made ({error.strerror})", parts, "choose another --out") from None
    results = _prepare_each(recordings, recipe, parts, source_digests or {}, cache, passing, jobs, console)
    if all(result.error for result in results):
        raise DataError(f"none of {len(results)} recordings could be prepared; the first: {results[0].error}")
    assemble(
        parts,
        [result.id for result in results],
        out,
        pipeline=recipe.model_dump(mode="json"),
        digest=digest(recipe, [result.digest for result in results]),
        notes=notes,
    )
    remove_parts(parts)
    return results


def _told(problems: Sequence[Problem], data: Path, strict: bool, console: Console) -> list[str]:
    """Say what of a data set cannot be read, an error under ``strict``; return what a result's reader has to know."""
    unread = [problem for problem in problems if problem.left_out]
    n_unread = sum(problem.left_out for problem in unread)
    if unread and strict:
        first = f"{unread[0].where}: {unread[0].what}"
        raise DataError(f"{n_unread} recordings cannot be used; the first: {first}", data, "mend them or drop --strict")
    for problem in unread[:_NAMED]:
        console.warn(f"{problem.where} was left out: {problem.what}")
    if len(unread) > _NAMED:
        console.warn(f"and {len(unread) - _NAMED} more; 'ckseq inspect' lists all")
    notes = [f"{problem.what}: {problem.mend}" for problem in problems if problem.matters]
    return [*notes, *([f"{n_unread} recordings of the data could not be used and are left out"] if unread else [])]


def _wanted(recordings: list[Recording], classes: Sequence[str] | None, data: Path) -> list[Recording]:
    """Keep the recordings whose label is asked for; None asks for all, an empty sequence for any label."""
    if classes is None:
        return recordings
    wanted = [r for r in recordings if r.label is not None and (not classes or r.label in classes)]
    missing = [label for label in classes if label not in {r.label for r in wanted}]
    if missing or not wanted:
        there = ", ".join(in_order(r.label for r in recordings if r.label)) or "none"
        raise DataError(f"no recording is labelled {', '.join(missing) or 'at all'}", data, f"labels there: {there}")
    return wanted


def _up_to_date(out: Path, recipe: Pipeline, recordings: list[Recording], console: Console) -> dict[str, Any]:
    """Tell that the store holds just this already, or refuse to replace it."""
    with open_store(out) as store:
        held = store.digest
        results = [Result(entry.id, "", entry.n_frames, entry.error or "", from_before=True) for entry in store.entries]
    if held != digest(recipe, [_digest_of(recording, recipe)[0] for recording in recordings]):
        raise CallError("exists and holds something else", out, "choose another --out, or replace it with --overwrite")
    console.say(f"{out} is up to date")
    return _summary(out, results, 0.0, console)


def _prepare_each(
    recordings: Sequence[Recording],
    recipe: Pipeline,
    parts: Path,
    source_digests: Mapping[str, str],
    cache: Path | None,
    passing: bool,
    jobs: int,
    console: Console,
) -> list[Result]:
    from joblib import Parallel, delayed

    total = sum(recording.n_frames or 1 for recording in recordings)
    results: dict[str, Result] = {}
    work = Parallel(n_jobs=jobs, return_as="generator_unordered", pre_dispatch="2*n_jobs")
    with console.progress("frames", total) as bar:
        # the longest first, so that no core is left with a long one at the end
        in_turn = sorted(recordings, key=lambda recording: -(recording.n_frames or 0))
        calls = (
            delayed(prepare_one)(one, recipe, parts, source_digests.get(one.id), cache, passing=passing)
            for one in in_turn
        )
        for result in work(calls):
            results[result.id] = result
            bar.advance(result.n_frames or 1, text=result.id)
    return [results[recording.id] for recording in recordings]


def prepare_one(
    recording: Recording,
    recipe: Pipeline,
    parts: Path,
    source_digest: str | None = None,
    cache: Path | None = None,
    *,
    passing: bool = False,
) -> Result:
    """Prepare one recording and write its part, unless there is one of the same digest already.

    Whatever is wrong with the recording is stored as its error; only a part that cannot be written stops the work.
    """
    cv2.setNumThreads(1)  # the parallelism is over recordings
    own_digest, source_digest = _digest_of(recording, recipe, source_digest)
    kept = None if cache is None else StageCache(cache)
    before = read_part(parts, recording.id)
    if before is not None and before.digest == own_digest:
        return Result(recording.id, own_digest, before.n_frames, before.error or "", from_before=True)
    try:
        arrays, faces = run_stages(recording.frames, recipe, source_digest=source_digest, cache=kept)
        n_frames = len(faces.crops) + faces.n_dropped
        if passing:
            del arrays["faces"]
        prepared = Prepared(recording, own_digest, source_digest, n_frames, faces.n_dropped, arrays)
    except (CkseqError, OSError, ValueError, cv2.error) as error:
        prepared = Prepared(recording, own_digest, source_digest, recording.n_frames or 0, error=str(error))
    write_part(parts, prepared, packed=not passing)
    served = () if kept is None else tuple(sorted(kept.served))
    return Result(recording.id, own_digest, prepared.n_frames, prepared.error or "", False, served)


def source_digest_of(recording: Recording) -> str:
    """Return the digest of a recording's frames; ``unreadable`` where they cannot be read."""
    try:
        return fingerprint(recording.frames)
    except (CkseqError, OSError):
        return "unreadable"


def _digest_of(recording: Recording, recipe: Pipeline, source_digest: str | None = None) -> tuple[str, str]:
    """Return the digest of what becomes of a recording, and that of its source."""
    source_digest = source_digest or source_digest_of(recording)
    who = [recording.id, recording.subject, recording.session, recording.label, recording.part]
    return digest(STAGE_VERSION, recipe, who, source_digest), source_digest


def run_stages(
    frames: Frames, recipe: Pipeline, *, source_digest: str = "", cache: StageCache | None = None
) -> tuple[dict[str, NDArray[Any]], Faces]:
    """Take one recording through a pipeline.

    Parameters
    ----------
    frames : Frames
    recipe : Pipeline
    source_digest : str
        Of the frames; asked for where there is a cache.
    cache : StageCache, optional
        Serves and keeps crops, as found and as aligned.

    Returns
    -------
    dict
        Arrays by the name of their dataset in the store.
    Faces
        Crops, boxes and counts, frame by frame; the crops as cut, or as aligned where a cache keeps these.

    Raises
    ------
    DataError
        A frame cannot be read, no frame has a face, or only one.
    """
    key = digest([STAGE_VERSION, cv2.__version__, source_digest], recipe.detector_kind, recipe.detector, recipe.faces)

    def kept(stage: str, key: str, make: Callable[[], Arrays]) -> Arrays:
        return make() if cache is None else cache.fetch(stage, key, make)

    def found() -> Arrays:
        return kept("faces", key, lambda: _find_faces(frames, recipe))

    moves = recipe.motion.difference != "none"
    as_cut = recipe.reduce.keep_crops or not moves or recipe.align.method == "none"
    tracked = found() if as_cut else kept("aligned", digest(key, recipe.align), lambda: _line_up(found(), recipe))
    faces = Faces(tracked["crops"], tracked["boxes"], tracked["n_found"], int(tracked["n_dropped"]))
    arrays: dict[str, NDArray[Any]] = {"boxes": faces.boxes, "n_found": faces.n_found, "faces": tracked["ends"]}
    if recipe.reduce.keep_crops:
        arrays["crops"] = faces.crops
    if not moves:
        return arrays, faces
    blobs = blobs_of(_line_up(tracked, recipe)["crops"] if as_cut else faces.crops, recipe.motion)
    arrays["projections"] = project(blobs)
    if recipe.reduce.keep_blobs:
        arrays["blobs"] = blobs
    if recipe.reduce.halvings:
        arrays["halved"] = halved(blobs, halvings=recipe.reduce.halvings)
    return arrays, faces


class _Again:
    """The pixels of a recording, one frame at a time, as often as somebody goes through them."""

    def __init__(self, read: Callable[[Frames], Iterator[NDArray[np.uint8]]], frames: Frames) -> None:
        self._read, self._frames = read, frames

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        return self._read(self._frames)


def _find_faces(frames: Frames, recipe: Pipeline) -> Arrays:
    detector = choices.load("detectors", recipe.detector_kind).load(recipe.detector)
    read = read_rgb if recipe.faces.colour == "rgb" else read_grey
    faces = follow(_Again(read, frames), detector, recipe.faces)
    ends = _grey(faces.crops[[0, -1]])
    return {**faces._asdict(), "n_dropped": np.array(faces.n_dropped), "ends": ends}


def _line_up(found: Arrays, recipe: Pipeline) -> Arrays:
    return {**found, "crops": aligned(_grey(found["crops"]), recipe.align)}


def _grey(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return to_grey(crops) if crops.ndim == 4 else crops


def notes_of(data: Path) -> list[str]:
    """Return what a data set says about itself in the first line of an ABOUT.txt, such as that it is synthetic."""
    about = (data if data.is_dir() else data.parent) / "ABOUT.txt"
    if not about.is_file():
        return []
    return [about.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()]


def _summary(out: Path, results: list[Result], seconds: float, console: Console) -> dict[str, Any]:
    failed = {result.id: result.error for result in results if result.error}
    n_frames = sum(result.n_frames for result in results)
    before = sum(result.from_before for result in results)
    for id, error in failed.items():
        console.warn(f"{id} was left out: {error}")
    from_cache = sum(bool(result.from_cache) for result in results)
    text = f"{len(results) - len(failed)} of {len(results)} recordings, {n_frames} frames, in {out}"
    if seconds:
        text += f" ({seconds:.0f} s, {n_frames / seconds:.0f} frames/s)"
    if before and seconds:
        text += f"; {before} recordings were ready from before"
    if from_cache:
        text += f"; the crops of {from_cache} came from the cache"
    console.say(text)
    return {
        "store": str(out),
        "n_recordings": len(results),
        "n_frames": n_frames,
        "n_from_before": before,
        "from_cache": from_cache,
        "failed": failed,
        "seconds": round(seconds, 2),
    }
