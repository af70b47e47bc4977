"""Cached results of preprocessing stages, addressed by digest: nothing is computed twice.

An entry is one file, ``<stage>/<key>.cached``: the SHA-256 of its key and contents, then the arrays as `numpy.savez`
writes them. The digest is verified whenever an entry is read; a damaged or exchanged one is a miss and is computed
again. Entries are written whole, so that several processes can share a folder; beyond its size limit a folder loses the
least recently used entries.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.files import write_file

Arrays = Mapping[str, NDArray[Any]]

ENTRIES = "*/*.cached"
_DIGEST_BYTES = 32
# left free on the disk: a store that cannot be written is worse than a stage that is computed again
_RESERVE_BYTES = 2 * 10**9
# a folder with thousands of entries takes a tenth of a second to measure
_TRIM_EVERY_S = 10.0
# temporary files that are younger may be those of a process at work
_ABANDONED_S = 3600.0


class Cache(NamedTuple):
    """A folder of cached results, and the bytes it may hold; with None somebody else keeps it small."""

    folder: Path
    limit_bytes: int | None = None


class StageCache:
    """Serves and keeps results of stages.

    Parameters
    ----------
    cache : Cache
        The folder is created if missing.

    Attributes
    ----------
    served, made : Counter
        Hits and misses by stage: how many results were found here, and how many had to be computed.
    """

    def __init__(self, cache: Cache) -> None:
        self.folder, self._limit_bytes = cache
        self.served: Counter[str] = Counter()
        self.made: Counter[str] = Counter()

    def fetch(self, stage: str, key: str, make: Callable[[], Arrays]) -> Arrays:
        """Return the cached result of a stage; on a miss, compute it with ``make`` and cache it.

        Parameters
        ----------
        stage : str
            The name of a subfolder.
        key : str
            Letters, digits and ``-`` that name everything the result depends on.
        make : callable
            Returns arrays by name.
        """
        path = self._path(stage, key)
        arrays = _read(path)
        if arrays is not None:
            self.served[stage] += 1
            return arrays
        made = make()
        self.made[stage] += 1
        self._keep(path, made)
        return made

    def holds(self, stage: str, key: str) -> bool:
        """Return whether there is such an entry; `fetch` may still find it damaged."""
        return self._path(stage, key).is_file()

    def _path(self, stage: str, key: str) -> Path:
        return self.folder / stage / f"{key}.cached"

    def _keep(self, path: Path, made: Arrays) -> None:
        """Write an entry; one that cannot be kept costs time, nothing else."""
        n_bytes = sum(array.nbytes for array in made.values())
        with contextlib.suppress(OSError, DataError):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # faces are nobody else's business
            if self._limit_bytes is not None:
                free = shutil.disk_usage(self.folder).free
                if n_bytes > self._limit_bytes or free - n_bytes < _RESERVE_BYTES:
                    return
            contents = io.BytesIO()
            entry: dict[str, Any] = {name: np.asarray(array) for name, array in made.items()}
            np.savez(contents, **entry)

            def write(file: BinaryIO) -> None:
                file.write(_digest(path, contents.getbuffer()))
                file.write(contents.getbuffer())

            # a power cut leaves at worst a damaged entry, a miss
            write_file(path, write, durable=False)
            if self._limit_bytes is not None and _is_due(self.folder / ".trimmed"):
                trim(self.folder, self._limit_bytes, ENTRIES)


def trim(folder: Path, limit_bytes: int, pattern: str = "**/*") -> int:
    """Remove the least recently used files of a folder until its size is within the limit.

    Parameters
    ----------
    folder : Path
    limit_bytes : int
    pattern : str
        Which files count; all by default.

    Returns
    -------
    int
        The remaining size, bytes.
    """
    files = _files(folder, pattern)
    size = sum(n_bytes for _, n_bytes, _ in files)
    for _, n_bytes, path in sorted(files):
        if size <= limit_bytes:
            break
        if _removed(path):
            size -= n_bytes
    return size


def size_of(folder: Path) -> tuple[int, int]:
    """Return the number of entries of a cache, and their bytes."""
    files = _files(folder, ENTRIES)
    return len(files), sum(n_bytes for _, n_bytes, _ in files)


def remove_entries(folder: Path, sources: Iterable[str] | None = None) -> int:
    """Remove the entries of a cache, and nothing else that may be in its folder; return how many there were.

    Parameters
    ----------
    folder : Path
    sources : iterable of str, optional
        Only those whose keys begin with one of these digests.
    """
    beginnings = None if sources is None else tuple(f"{source}-" for source in sources)
    paths = [path for _, _, path in _files(folder, ENTRIES)]
    wanted = [path for path in paths if beginnings is None or path.name.startswith(beginnings)]
    return sum(map(_removed, wanted))


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left of writing entries."""
    for changed_ns, _, path in _files(folder, "*/.*.tmp"):
        if time.time() - changed_ns / 1e9 > _ABANDONED_S:
            _removed(path)


def touch(path: Path) -> None:
    """Mark a file as recently used."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _files(folder: Path, pattern: str) -> list[tuple[int, int, Path]]:
    """Return time of last use, size and path of each file; another process may trim at the same time."""
    files = []
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if path.is_file():
                files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    return files


def _removed(path: Path) -> bool:
    """Remove a file; one that another process has open stays on some systems."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def _is_due(stamp: Path) -> bool:
    """Return whether nobody trimmed for a while, and say that now somebody does."""
    with contextlib.suppress(OSError):
        if 0 <= time.time() - stamp.stat().st_mtime < _TRIM_EVERY_S:
            return False
    stamp.touch()
    return True


def _digest(path: Path, contents: memoryview | bytes) -> bytes:
    digest = hashlib.sha256(f"{path.parent.name}/{path.name}\0".encode())
    digest.update(contents)
    return digest.digest()


def _read(path: Path) -> Arrays | None:
    """Return the arrays of an entry; None if it is missing, or damaged and hence removed."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    contents = memoryview(data)[_DIGEST_BYTES:]
    if data[:_DIGEST_BYTES] != _digest(path, contents):
        _removed(path)
        return None
    with np.load(io.BytesIO(contents), allow_pickle=False) as entry:
        arrays = dict(entry)
    touch(path)
    return arrays
