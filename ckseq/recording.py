"""A recording: one sequence of frames of one face, who it shows, in which session, and where its frames are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ImageFiles:
    """Frames that are image files, in the order in which they were recorded."""

    paths: tuple[Path, ...]


@dataclass(frozen=True)
class ArchiveMembers:
    """Frames that are image files inside a zip archive, in the order in which they were recorded."""

    archive: Path
    members: tuple[str, ...]


@dataclass(frozen=True)
class VideoFile:
    """Frames that are those of a video file."""

    path: Path


Frames = ImageFiles | ArchiveMembers | VideoFile


@dataclass(frozen=True)
class Recording:
    """One sequence.

    Parameters
    ----------
    id : str
        Unique in its data set, made of letters, digits and ``_ - .`` (``S005_001``).
    subject, session : str
        Who it shows, and in which session.
    label : str or None
        The class; None where nobody gave one.
    frames : Frames
        Where its frames are; no pixel has been read.
    """

    id: str
    subject: str
    session: str
    label: str | None
    frames: Frames

    @property
    def n_frames(self) -> int | None:
        """The number of frames, or None where only decoding a video would tell."""
        match self.frames:
            case ImageFiles(paths):
                return len(paths)
            case ArchiveMembers(_, members):
                return len(members)
            case VideoFile():
                return None


@dataclass(frozen=True)
class Problem:
    """Something odd in a data set: what, where, and its mend (what to do, or what ckseq does about it)."""

    what: str
    where: str
    mend: str
