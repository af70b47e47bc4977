"""A recording: one sequence of frames of one face, with its subject, session, label and frame files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ckseq.errors import readable
from ckseq.facs import ActionUnit


class ImageFiles:
    """Frames as image files, in temporal order.

    It keeps a folder and names rather than a path for each frame, which would take ten times the memory.

    >>> ImageFiles((Path("a/1.png"), Path("a/2.png"))).paths[1].as_posix()
    'a/2.png'
    """

    __slots__ = ("_folder", "_names")
    __match_args__ = ("paths",)

    def __init__(self, paths: Path | str | Iterable[Path | str]) -> None:
        files = tuple(Path(path) for path in ([paths] if isinstance(paths, str | Path) else paths))
        folders = {path.parent for path in files}
        self._folder = str(folders.pop()) if len(folders) == 1 else None
        # no name holds a zero
        self._names = "\0".join(str(path) if self._folder is None else path.name for path in files)

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        names, folder = self._names.split("\0") if self._names else [], Path(self._folder or "")
        return tuple(folder / name for name in names)

    @property
    def n(self) -> int:
        """The number of files."""
        return self._names.count("\0") + 1 if self._names else 0

    def __eq__(self, other: object) -> bool:
        """Whether the files are the same."""
        return isinstance(other, ImageFiles) and (self._folder, self._names) == (other._folder, other._names)

    def __hash__(self) -> int:
        """As of equal files."""
        return hash((self._folder, self._names))

    def __repr__(self) -> str:
        return f"ImageFiles({self.paths!r})"


@dataclass(frozen=True)
class ArchiveMembers:
    """Frames as image files inside a zip archive, in temporal order."""

    archive: Path
    members: tuple[str, ...]


@dataclass(frozen=True)
class VideoFile:
    """The frames of a video file.

    Examples
    --------
    >>> ckseq.VideoFile(Path("clips/a.mp4")).path.name
    'a.mp4'
    """

    path: Path


@dataclass(frozen=True)
class PixelRow:
    """One gray frame, written as numbers separated by blanks in a text file, as in FER2013's CSV.

    The numbers are in ``length`` bytes from byte ``offset``, row by row, of a square of ``side_px`` pixels.
    """

    path: Path
    offset: int
    length: int
    side_px: int


@dataclass(frozen=True)
class ImagesInMemory:
    """Frames as the bytes of image files, in temporal order, with the files' names, ``/`` before their last part."""

    names: tuple[str, ...]
    contents: tuple[bytes, ...]


ABOUT = "ABOUT.txt"
"""The file in a data set whose first line says what it is, such as that it is synthetic."""

Frames = ImageFiles | ArchiveMembers | ImagesInMemory | VideoFile | PixelRow


@dataclass(frozen=True)
class LandmarkFiles:
    """The landmarks that a data set has of a recording: text files in the order of the frames that have one.

    ``missing`` are the names of the frames without.
    """

    files: ImageFiles | ArchiveMembers | ImagesInMemory
    missing: tuple[str, ...] = ()


Origin = Literal["ckplus", "ckplus_layout", "synthetic", "recorded", "other"]
"""Whose faces a data set shows: those of CK+, drawn ones, those of people recorded with ckseq, or others.

``ckplus_layout`` is laid out or named as CK+ and does not hold all that CK+ has: it may be a part of it, or not.
"""


def subject_known(subject: str, id: str) -> bool:
    """Return whether the subject of a recording is known: where not, its subject is its own id."""
    return subject != id


def known_subjects(subjects_and_ids: Iterable[tuple[str, str]]) -> list[str] | None:
    """Return the subjects of recordings, None where that of any is unknown.

    >>> known_subjects([("S1", "S1_001"), ("S1", "S1_002")]), known_subjects([("a.png", "a.png")])
    (['S1', 'S1'], None)
    """
    pairs = list(subjects_and_ids)
    return [subject for subject, _ in pairs] if all(subject_known(*pair) for pair in pairs) else None


Part = Literal["train", "validation", "test"]
"""The part of the data set's published split."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One sequence.

    Parameters
    ----------
    id : str
        Unique in its data set, made of letters, digits and ``_ - .`` (``S005_001``).
    subject, session : str
        The subject it shows, the recording's own id where that is unknown, and the session.
    label : str or None
        The class; None where it has no label.
    frames : Frames
        Where its frames are; no pixels are read.
    part : str or None
        ``train``, ``validation`` or ``test`` where the data set publishes a split.
    neutral : bool
        Whether the data set names it as its subject's neutral face, with which others may be compared.
    landmarks : LandmarkFiles, optional
        The data set's own landmarks, where it has some.
    action_units : tuple of ActionUnit or None
        Its FACS codes, by number; None where it was not coded.

    Examples
    --------
    >>> frames = ckseq.ImageFiles(Path("clips/anna_1").joinpath(f"{number}.png") for number in range(1, 4))
    >>> recording = ckseq.Recording("anna_1", "anna", "1", "happiness", frames)
    >>> recording.n_frames, recording.label
    (3, 'happiness')
    """

    id: str
    subject: str
    session: str
    label: str | None
    frames: Frames
    part: Part | None = None
    neutral: bool = False
    landmarks: LandmarkFiles | None = None
    action_units: tuple[ActionUnit, ...] | None = None

    @property
    def n_frames(self) -> int | None:
        """The number of frames, or None for a video, where only decoding tells."""
        match self.frames:
            case ImageFiles():
                return self.frames.n
            case ArchiveMembers(_, members):
                return len(members)
            case ImagesInMemory(names):
                return len(names)
            case PixelRow():
                return 1
            case VideoFile():
                return None


@dataclass(frozen=True)
class Problem:
    """A problem of a data set: what, where, and its remedy: what to do, or what ckseq does about it.

    A problem that ``matters`` for the interpretation of results is stored as a note. ``left_out`` counts the recordings
    that cannot be used because of it; ``--strict`` refuses such data.

    Examples
    --------
    >>> ckseq.Problem("the video has no frames", "clips/a.mp4", "it is left out", left_out=1).remedy
    'it is left out'
    """

    what: str
    where: str
    remedy: str
    matters: bool = False
    left_out: int = 0

    def __post_init__(self) -> None:
        for name in ("what", "where"):
            object.__setattr__(self, name, readable(getattr(self, name)))
