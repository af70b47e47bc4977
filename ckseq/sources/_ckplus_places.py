"""The folders and archives of CK+, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ckseq.regular_file import is_folder
from ckseq.sources._frames import entries

NEED_IMAGES = "put extended-cohn-kanade-images.zip, or the folder cohn-kanade-images unpacked from it, beside them"
_KINDS = {
    "cohn-kanade-images": "images",
    "extended-cohn-kanade-images": "images",
    "emotion": "emotion",
    "emotion_labels": "emotion",
    "facs": "facs",
    "facs_labels": "facs",
    "landmarks": "landmarks",
}


def companions_at(root: Path) -> tuple[str, ...]:
    """Return the names of CK+'s labels, FACS codes and landmarks at a place: its own, or of what it holds."""
    paths = [root.absolute(), *(entries(root) if is_folder(root) else ())]
    return tuple(path.name for path in paths if kind_of(path) not in (None, "images"))


def no_images(root: Path, companions: Sequence[str]) -> tuple[str, Path, str]:
    """Return what is wrong with these alone, where, and what to do."""
    return f"holds only what CK+ has beside its images ({', '.join(companions)})", root, NEED_IMAGES


def kind_of(path: Path) -> str | None:
    """Return what a folder or an archive of CK+ holds by its name: ``images``, ``emotion``, ``facs``, ``landmarks``."""
    if is_folder(path):
        return _KINDS.get(path.name.lower())
    return _KINDS.get(path.stem.lower()) if path.suffix.lower() == ".zip" else None
