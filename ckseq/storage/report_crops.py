"""Small crops of some test recordings, kept in a run folder: few and bounded, enough to see what was mistaken."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.files import write_bytes

CROPS = "crops.npz"
SIDE_PX = 96
"""Crops are kept no larger."""

_FIX = "remove it, or train again with --overwrite"


def shrunk(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Bring crops (k, n, n) or (k, n, n, 3) down to `SIDE_PX` by area means; smaller ones stay as they are."""
    if crops.shape[1] <= SIDE_PX:
        return crops
    size = (SIDE_PX, SIDE_PX)
    return np.stack([np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8) for crop in crops])


def write_crops(folder: Path, crops: Mapping[str, NDArray[np.uint8]]) -> None:
    """Write ``crops.npz``, and remove that of an earlier training where there is nothing to keep.

    Parameters
    ----------
    folder : Path
        The run folder.
    crops : mapping
        By recording, of one shape: (k, n, n) uint8 gray, or (k, n, n, 3) red, green, blue; k is 2, the first and the
        last crop of a sequence, or 1, a still image.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    if not crops:
        (folder / CROPS).unlink(missing_ok=True)
        return
    buffer = io.BytesIO()
    np.savez_compressed(buffer, recordings=np.array(list(crops)), crops=np.stack(list(crops.values())))
    write_bytes(folder / CROPS, buffer.getvalue())


def read_crops(folder: Path) -> dict[str, NDArray[np.uint8]]:
    """Read ``crops.npz``, by recording as `write_crops` takes them; empty where the run kept none.

    Raises
    ------
    DataError
        The file is cut short, or its arrays have other types or shapes.
    """
    path = folder / CROPS
    if not path.exists():
        return {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            recordings, crops = arrays["recordings"], arrays["crops"]
    except Exception as error:  # zipfile and numpy raise a dozen types, depending on which byte is damaged
        raise DataError(f"is cut short or holds no crops: {error}", path, _FIX) from None
    square = crops.ndim in (4, 5) and crops.shape[2] == crops.shape[3] and crops.shape[4:] in ((), (3,))
    if crops.dtype != np.uint8 or recordings.dtype.kind != "U" or not square or recordings.shape != crops.shape[:1]:
        raise DataError("holds arrays of other types or shapes than crops", path, _FIX)
    return dict(zip(recordings.tolist(), crops, strict=True))
