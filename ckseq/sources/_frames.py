"""Which files are frames, and in which order; which oddities every source tells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ckseq.errors import DataError
from ckseq.recording import Problem, Recording

IMAGES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
VIDEOS = frozenset({".mp4", ".m4v", ".mpg", ".mpeg", ".avi", ".mov", ".mkv", ".webm", ".wmv"})
_CLUTTER = frozenset({"__macosx", ".ds_store", "thumbs.db", "desktop.ini"})


def is_clutter(path: str) -> bool:
    """Return whether a path is what macOS and Windows leave beside the data.

    >>> is_clutter("S005/.DS_Store"), is_clutter("__MACOSX/S005/._a.png"), is_clutter("S005/001/a.png")
    (True, True, False)
    """
    return any(part.startswith("._") or part.lower() in _CLUTTER for part in path.split("/"))


def is_image(name: str) -> bool:
    """Return whether a file's name is that of an image."""
    return PurePosixPath(name).suffix.lower() in IMAGES


def is_video(name: str) -> bool:
    """Return whether a file's name is that of a video."""
    return PurePosixPath(name).suffix.lower() in VIDEOS


def natural(name: str) -> tuple[tuple[int | str, ...], str]:
    """Return a sorting key under which numbers in names count as numbers, and equal ones fall back to the name.

    >>> sorted(["f10.png", "f9.png", "f09.png"], key=natural)
    ['f09.png', 'f9.png', 'f10.png']
    """
    # [0-9] and not \d, which would take digits that int() does not
    pieces = re.split(r"([0-9]+)", name.lower())
    return tuple(int(piece) if index % 2 else piece for index, piece in enumerate(pieces)), name


def images_in(folder: Path) -> tuple[Path, ...]:
    """Return the images that lie in a folder, in natural order.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    return tuple(path for path in entries(folder) if is_image(path.name) and path.is_file())


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, in natural order, without clutter and hidden files.

    Raises
    ------
    DataError
        The folder cannot be read.
    """
    try:
        found = [path for path in folder.iterdir() if not path.name.startswith(".") and not is_clutter(path.name)]
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", folder) from None
    return sorted(found, key=lambda path: natural(path.name))


def safe_id(*parts: str) -> str:
    """Join the parts of an id, with ``-`` for what may not be in one.

    >>> safe_id("Anna B.", "take 1")
    'Anna-B._take-1'
    """
    return re.sub(r"[^\w.-]+", "-", "_".join(parts)).lstrip(".-") or "unnamed"


def too_short(recordings: Iterable[Recording]) -> list[Problem]:
    """Return a problem for each recording of one frame, in which nothing can move."""
    return [
        Problem("has one frame only, so nothing moves in it", recording.id, "preprocess lists it as failed; remove it")
        for recording in recordings
        if recording.n_frames == 1
    ]
