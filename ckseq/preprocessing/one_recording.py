"""One recording prepared: its stages, its digests, and its part."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2

from ckseq.config import digest
from ckseq.errors import CkseqError, DataError, readable
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.preprocessing.results import Result, size_note
from ckseq.preprocessing.stages import CHANGED, PREPARE_AGAIN, STAGE_VERSION, run_stages
from ckseq.recording import Recording
from ckseq.storage.cache import Cache, StageCache
from ckseq.storage.frames import fingerprints, in_memory, stamps
from ckseq.storage.landmark_files import landmarks_fingerprint, read_points
from ckseq.storage.store_writer import Prepared, read_part, write_part
from ckseq.tracking.quality import measure_quality

# of a part, for whoever gathers parts without reading any frames
CONTENT, NOTE = "content", "note"
_PICTURES = ("faces", "mean_face", "film_strip")
BAD_FRAMES = (CkseqError, OSError, ValueError, ArithmeticError, RuntimeError, MemoryError, cv2.error)
"""Errors of ckseq and of the libraries that read frames: the recording failed, and the others are prepared."""


def prepare_one(
    recording: Recording,
    recipe: Pipeline,
    parts: Path,
    source_digest: str | None = None,
    cache: Cache | None = None,
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
    note = size_note(recording, prepared.n_frames)
    write_part(parts, prepared, packed=not passing, remarks={CONTENT: content, NOTE: note})
    served = () if kept is None else tuple(sorted(kept.served))
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
