"""CK+'s own landmarks: a text file for each frame, with x and y of 68 points, pixels, one point a line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.recording import LandmarkFiles
from ckseq.storage.frames import fingerprint, read_files

N_POINTS = 68
_FIX = "download Landmarks.zip again, or set landmarks.kind to face_mesh"


def read_points(landmarks: LandmarkFiles | None) -> NDArray[np.float32]:
    """Return the landmarks of a recording, (t, 68, 3) float32: x and y in pixels, and zeros for the depth.

    Raises
    ------
    DataError
        There are none; a frame has none; or a file cannot be read, or holds something else.
    """
    if landmarks is None:
        raise DataError(
            "it has no landmark files, and landmarks.kind = ckplus reads these",
            fix="put CK+'s Landmarks next to its images, or set landmarks.kind to face_mesh",
        )
    if landmarks.missing:
        more = f" and of {len(landmarks.missing) - 1} more frames" if len(landmarks.missing) > 1 else ""
        raise DataError(f"the landmarks of {landmarks.missing[0]}{more} are missing", fix=_FIX)
    return np.stack([parse_points(text, where) for where, text in read_files(landmarks.files)])


def read_ends(landmarks: LandmarkFiles) -> NDArray[np.float32]:
    """Return the landmarks in the first and the last frame that has some, (2, 68, 2) float32: x and y in pixels.

    Raises
    ------
    DataError
        A file cannot be read, or one of the two holds something else.
    """
    files = list(read_files(landmarks.files))
    return np.stack([parse_points(text, where)[:, :2] for where, text in (files[0], files[-1])])


def parse_points(text: bytes, where: str) -> NDArray[np.float32]:
    """Return the points of a landmark file, (68, 3) float32; ``where`` is its name, for the message."""
    try:
        points = np.array(text.split(), np.float64)
    except ValueError:
        points = np.empty(0)
    if points.size != 2 * N_POINTS or not np.isfinite(points).all():
        raise DataError(f"does not hold x and y of {N_POINTS} points", where, _FIX)
    return np.column_stack([points.reshape(N_POINTS, 2), np.zeros(N_POINTS)]).astype(np.float32)


def landmarks_fingerprint(landmarks: LandmarkFiles | None) -> str:
    """Return a digest of a recording's landmark files, as of `ckseq.storage.frames.fingerprint`; ``none`` without any.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    return "none" if landmarks is None else fingerprint(landmarks.files)
