"""Results of stages, kept by digest: what was worked out once is not worked out again.

An entry is one file, ``<stage>/<key>.arrays``: a check sum, what arrays it holds, and their bytes, which are read as
fast as the disk gives them. One that was cut short or altered is not believed, and is made anew. Entries are written
whole, so that several processes may share a folder; a folder that has grown past its limit loses the entries that were
not asked for the longest.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

_SUM_BYTES, _LENGTH_BYTES = 4, 8


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
        path = self.folder / stage / f"{key}.arrays"
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
        data = bytearray(path.read_bytes())
    except OSError:
        return None
    kept, payload = memoryview(data)[:_SUM_BYTES], memoryview(data)[_SUM_BYTES:]
    if len(payload) < _LENGTH_BYTES or _sum(payload) != kept:
        path.unlink(missing_ok=True)
        return None
    touch(path)
    start = _LENGTH_BYTES + int.from_bytes(payload[:_LENGTH_BYTES], "little")
    arrays = {}
    for name, dtype, shape in json.loads(bytes(payload[_LENGTH_BYTES:start])):
        n = math.prod(shape)
        arrays[name] = np.frombuffer(payload, dtype, n, start).reshape(shape)
        start += arrays[name].nbytes
    return arrays


def _sum(payload: bytes | memoryview) -> bytes:
    # of accidents it sees all but one in four thousand million, in a sixth of the time of a digest
    return zlib.crc32(payload).to_bytes(_SUM_BYTES, "little")


def _write(path: Path, arrays: Arrays) -> None:
    about = json.dumps([[name, array.dtype.str, array.shape] for name, array in arrays.items()]).encode()
    payload = len(about).to_bytes(_LENGTH_BYTES, "little") + about
    payload += b"".join(array.tobytes() for array in arrays.values())
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        # no waiting for the disk: what a power cut leaves half-written has another sum
        temporary.write_bytes(_sum(payload) + payload)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
