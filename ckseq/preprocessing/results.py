"""What became of each recording, and what its frames show that a reader of any result has to know."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ckseq.errors import CkseqError
from ckseq.recording import ArchiveMembers, ImageFiles, ImagesInMemory, Recording, VideoFile
from ckseq.storage.frames import read_headers
from ckseq.storage.video import Video
from ckseq.tracking.quality import Doubt, Quality, doubts

_NAMED = 5


class Result(NamedTuple):
    """What became of one recording; ``error`` is empty where it was prepared.

    ``content`` is the digest of its frames without their names, empty where they were not read; ``note`` is what is odd
    about their number or size; ``quality`` is None for single images.
    """

    id: str
    digest: str
    n_frames: int
    error: str
    from_before: bool
    from_cache: tuple[str, ...] = ()
    content: str = ""
    note: str = ""
    quality: Quality | None = None


def size_note(recording: Recording, n_frames: int) -> str:
    """Return what is odd about the number or the size of a recording's frames; empty where nothing is.

    Parameters
    ----------
    recording : Recording
    n_frames : int
        How many frames were read; a video announces how many it has.
    """
    frames = recording.frames
    try:
        if isinstance(frames, VideoFile):
            return "fewer frames than the video announces" if n_frames < Video(frames.path).n_announced else ""
        if isinstance(frames, ImageFiles | ArchiveMembers | ImagesInMemory) and recording.n_frames != 1:
            sizes = {header[:2] for header in read_headers(frames) if header is not None}
            return "frames of different sizes" if len(sizes) > 1 else ""
    except (CkseqError, OSError):  # a recording that failed says so itself
        pass
    return ""


def data_notes(recordings: Sequence[Recording], results: Sequence[Result]) -> list[str]:
    """Return a line for each kind of oddity, with the recordings of which it is true."""
    found: dict[str, list[str]] = defaultdict(list)
    for result in results:
        if result.note and not result.error:
            found[result.note].append(result.id)
    notes = [f"{note} in {_count(ids)}: {named(ids)}" for note, ids in sorted(found.items())]
    return notes + _contradictions(recordings, results)


def doubtful(results: Iterable[Result]) -> dict[str, list[Doubt]]:
    """Return why sequences are doubtful, by id; those that are not are left out."""
    found = {one.id: doubts(one.quality) for one in results if one.quality is not None and not one.error}
    return {id: reasons for id, reasons in found.items() if reasons}


def dropped_line(results: Iterable[Result]) -> str:
    """Return one line on the sequences that begin without a face; empty where there are none."""
    ids = [one.id for one in results if one.quality is not None and one.quality.n_dropped]
    return f"the frames before the first face were dropped in {_count(ids)}: {named(ids)}" if ids else ""


def doubt_line(found: Mapping[str, Sequence[Doubt]], *, n: int) -> str:
    """Return one line on the doubtful ones of n recordings."""
    reasons = (f"{id} ({'; '.join(doubt.what for doubt in doubts)})" for id, doubts in found.items())
    are = "1 is" if len(found) == 1 else f"{len(found)} are"
    return f"of {n} recordings {are} doubtful: {named(reasons)}; reports list them with what to do"


def _contradictions(recordings: Sequence[Recording], results: Sequence[Result]) -> list[str]:
    """Return a note on the recordings that hold the same frames under different labels."""
    contents = {result.id: result.content for result in results if result.content}
    alike: dict[str, list[Recording]] = defaultdict(list)
    for recording in recordings:
        if recording.label is not None and recording.id in contents:
            alike[contents[recording.id]].append(recording)
    doubled = [same for same in alike.values() if len({one.label for one in same}) > 1]
    if not doubled:
        return []
    pairs = [" and ".join(f"{one.id} ({one.label})" for one in same) for same in doubled]
    return [f"the same frames under different labels: {named(pairs)}"]


def named(items: Iterable[str]) -> str:
    """Return the first few of some names, and how many more there are."""
    items = list(items)
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more


def _count(items: Sequence[str]) -> str:
    return f"{len(items)} recording{'s' if len(items) > 1 else ''}"
