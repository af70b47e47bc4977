"""From recordings to a store: all cores, bounded memory, and nothing done twice."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import CallError, CkseqError, DataError, readable
from ckseq.executors.shared_folder import SharedFolder, shared
from ckseq.executors.work import Done, Executor, Outcome, Unit
from ckseq.grammar import counted
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.results import Result, data_notes, size_note
from ckseq.preprocessing.stages import CHANGED, PREPARE_AGAIN, STAGE_VERSION, run_stages
from ckseq.recording import ImagesInMemory, Origin, Recording, VideoFile
from ckseq.storage.cache import StageCache
from ckseq.storage.files import remove_temporaries, write_bytes
from ckseq.storage.frames import exist, fingerprints, in_memory, stamps
from ckseq.storage.landmark_files import landmarks_fingerprint, read_points
from ckseq.storage.lock import lock_file, locked
from ckseq.storage.store_writer import Prepared, assemble, part_path, read_part, remove_parts, write_part
from ckseq.storage.video import Video
from ckseq.storage.work_log import WorkLog, no_log
from ckseq.tracking.quality import measure_quality

# of a part, for whoever gathers parts without reading any frames
CONTENT, NOTE = "content", "note"
_PICTURES = ("faces", "mean_face", "film_strip")
BAD_FRAMES = (CkseqError, OSError, ValueError, ArithmeticError, RuntimeError, MemoryError, cv2.error)
"""Errors of ckseq and of the libraries that read frames: the recording failed, and the others are prepared."""


class How(NamedTuple):
    """How recordings are prepared, see `prepare_all`, and the folder that their parts are written to."""

    recipe: Pipeline
    parts: Path
    cache: Path | None = None
    passing: bool = False


def prepare_all(
    recordings: Sequence[Recording],
    recipe: Pipeline,
    out: Path,
    *,
    notes: list[str],
    origin: Origin | None = None,
    source_digests: Mapping[str, str] | None = None,
    cache: Path | None = None,
    passing: bool = False,
    executor: Executor,
    log: WorkLog = no_log,
    console: Console,
) -> list[Result]:
    """Prepare recordings and write the store of them; the same bytes whatever the executor.

    Parameters
    ----------
    recordings : sequence of Recording
    recipe : Pipeline
    out : Path
        The store.
    notes : list of str
        What a reader of any result should know of the data; those of `data_notes` are added.
    origin : str, optional
        Whose faces they are, as `ckseq.preprocessing.data_set.origin_of` tells.
    source_digests : mapping, optional
        The digest of each recording's frames by id, where they are known; they are read for it otherwise.
    cache : Path, optional
        A folder of stage results to use and to add to.
    passing : bool
        The store is temporary: it has no faces to look at, and nothing in it is compressed.
    executor : Executor
        Where recordings are prepared.
    log : callable
        Is told what became of each recording.
    console : Console

    Raises
    ------
    CallError
        The folder of ``out`` cannot be made.
    DataError
        Every recording failed, or the store cannot be written.
    """
    parts = parts_of(out)
    with locked(out):
        remove_temporaries(out.parent, out.name)
        make_parts(parts)
        how = How(recipe, parts, cache, passing)
        results = prepare_each(recordings, how, source_digests or {}, executor, log, console)
        assemble_all(recordings, results, recipe, out, notes=notes, origin=origin)
    return results


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
    results: Sequence[Result],
    recipe: Pipeline,
    out: Path,
    *,
    notes: list[str],
    origin: Origin | None,
) -> None:
    """Assemble the store from the parts of all recordings, and remove the parts; the store is locked.

    Raises
    ------
    DataError
        Every recording failed, or the store cannot be written.
    """
    if all(result.error for result in results):
        raise DataError(f"none of {len(results)} recordings could be prepared; the first: {results[0].error}")
    parts = parts_of(out)
    assemble(
        parts,
        {result.id: result.digest for result in results},
        out,
        pipeline=recipe.model_dump(mode="json"),
        digest=digest(recipe, [result.digest for result in results]),
        notes=[*notes, *data_notes(recordings, results)],
        origin=origin,
    )
    remove_parts(parts)


def parts_of(out: Path) -> Path:
    """Return the folder of the parts of a store."""
    return out.with_name(f"{out.name}.parts")


def remove_leftovers(out: Path) -> None:
    """Remove what a process left that was killed after it had written the store; one that is at work keeps its own."""
    if lock_file(out).exists() or parts_of(out).exists():
        with suppress(CallError), locked(out):
            remove_temporaries(out.parent, out.name)
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


def prepare_one(
    recording: Recording,
    recipe: Pipeline,
    parts: Path,
    source_digest: str | None = None,
    cache: Path | None = None,
    passing: bool = False,
) -> Result:
    """Prepare one recording and write its part, unless there is one of the same digest already.

    Whatever is wrong with the recording is stored as its error; only a part that cannot be written stops the work.
    """
    cv2.setNumThreads(1)  # the parallelism is over recordings
    on_disk, before_reading = recording, _stamps(recording)
    # each file is read once, for its digest, its size and its pixels
    recording = replace(recording, frames=in_memory(recording.frames))
    content = ""
    if source_digest is None:
        source_digest, content = source_digests_of(recording)
    own_digest, source_digest = digest_of(recording, recipe, source_digest)
    kept = None if cache is None else StageCache(cache)
    before = read_part(parts, recording.id)
    if before is not None and before.digest == own_digest:
        note = size_note(recording, before.n_frames)
        error = before.error or ""
        return Result(recording.id, own_digest, before.n_frames, error, True, (), content, note, before.quality)
    try:
        # with a cache the digest is compared as well, so that it keeps nothing under the name of something else
        known = "" if kept is None else source_digest
        points = read_points(recording.landmarks) if recipe.landmarks.kind == "ckplus" else None
        arrays, faces = run_stages(recording.frames, recipe, source_digest=known, cache=kept, landmarks=points)
        if _stamps(on_disk) != before_reading:
            raise DataError(CHANGED, fix=PREPARE_AGAIN)
        n_frames = len(faces.crops) + faces.n_dropped
        if passing:
            arrays = {name: array for name, array in arrays.items() if name not in _PICTURES}
        quality = measure_quality(faces, arrays.get("projections")) if n_frames > 1 else None
        n_dropped = faces.n_dropped
        prepared = Prepared(recording, own_digest, source_digest, n_frames, n_dropped, arrays, quality=quality)
    except BAD_FRAMES as error:
        what = readable(str(error)).partition("\n")[0] or type(error).__name__
        prepared = Prepared(recording, own_digest, source_digest, recording.n_frames or 0, error=what)
    note = size_note(recording, prepared.n_frames)
    write_part(parts, prepared, packed=not passing, remarks={CONTENT: content, NOTE: note})
    served = () if kept is None else tuple(sorted(kept.served))
    what, n_frames, quality = prepared.error or "", prepared.n_frames, prepared.quality
    return Result(recording.id, own_digest, n_frames, what, False, served, content, note, quality)


def _stamps(recording: Recording) -> list[tuple[int, int, int]]:
    try:
        return stamps(recording.frames)
    except DataError:
        return []  # what cannot be read says so when it is


def source_digest_of(recording: Recording) -> str:
    """Return the digest of a recording's frames; ``unreadable`` where they cannot be read."""
    return source_digests_of(recording)[0]


def source_digests_of(recording: Recording) -> tuple[str, str]:
    """Return the digest of a recording's frames, and that of their bytes without their names; as `source_digest_of`."""
    try:
        return fingerprints(recording.frames)
    except BAD_FRAMES:
        return "unreadable", ""


def digest_of(recording: Recording, recipe: Pipeline, source_digest: str | None = None) -> tuple[str, str]:
    """Return the digest of what becomes of a recording, and that of its source."""
    source_digest = source_digest or source_digest_of(recording)
    who: list[Any] = [recording.id, recording.subject, recording.session, recording.label, recording.part]
    who += ["neutral"] if recording.neutral else []
    who += [] if recording.action_units is None else [["action_units", *map(list, recording.action_units)]]
    if recipe.landmarks.kind == "ckplus":
        try:
            who.append(landmarks_fingerprint(recording.landmarks))
        except BAD_FRAMES:
            who.append("unreadable")
    return digest(STAGE_VERSION, recipe, who, source_digest), source_digest
