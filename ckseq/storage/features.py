"""Features kept beside their store: computed once, read as often as somebody trains on them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ckseq.storage.files import write_bytes


def features_path(store: Path, digest: str) -> Path:
    """Return where the features of that digest are kept: ``STORE.features/DIGEST.npz``."""
    return store.with_name(f"{store.name}.features") / f"{digest}.npz"


def write_features(path: Path, features: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the features of recordings, each (t, ...) float32 and alike but for t, whole or not at all.

    Raises
    ------
    DataError
        They cannot be written.
    """
    buffer = io.BytesIO()
    ids = sorted(features)
    np.savez(
        buffer,
        ids=np.array(ids),
        lengths=np.array([len(features[id]) for id in ids]),
        values=np.concatenate([features[id] for id in ids]),
    )
    write_bytes(path, buffer.getvalue())


def read_features(path: Path) -> dict[str, NDArray[np.float32]] | None:
    """Read features by recording; None where there are none, or where the file is damaged and must be made again."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            ends = np.cumsum(arrays["lengths"])
            parts = np.split(arrays["values"], ends[:-1])
            return {str(id): part for id, part in zip(arrays["ids"], parts, strict=True)}
    except (OSError, EOFError, KeyError, ValueError, BadZipFile):
        return None
