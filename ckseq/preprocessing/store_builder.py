"""From recordings to a store: all cores, bounded memory, and nothing done twice."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.executors.shared_folder import SharedFolder, shared
from ckseq.executors.work import Done, Executor, Outcome, Unit
from ckseq.grammar import counted
from ckseq.preprocessing.one_recording import BAD_FRAMES, digest_of, prepare_one
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.results import Result
from ckseq.preprocessing.tally import Tally
from ckseq.recording import ImagesInMemory, Origin, Recording, VideoFile
from ckseq.storage.cache import Cache
from ckseq.storage.files import remove_temporaries, write_bytes
from ckseq.storage.frames import exist, in_memory
from ckseq.storage.lock import lock_file, locked
from ckseq.storage.store_growth import Growing, remove_strange
from ckseq.storage.store_shards import folder_of
from ckseq.storage.store_writer import (
    Prepared,
    assemble,
    part_path,
    remove_parts,
    remove_some_parts,
    write_part,
)
from ckseq.storage.video import Video
from ckseq.storage.work_log import WorkLog, no_log


class How(NamedTuple):
    """How recordings are prepared, see `prepare_all`, and the folder that their parts are written to."""

    recipe: Pipeline
    parts: Path
    cache: Cache | None = None
    passing: bool = False


def prepare_all(
    recordings: Sequence[Recording],
    recipe: Pipeline,
    out: Path,
    *,
    notes: list[str],
    origin: Origin | None = None,
    source_digests: Mapping[str, str] | None = None,
    cache: Cache | None = None,
    passing: bool = False,
    per_file: int | None = None,
    append_to: str | None = None,
    executor: Executor,
    log: WorkLog = no_log,
    console: Console,
) -> Tally:
    """Prepare recordings and write the store of them, or add them to it; the same bytes whatever the executor.

    More than fit into a file become many files with an index, each written and its parts removed before the next one is
    begun; what was interrupted goes on after the last of them.

    Parameters
    ----------
    recordings : sequence of Recording
    recipe : Pipeline
    out : Path
        The store.
    notes : list of str
        What a reader of any result should know of the data; those of `Tally.notes` are added.
    origin : str, optional
        Whose faces they are, as `ckseq.preprocessing.data_set.origin_of` tells.
    source_digests : mapping, optional
        The digest of each recording's frames by id, where they are known; they are read for it otherwise.
    cache : Cache, optional
        A folder of stage results to use and to add to.
    passing : bool
        The store is temporary: it has no faces to look at, and nothing in it is compressed.
    per_file : int, optional
        The most recordings in a file; None is any number.
    append_to : str, optional
        The digest of the store at ``out``, whose recordings, which are others, are kept.
    executor : Executor
        Where recordings are prepared.
    log : callable
        Is told what became of each recording.
    console : Console

    Raises
    ------
    CallError
        The folder of ``out`` cannot be made, or the store there cannot be appended to.
    DataError
        Every recording failed, or the store cannot be written.
    """
    how, n_begun = How(recipe, parts_of(out), cache, passing), 0

    def prepare(batch: Sequence[Recording]) -> list[Result]:
        nonlocal n_begun
        if len(batch) < len(recordings):
            console.say(f"recordings {n_begun + 1} to {n_begun + len(batch)} of {len(recordings)}")
        n_begun += len(batch)
        return prepare_each(batch, how, source_digests or {}, executor, log, console)

    with locked(out):
        remove_temporaries(out.parent, out.name)
        make_parts(how.parts)
        return assemble_all(
            recordings, prepare, recipe, out, notes=notes, origin=origin, per_file=per_file, append_to=append_to
        )


def make_parts(parts: Path) -> None:
    """Make the folder of parts.

    Raises
    ------
    CallError
        It cannot be made.
    """
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CallError(f"cannot be made ({error.strerror})", parts, "choose another --out") from None


def assemble_all(
    recordings: Sequence[Recording],
    prepare: Callable[[Sequence[Recording]], Sequence[Result]],
    recipe: Pipeline,
    out: Path,
    *,
    notes: list[str],
    origin: Origin | None,
    per_file: int | None,
    append_to: str | None = None,
    gathered: bool = False,
) -> Tally:
    """Assemble the store from parts that ``prepare`` makes for some recordings at a time; the store is locked.

    Parts that are ``gathered`` stay until the store is complete.

    Raises
    ------
    CallError
        The store there cannot be appended to.
    DataError
        Every recording failed, or the store cannot be written.
    """
    parts, tally = parts_of(out), Tally()

    def digests_of(batch: Sequence[Recording]) -> dict[str, str]:
        results = prepare(batch)
        tally.add(results, batch)
        return {result.id: result.digest for result in results}

    if append_to is not None or (per_file is not None and len(recordings) > per_file):
        growing, size = Growing(out, recipe, append_to=append_to), per_file or len(recordings)
        for start in range(0, len(recordings), size):
            batch = recordings[start : start + size]
            ids = [one.id for one in batch]
            if not gathered:
                growing.bring_back(ids, parts)
            growing.add(parts, digests_of(batch))
            if not gathered:
                remove_some_parts(parts, ids)
        _check_any(tally)
        growing.commit(notes=[*notes, *tally.notes(recordings)], origin=origin)
    else:
        digests = digests_of(recordings)
        _check_any(tally)
        assemble(
            parts,
            digests,
            out,
            pipeline=recipe.model_dump(mode="json"),
            digest=digest(recipe, list(digests.values())),
            notes=[*notes, *tally.notes(recordings)],
            origin=origin,
        )
        remove_strange(out)
    remove_parts(parts)
    return tally


def _check_any(tally: Tally) -> None:
    if len(tally.failed) == tally.n:
        first = next(iter(tally.failed.values()))
        raise DataError(f"none of {tally.n} recordings could be prepared; the first: {first}")


def parts_of(out: Path) -> Path:
    """Return the folder of the parts of a store."""
    return out.with_name(f"{out.name}.parts")


def remove_leftovers(out: Path) -> None:
    """Remove what a process left that was killed after it had written the store; one that is at work keeps its own."""
    if lock_file(out).exists() or parts_of(out).exists() or folder_of(out).exists():
        with suppress(CallError), locked(out):
            remove_temporaries(out.parent, out.name)
            remove_strange(out)
            if parts_of(out).is_dir():
                remove_parts(parts_of(out))


def prepare_each(
    recordings: Sequence[Recording],
    how: How,
    source_digests: Mapping[str, str],
    executor: Executor,
    log: WorkLog,
    console: Console,
) -> list[Result]:
    """Write the part of each recording, the longest first, and return what became of each, in their own order."""
    expected = {recording.id: n_frames_announced(recording) for recording in recordings}
    in_frames = all(expected.values())
    # so that no core is left with a long one at the end
    in_turn = sorted(recordings, key=lambda recording: -expected[recording.id])
    results: dict[str, Result] = {}
    n_failed = 0
    with console.progress(*(("frames", sum(expected.values())) if in_frames else ("clips", len(recordings)))) as bar:
        for outcome in _outcomes(in_turn, how, source_digests, executor):
            result, done = outcome
            results[result.id] = result
            n_failed += bool(result.error)
            text = f"{counted(executor.n_workers, 'worker')}, {n_failed} failed  {result.id}"
            bar.advance(expected[result.id] if in_frames else 1, text=text)
            state = "failed" if result.error else "from before" if result.from_before else "prepared"
            worker, seconds = ("", 0.0) if done is None else (done.worker, done.seconds)
            log(result.id, worker=worker, seconds=seconds, state=state, frames=result.n_frames, error=result.error)
    return [results[recording.id] for recording in recordings]


def _outcomes(
    recordings: Sequence[Recording], how: How, source_digests: Mapping[str, str], executor: Executor
) -> Iterator[tuple[Result, Done[Any] | None]]:
    """Prepare recordings where an executor says, and what workers cannot see there with what is sent to them."""
    by_id = {recording.id: recording for recording in recordings}

    def ended(outcome: Outcome[Any], result: Result | None) -> tuple[Result, Done[Any] | None]:
        if result is None:
            result = _crashed(by_id[outcome.name], how, outcome.error)
        return result, outcome.done

    units = (Unit(one.id, (one, how, source_digests.get(one.id))) for one in recordings)
    if not executor.remote:
        for outcome in executor.run(_prepare_here, units):
            yield ended(outcome, outcome.done and outcome.done.value)
        return
    unseen: list[Recording] = []
    with shared(how.parts) as folder:
        there = (Unit(name, (folder, *arguments)) for name, arguments in units)
        for away in executor.run(_prepare_shared, there):
            if away.done is not None and away.done.value is None:
                unseen.append(by_id[away.name])
            else:
                yield ended(away, away.done and away.done.value)
    for sent in executor.run(_prepare_sent, (_packed(one, how, source_digests.get(one.id)) for one in unseen)):
        if sent.done is not None:
            write_bytes(part_path(how.parts, sent.name), sent.done.value[1])
        yield ended(sent, sent.done and sent.done.value[0])


def _prepare_here(recording: Recording, how: How, source_digest: str | None) -> Result:
    return prepare_one(recording, how.recipe, how.parts, source_digest, how.cache, how.passing)


def _prepare_shared(folder: SharedFolder, recording: Recording, how: How, source_digest: str | None) -> Result | None:
    """Prepare a recording on a worker that sees its frames and the folder of parts; return None on another one."""
    with folder.entered() as here:
        if not here or not exist(recording.frames):
            return None
        return _prepare_here(recording, how._replace(parts=folder.path), source_digest)


def _packed(recording: Recording, how: How, source_digest: str | None) -> Unit:
    """Return the work on a recording with all that it needs: its frames, and the part that there may be already."""
    frames, landmarks = in_memory(recording.frames), recording.landmarks
    if exist(frames) and not isinstance(frames, ImagesInMemory):
        what = f"workers do not see the file of {recording.id}, which is too large to be sent"
        raise DataError(what, fix="put the data on a path that all machines have")
    if landmarks is not None:
        files = in_memory(landmarks.files)
        landmarks = replace(landmarks, files=files if isinstance(files, ImagesInMemory) else landmarks.files)
    path = part_path(how.parts, recording.id)
    held = path.read_bytes() if path.is_file() else b""
    return Unit(recording.id, (replace(recording, frames=frames, landmarks=landmarks), how, source_digest, held))


def _prepare_sent(recording: Recording, how: How, source_digest: str | None, held: bytes) -> tuple[Result, bytes]:
    """Prepare a recording on a worker that shares no disk; also return the bytes of its part."""
    with tempfile.TemporaryDirectory(prefix="ckseq-part-") as scratch:
        path = part_path(Path(scratch), recording.id)
        if held:
            path.write_bytes(held)
        result = _prepare_here(recording, how._replace(parts=Path(scratch), cache=None), source_digest)
        return result, path.read_bytes()


def _crashed(recording: Recording, how: How, what: str) -> Result:
    """Write the part of a recording that no worker survived."""
    own_digest, source_digest = digest_of(recording, how.recipe)
    n_frames = recording.n_frames or 0
    write_part(how.parts, Prepared(recording, own_digest, source_digest, n_frames, error=what))
    return Result(recording.id, own_digest, n_frames, what, False)


def n_frames_announced(recording: Recording) -> int:
    """Return the number of frames; that of a video as its header says, 0 where it does not."""
    if not isinstance(recording.frames, VideoFile):
        return recording.n_frames or 0
    try:
        return Video(recording.frames.path).n_announced
    except BAD_FRAMES:
        return 0
