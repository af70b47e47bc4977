"""What became of a recording, and what its frames show that a reader of any result has to know."""

from __future__ import annotations

from typing import NamedTuple

from ckseq.errors import CkseqError
from ckseq.recording import ArchiveMembers, ImageFiles, ImagesInMemory, Recording, VideoFile
from ckseq.storage.frames import read_headers
from ckseq.storage.video import Video
from ckseq.tracking.quality import Quality


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
