"""Cached results of preprocessing stages, addressed by digest: nothing is computed twice.

An entry is one file, ``<stage>/<key>.npz``, as `numpy.savez` writes it; its checksums are verified when it is read. A
damaged entry is a miss and is computed again. Entries are written whole, so that several processes can share a folder;
a folder beyond its size limit loses the least recently used entries.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.files import write_file

Arrays = Mapping[str, NDArray[Any]]

# an array of the names of all arrays: damage to the directory of a zip file can make one of them vanish
_NAMES = "__names__"


class StageCache:
    """A folder of cached results.

    Parameters
    ----------
    folder : Path
        Created if missing.

    Attributes
    ----------
    served, made : Counter
        Hits and misses by stage: how many results were found here, and how many had to be computed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served: Counter[str] = Counter()
        self.made: Counter[str] = Counter()

    def fetch(self, stage: str, key: str, make: Callable[[], Arrays]) -> Arrays:
        """Return the cached result of a stage; on a miss, compute it with ``make`` and cache it.

        Parameters
        ----------
        stage : str
            The name of a subfolder.
        key : str
            Hexadecimal digits that name everything the result depends on.
        make : callable
            Returns arrays by name.
        """
        path = self.folder / stage / f"{key}.npz"
        arrays = _read(path)
        if arrays is not None:
            self.served[stage] += 1
            return arrays
        made = make()
        self.made[stage] += 1
        # a result that cannot be cached costs time, nothing else; a power cut leaves at worst a damaged entry, a miss
        entry: dict[str, Any] = {**made, _NAMES: list(made)}
        with contextlib.suppress(DataError):
            write_file(path, lambda file: np.savez(file, **entry), durable=False)
        return made


def trim(folder: Path, limit_bytes: int) -> int:
    """Remove the least recently used files of a folder until its size is within the limit.

    Returns
    -------
    int
        The remaining size, bytes.
    """
    files = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # another process may trim at the same time
            if path.is_file():
                files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    size = sum(n_bytes for _, n_bytes, _ in files)
    for _, n_bytes, path in sorted(files):
        if size <= limit_bytes:
            break
        path.unlink(missing_ok=True)
        size -= n_bytes
    return size


def touch(path: Path) -> None:
    """Mark a file as recently used."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _read(path: Path) -> Arrays | None:
    """Return the arrays of an entry; None if it is missing, or damaged and hence removed."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as entry:
            arrays = {name: entry[name] for name in entry[_NAMES].tolist()}
    except Exception:  # zipfile and numpy raise a dozen types, depending on which byte is damaged
        path.unlink(missing_ok=True)
        return None
    touch(path)
    return arrays
