"""Which files are frames and in which order; the checks that all sources share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ckseq.errors import DataError, readable
from ckseq.recording import ArchiveMembers, ImageFiles, Problem, Recording

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".mp4", ".m4v", ".mpg", ".mpeg", ".avi", ".mov", ".mkv", ".webm", ".wmv"})
_SYSTEM_FILES = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})


def is_system_file(path: str) -> bool:
    """Return whether a path is a metadata file of macOS or Windows.

    >>> is_system_file("S005/.DS_Store"), is_system_file("__MACOSX/S005/._a.png"), is_system_file("S005/001/a.png")
    (True, True, False)
    """
    return any(part.startswith("._") or part.lower() in _SYSTEM_FILES for part in path.split("/"))


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image."""
    return PurePosixPath(name).suffix.lower() in IMAGES


def is_video(name: str) -> bool:
    """Return whether a file's name is that of a video."""
    return PurePosixPath(name).suffix.lower() in VIDEOS


def natural(name: str) -> tuple[tuple[int | str, ...], str]:
    """Return a sorting key for natural order: numbers in names are compared as numbers, ties by the name.

    >>> sorted(["f10.png", "f9.png", "f09.png"], key=natural)
    ['f09.png', 'f9.png', 'f10.png']
    """
    # [0-9] and not \d, which matches digits that int() does not accept
    pieces = re.split(r"([0-9]+)", name.lower())
    return tuple(int(piece) if index % 2 else piece for index, piece in enumerate(pieces)), name


def images_in(folder: Path) -> tuple[Path, ...]:
    """Return the images in a folder, in natural order; a broken link or a folder of such a name is among them.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    return tuple(path for path in entries(folder) if is_image(path.name))


def entries(folder: Path) -> list[Path]:
    """Return the entries of a folder, in natural order, without hidden and metadata files.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".") and not is_system_file(path.name)]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", folder) from None
    return sorted(found, key=lambda path: natural(path.name))


def safe_id(*parts: str) -> str:
    """Join the parts of an id, replacing characters that are not allowed in one by ``-``.

    >>> safe_id("Anna B.", "take 1")
    'Anna-B._take-1'
    """
    return re.sub(r"[^\w.-]+", "-", "_".join(parts)).lstrip(".-") or "unnamed"


def too_short(recordings: Iterable[Recording]) -> list[Problem]:
    """Return a problem for each recording of one frame, which contains no motion."""
    return [
        Problem(
            "has only one frame, so it contains no motion", recording.id, "preprocess lists it as failed; remove it"
        )
        for recording in recordings
        if recording.n_frames == 1
    ]


def foreign_names(recordings: Iterable[Recording]) -> list[Problem]:
    """Return a problem for each sequence most of whose frames are named in one way and some in another.

    Such a frame is often none of the sequence, and as its last one it would be read as the peak.
    """
    found = []
    for recording in recordings:
        names: tuple[str, ...] = ()
        if isinstance(recording.frames, ImageFiles):
            names = tuple(path.name for path in recording.frames.paths)
        elif isinstance(recording.frames, ArchiveMembers):
            names = tuple(member.rpartition("/")[2] for member in recording.frames.members)
        ways = Counter(_NUMBER.sub("0", name.lower()) for name in names)
        if len(ways) < 2:
            continue
        (usual, n_usual), *_ = ways.most_common(1)
        if 2 * n_usual > len(names):
            foreign = next(name for name in names if _NUMBER.sub("0", name.lower()) != usual)
            where = readable(f"{recording.id}: {foreign}")
            remedy = "all are read, in natural order; remove those that do not belong"
            found.append(Problem("frames are named unlike the others of their sequence", where, remedy, matters=True))
    return found


_NUMBER = re.compile("[0-9]+")
