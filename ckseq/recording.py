"""A recording: one sequence of frames of one face, who it shows, in which session, and where its frames are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


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


@dataclass(frozen=True)
class PixelRow:
    """One gray frame, written as numbers between blanks in a text file, as FER2013's CSV holds it.

    The numbers are the ``length`` bytes from byte ``offset`` on, row by row of a square of ``side_px`` pixels.
    """

    path: Path
    offset: int
    length: int
    side_px: int


Frames = ImageFiles | ArchiveMembers | VideoFile | PixelRow

Part = Literal["train", "validation", "test"]
"""What the makers of a data set meant a recording for."""


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
    part : str or None
        ``train``, ``validation`` or ``test`` where the data set itself is divided so.
    """

    id: str
    subject: str
    session: str
    label: str | None
    frames: Frames
    part: Part | None = None

    @property
    def n_frames(self) -> int | None:
        """The number of frames, or None where only decoding a video would tell."""
        match self.frames:
            case ImageFiles(paths):
                return len(paths)
            case ArchiveMembers(_, members):
                return len(members)
            case PixelRow():
                return 1
            case VideoFile():
                return None


@dataclass(frozen=True)
class Problem:
    """Something odd in a data set: what, where, and its mend (what to do, or what ckseq does about it).

    What ``matters`` to whoever reads a result is kept in the store as a note. ``left_out`` counts the recordings that
    cannot be used because of it; ``--strict`` refuses such data.
    """

    what: str
    where: str
    mend: str
    matters: bool = False
    left_out: int = 0
