"""Where a face moved, from the points that a data set gives: what an explanation by motion ought to point at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BRIDGE_AND_EYES = (27, 28, 36, 39, 42, 45)
"""Of the 68 points of iBUG and CK+: bridge of the nose and corners of the eyes, which expressions hardly move."""

_REACH = 0.04
"""How far a point moves the skin around it: standard deviation, share of the face box."""


def face_displacement(
    first: NDArray[np.float64], last: NDArray[np.float64], box: NDArray[np.int32], *, cells: int
) -> NDArray[np.float64]:
    """Return how far the face moved in each cell of its box, without the movement of the head.

    The head's own movement is removed by the similarity transform of the corners of the eyes and the bridge of the
    nose. A point moves the skin around it, where it was and where it comes to, less and less with the distance.

    Parameters
    ----------
    first, last : (68, 2) float64
        The points in the first and in the last frame, pixels of the image.
    box : (4,) int32
        The face: left, top, right, bottom.
    cells : int
        Along each side of the box.

    Returns
    -------
    (cells, cells) float64
        Shares of the side of the box.
    """
    still = list(_BRIDGE_AND_EYES)
    corner = np.maximum(box[:2], 0)
    sides = box[2:] - corner
    begin = (first - corner) / sides
    end = (_onto(first[still], last[still], last) - corner) / sides
    far = np.hypot(*(end - begin).T)
    centers = (np.arange(cells) + 0.5) / cells
    y, x = np.meshgrid(centers, centers, indexing="ij")
    grid = np.stack([x, y], axis=-1)[:, :, np.newaxis]
    near = [np.exp(-((grid - points) ** 2).sum(axis=-1) / (2 * _REACH**2)) for points in (begin, end)]
    return np.asarray((np.maximum(*near) * far).max(axis=-1), np.float64)


def _onto(target: NDArray[np.float64], source: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return points moved by the similarity transform that brings ``source`` nearest to ``target`` (Umeyama 1991)."""
    middles = target.mean(axis=0), source.mean(axis=0)
    fixed, moved = target - middles[0], source - middles[1]
    u, s, vt = np.linalg.svd(moved.T @ fixed)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ vt))])  # a rotation, not a reflection
    scale = (s * signs).sum() / (moved**2).sum()
    return np.asarray((points - middles[1]) @ (u * signs @ vt) * scale + middles[0], np.float64)
