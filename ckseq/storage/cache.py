"""Results of stages, kept by digest: what was worked out once is not worked out again.

An entry is one file, ``<stage>/<key>.npz`` with its own digest in front: one that was cut short or altered is not
believed, and is made anew. Entries are written whole, so that several processes may share a folder; a folder that has
grown past its limit loses the entries that were not asked for the longest.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

_DIGEST_BYTES = 32


class StageCache:
    """A folder of results.

    Parameters
    ----------
    folder : Path
        Made where it is missing.

    Attributes
    ----------
    served, made : Counter
        By stage, how many results were found here, and how many had to be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.served: Counter[str] = Counter()
        self.made: Counter[str] = Counter()

    def fetch(self, stage: str, key: str, make: Callable[[], Arrays]) -> Arrays:
        """Return the result of a stage: the one kept under this key, or else what ``make`` gives, which is then kept.

        Parameters
        ----------
        stage : str
            A plain word.
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
        # a result that cannot be kept costs time, not the result
        with contextlib.suppress(OSError):
            _write(path, made)
        return made


def trim(folder: Path, limit_bytes: int) -> int:
    """Remove the files of a folder that were not asked for the longest until it is within the limit.

    Returns
    -------
    int
        The bytes that stay.
    """
    files = []
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # another process may trim too
            if path.is_file():
                files.append((path.stat().st_mtime_ns, path.stat().st_size, path))
    held = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if held <= limit_bytes:
            break
        path.unlink(missing_ok=True)
        held -= size
    return held


def touch(path: Path) -> None:
    """Note that a file was asked for."""
    with contextlib.suppress(OSError):
        os.utime(path)


def _read(path: Path) -> Arrays | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.blake2b(data[_DIGEST_BYTES:], digest_size=_DIGEST_BYTES).digest() != data[:_DIGEST_BYTES]:
        path.unlink(missing_ok=True)
        return None
    touch(path)
    with np.load(io.BytesIO(data[_DIGEST_BYTES:]), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _write(path: Path, arrays: Arrays) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    payload = buffer.getvalue()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # no waiting for the disk: what a power cut leaves half-written has another digest
        temporary.write_bytes(hashlib.blake2b(payload, digest_size=_DIGEST_BYTES).digest() + payload)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
