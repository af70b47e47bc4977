"""``ckseq images``: the blobs or crops of a store as PNG images, in folders by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal
from urllib.parse import quote

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.grammar import counted
from ckseq.storage.files import write_file
from ckseq.storage.replacement import whole_folder
from ckseq.storage.store import Store, open_store
from ckseq.storage.store_entry import Entry

NO_LABEL = "unlabeled"


def images(store: Path, *, what: Literal["blobs", "crops"], out: Path, console: Console) -> dict[str, Any]:
    """Write the blobs or crops of a store as PNG images; the folder appears only when it is complete.

    ``OUT/anger/S005_001/S005_001_00000002.png`` is of the second frame of the recording S005_001, labeled anger. Blobs
    are white on black; the blobs of a signed difference are red where the image became brighter, blue where it became
    darker, and, where that is a third channel, green where it moves now.

    Parameters
    ----------
    store : Path
    what : str
    out : Path
        A folder that does not exist yet, or an empty one.
    console : Console

    Returns
    -------
    dict
        ``path``, ``n_images`` and ``labeled``, the number of recordings of each class.

    Raises
    ------
    CallError
        ``out`` is in use.
    DataError
        The store does not hold what is asked for, or a file cannot be written.
    """
    out = Path(out).resolve()
    counts: Counter[str] = Counter()
    n_images = 0
    with open_store(store) as opened:
        kept = [entry for entry in opened.entries if entry.error is None and opened.has(entry.id, what)]
        if not kept:
            setting = f"reduce.keep_{what}=true"
            raise DataError(f"holds no {what}", store, f"prepare it with 'ckseq preprocess --set {setting}'")
        with whole_folder(out, lambda: _check_target(out)) as partial:
            for entry in console.track(kept, total=len(kept), label="recordings"):
                folder = partial / _folder_name(entry.label or NO_LABEL) / _folder_name(entry.id)
                folder.mkdir(parents=True)
                for number, image in _numbered(opened, entry, what):
                    _write(folder / f"{folder.name}_{number:08}.png", image)
                    n_images += 1
                counts[entry.label or NO_LABEL] += 1
    console.say(f"{counted(n_images, 'image')} of {counted(len(kept), 'recording')} in {out}")
    return {"path": str(out), "n_images": n_images, "labeled": dict(sorted(counts.items()))}


def _check_target(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CallError("is in use", out, "name another folder")


def _folder_name(text: str) -> str:
    """Return a name without what has a meaning in paths."""
    quoted = quote(text, safe=" ")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")


def _numbered(store: Store, entry: Entry, what: str) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the images of a recording with the numbers of their frames; blobs begin at the second frame."""
    if what == "crops":
        for number, crop in enumerate(store.crops(entry.id), start=1):
            yield number, crop[..., ::-1] if crop.ndim == 3 else crop
        return
    for number, blob in enumerate(store.blobs(entry.id), start=2):
        white = np.where(blob, 255, 0).astype(np.uint8)
        if white.ndim == 3:
            # channels: brighter, darker and, of some pipelines, moving; OpenCV's are blue, green, red
            brighter, darker, *moving = np.moveaxis(white, 2, 0)
            white = np.stack([darker, moving[0] if moving else np.zeros_like(darker), brighter], axis=2)
        yield number, white


def _write(path: Path, image: NDArray[np.uint8]) -> None:
    data = cv2.imencode(".png", image)[1].tobytes()

    def write(file: BinaryIO) -> None:
        file.write(data)

    write_file(path, write, durable=False)
