"""The cache of backbone features beside a store."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ckseq.storage.files import write_bytes


def features_path(store: Path, digest: str) -> Path:
    """Return the path of the features with a digest: ``STORE.features/DIGEST.npz``."""
    return store.with_name(f"{store.name}.features") / f"{digest}.npz"


def write_features(path: Path, features: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the features of recordings atomically, each (t, ...) float32, of the same shape except for t.

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
    """Read features by recording; None where there are none or the file is damaged."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            ends = np.cumsum(arrays["lengths"])
            parts = np.split(arrays["values"], ends[:-1])
            return {str(id): part for id, part in zip(arrays["ids"], parts, strict=True)}
    except (OSError, EOFError, KeyError, ValueError, BadZipFile):
        return None
