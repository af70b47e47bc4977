"""What models read beside motion: landmarks and gradients of the face, also relative to the person's neutral face."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.signal.landmarks import N_POSE_COLUMNS


class NeutralFace(NamedTuple):
    """A person's neutral face: the median of its ``landmarks`` (2, n + 3) and of its ``gradients`` (2, 256), float32.

    The columns of the pose are zero.
    """

    landmarks: NDArray[np.float32]
    gradients: NDArray[np.float32]


def neutral_face(landmarks: NDArray[np.float32], gradients: NDArray[np.float32]) -> NeutralFace:
    """Return the neutral face of a neutral sequence.

    Parameters
    ----------
    landmarks : (t, 2, n + 3) float32
        As of `ckseq.signal.landmarks.landmark_columns`.
    gradients : (t, 2, 256) float32
        As of `ckseq.signal.gradients.gradient_columns`.

    Raises
    ------
    DataError
        No frame of it has landmarks.
    """
    if not landmarks.any():
        raise DataError("no landmarks were found in the neutral recording", fix="name another one")
    shape = np.median(landmarks, axis=0)
    shape[:, -N_POSE_COLUMNS:] = 0
    return NeutralFace(np.asarray(shape, np.float32), np.asarray(np.median(gradients, axis=0), np.float32))


def less_neutral(columns: NDArray[np.float32], neutral: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Return landmarks or gradients (t, 2, m) relative to those of the person's neutral face, (2, m).

    A sequence without landmarks, all zero, stays as it is, and so does any where there is no neutral face.
    """
    return columns if neutral is None or not columns.any() else columns - neutral


def beside(projections: NDArray[np.float32], *columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return projections with landmarks and gradients as more columns of the first channel.

    The other channels are zero there.

    Parameters
    ----------
    projections : (t, 2, w) or (t, 2, w, channels) float32
    *columns : (t, 2, m) float32

    Returns
    -------
    (t, 2, w + m + ...) or (t, 2, w + m + ..., channels) float32

    >>> both = beside(np.ones((1, 2, 2, 2), np.float32), np.full((1, 2, 1), 5, np.float32))
    >>> both[0, 0].tolist()
    [[1.0, 1.0], [1.0, 1.0], [5.0, 0.0]]
    """
    added = np.concatenate(columns, axis=2)
    if projections.ndim == 3:
        return np.concatenate([projections, added], axis=2)
    block = np.zeros((*added.shape, projections.shape[3]), np.float32)
    block[..., 0] = added
    return np.concatenate([projections, block], axis=2)
