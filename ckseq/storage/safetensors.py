"""Weights of networks as safetensors: a JSON header and plain numbers, so that reading them runs no code."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.regular_file import open_regular

SUFFIX = ".safetensors"
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4"}
_MOST_HEADER_BYTES = 100 * 2**20
_FIX = "download it again, or save the weights as 32-bit floats"


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file by their names.

    Parameters
    ----------
    path : Path
        A file of https://github.com/huggingface/safetensors.

    Returns
    -------
    dict of str to array
        As stored: 16 to 64-bit floats and integers.

    Raises
    ------
    DataError
        The file cannot be read, is damaged, or holds other types of numbers.
    """
    try:
        with open_regular(path) as stream:
            n_header = int.from_bytes(stream.read(8), "little")
            header = stream.read(n_header) if n_header <= _MOST_HEADER_BYTES else b""
            data = stream.read()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path, "check the path") from None
    try:
        entries = json.loads(header)
        return {name: _array(entry, data) for name, entry in entries.items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        reason = str(error) if type(error) is ValueError else "its header does not describe its data"
        raise DataError(f"is not a complete safetensors file: {reason}", path, _FIX) from None


def _array(entry: dict[str, Any], data: bytes) -> NDArray[Any]:
    if entry["dtype"] not in _TYPES:
        raise ValueError(f"numbers of type {entry['dtype']}")
    dtype, shape = np.dtype(_TYPES[entry["dtype"]]), tuple(entry["shape"])
    begin, end = entry["data_offsets"]
    n_bytes = math.prod(shape) * dtype.itemsize
    if any(type(side) is not int or side < 0 for side in shape) or not 0 <= begin <= end <= len(data):
        raise KeyError(shape)
    if end - begin != n_bytes:
        raise KeyError(shape)
    return np.frombuffer(data, dtype, count=math.prod(shape), offset=begin).reshape(shape)
