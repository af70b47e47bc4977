"""Weights that Keras 2 saved as HDF5: arrays by layer and kind, read without building a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.hdf5 import child, read_hdf5

_FIX = "download it again"


def read_keras_weights(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a weights file, or of a whole model, by ``layer/kind``, such as ``conv1/7x7_s2/kernel``.

    The names of the layers are in the attribute ``layer_names`` of the root, or of its group ``model_weights``, and
    those of their arrays in the attribute ``weight_names`` of each layer's group; kind is the last part of such a name
    without its number (``:0``).

    Raises
    ------
    DataError
        The file cannot be read, is damaged, or is not of this layout.
    """
    try:
        return read_hdf5(path, _arrays)
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"is not a weights file of Keras 2: {reason}", path, _FIX) from None


def _arrays(file: Any) -> dict[str, NDArray[Any]]:
    root = child(file, "model_weights") if "model_weights" in file else file
    found = {}
    for layer in _names(root, "layer_names"):
        group = _walk(root, layer)
        for name in _names(group, "weight_names"):
            kind = name.rpartition("/")[2].partition(":")[0]
            found[f"{layer}/{kind}"] = np.asarray(_walk(group, name))
    return found


def _names(group: Any, attribute: str) -> list[str]:
    if attribute not in group.attrs:
        raise KeyError(f"the attribute {attribute} is missing")
    return [name.decode() if isinstance(name, bytes) else str(name) for name in group.attrs[attribute]]


def _walk(group: Any, path: str) -> Any:
    """Return what a path leads to; links to elsewhere are not followed."""
    for part in path.split("/"):
        group = child(group, part)
    return group
