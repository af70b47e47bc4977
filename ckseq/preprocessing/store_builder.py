"""From recordings to a store: all cores, bounded memory, and nothing done twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import CallError, CkseqError, DataError, readable
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.results import Result, data_notes, size_note
from ckseq.preprocessing.stages import CHANGED, PREPARE_AGAIN, STAGE_VERSION, run_stages
from ckseq.recording import Origin, Recording, VideoFile
from ckseq.storage.cache import StageCache
from ckseq.storage.files import remove_temporaries
from ckseq.storage.frames import fingerprints, in_memory, stamps
from ckseq.storage.landmark_files import landmarks_fingerprint, read_points
from ckseq.storage.lock import lock_file, locked
from ckseq.storage.store_writer import Prepared, assemble, read_part, remove_parts, write_part
from ckseq.storage.video import Video
from ckseq.tracking.quality import measure_quality
from ckseq.workers import spread

_PICTURES = ("faces", "mean_face", "film_strip")
BAD_FRAMES = (CkseqError, OSError, ValueError, ArithmeticError, RuntimeError, MemoryError, cv2.error)
"""Errors of ckseq and of the libraries that read frames: the recording failed, and the others are prepared."""


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
        What a reader of any result should know of the data; those of `data_notes` are added.
    origin : str, optional
        Whose faces they are, as `ckseq.preprocessing.data_set.origin_of` tells.
    source_digests : mapping, optional
        The digest of each recording's frames by id, where they are known; they are read for it otherwise.
    cache : Path, optional
        A folder of stage results to use and to add to.
    passing : bool
        The store is temporary: it has no faces to look at, and nothing in it is compressed.
    jobs : int
    console : Console

    Raises
    ------
    CallError
        The folder of ``out`` cannot be made.
    DataError
        Every recording failed, or the store cannot be written.
    """
    parts = _parts_of(out)
    with locked(out):
        remove_temporaries(out.parent, out.name)
        try:
            parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CallError(f"cannot be made ({error.strerror})", parts, "choose another --out") from None
        results = _prepare_each(recordings, recipe, parts, source_digests or {}, cache, passing, jobs, console)
        if all(result.error for result in results):
            raise DataError(f"none of {len(results)} recordings could be prepared; the first: {results[0].error}")
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
    return results


def _parts_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.parts")


def remove_leftovers(out: Path) -> None:
    """Remove what a process left that was killed after it had written the store; one that is at work keeps its own."""
    if lock_file(out).exists() or _parts_of(out).exists():
        with suppress(CallError), locked(out):
            remove_temporaries(out.parent, out.name)
            if _parts_of(out).is_dir():
                remove_parts(_parts_of(out))


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
    expected = {recording.id: _n_frames_announced(recording) for recording in recordings}
    in_frames = all(expected.values())
    results: dict[str, Result] = {}
    with console.progress(*(("frames", sum(expected.values())) if in_frames else ("clips", len(recordings)))) as bar:
        # the longest first, so that no core is left with a long one at the end
        in_turn = sorted(recordings, key=lambda recording: -expected[recording.id])
        calls = ((one, recipe, parts, source_digests.get(one.id), cache, passing) for one in in_turn)
        for result in spread(prepare_one, calls, n_workers=jobs, in_order=False):
            results[result.id] = result
            bar.advance(expected[result.id] if in_frames else 1, text=result.id)
    return [results[recording.id] for recording in recordings]


def _n_frames_announced(recording: Recording) -> int:
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
        n_frames = recording.n_frames or 0
        prepared = Prepared(recording, own_digest, source_digest, n_frames, error=reason_of(error))
    write_part(parts, prepared, packed=not passing)
    served = () if kept is None else tuple(sorted(kept.served))
    note = size_note(recording, prepared.n_frames)
    what, n_frames, quality = prepared.error or "", prepared.n_frames, prepared.quality
    return Result(recording.id, own_digest, n_frames, what, False, served, content, note, quality)


def reason_of(error: Exception) -> str:
    """Return why a recording failed, as one line."""
    return readable(str(error)).partition("\n")[0] or type(error).__name__


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
