"""Histograms of oriented gradients of a registered face: wrinkles, lids, teeth and whatever else landmarks do not show.

The face is cut from the frame so that its stable landmarks lie where those of the mean face do, so that the head's
position, size and tilt are removed.

Source: Dalal and Triggs, "Histograms of oriented gradients for human detection", CVPR 2005.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.signal.face_shape import FaceShape, LandmarkKind, face_shape
from ckseq.signal.landmarks import fill_gaps

SIDE_PX = 96
"""Side of the registered face."""

N_COLUMNS = 256
"""Columns of `face_gradients`, in each of two rows."""

_COMPLEX = np.array([1, 1j])
_CELL_PX, _BLOCK_PX, _N_ORIENTATIONS = 12, 24, 8
_CELLS = SIDE_PX // _CELL_PX
_BLOCKS = SIDE_PX // _BLOCK_PX
N_CELLS = _CELLS**2
"""Cells of `face_gradients`."""
# of the side of the registered face: between the outer corners of the eyes
_EYE_DISTANCE = 0.36
CELL_SIDE = 1 / (_CELLS * _EYE_DISTANCE)
"""Side of a cell, unit of the mean face."""


def register_face(image: NDArray[np.uint8], points: NDArray[np.float32], shape: FaceShape) -> NDArray[np.uint8]:
    """Cut a face from an image by a similarity transform of its stable points to those of the mean face.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
    points : (n, 2) or (n, 3) float32
        Landmarks, pixels of the image.
    shape : FaceShape

    Returns
    -------
    (96, 96) or (96, 96, 3) uint8
        The distance of the outer eye corners is 0.36 of the side; beyond the image its border is repeated.
    """
    # the least squares of a similarity in the plane, in complex numbers
    center, wanted = _stable_places(shape.kind)
    source = points[shape.stable, :2].astype(np.float64) @ _COMPLEX
    middle = source.mean()
    moved = source - middle
    turn = np.vdot(moved, wanted) / max(np.vdot(moved, moved).real, 1e-12)
    shift = center - turn * middle
    matrix = np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])
    size = (SIDE_PX, SIDE_PX)
    cut = cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cut, np.uint8)


@cache
def _stable_places(kind: LandmarkKind) -> tuple[complex, NDArray[np.complex128]]:
    """Return the middle of the stable points in the registered face, x + iy, and where they lie around it."""
    shape = face_shape(kind)
    mean = shape.mean[:, :2]
    middle = (mean.min(axis=0) + mean.max(axis=0)) / 2
    places = ((mean[shape.stable] - middle) * _EYE_DISTANCE * SIDE_PX + (SIDE_PX - 1) / 2) @ _COMPLEX
    return complex(places.mean()), places - places.mean()


def face_gradients(image: NDArray[np.uint8], points: NDArray[np.float32], shape: FaceShape) -> NDArray[np.float32]:
    """Return the histograms of oriented gradients of a face.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
        Gray, or red, green and blue.
    points : (n, 3) float32
        Landmarks, pixels of the image; NaN where they were not found.
    shape : FaceShape

    Returns
    -------
    (2, 256) float32
        Row 0 is the upper half of the face, row 1 the lower: 4 x 8 cells, from top to bottom and from left to right as
        seen, with 8 orientations each. Every block of 2 x 2 cells is normalized (L2-Hys). NaN without landmarks.
    """
    if not np.isfinite(points).all():
        return np.full((2, N_COLUMNS), np.nan, np.float32)
    face = register_face(image, points, shape)
    found = _descriptor().compute(face if face.ndim == 2 else cv2.cvtColor(face, cv2.COLOR_RGB2GRAY))
    # OpenCV lists blocks, and the cells in each, column by column
    cells = np.asarray(found).reshape(_BLOCKS, _BLOCKS, 2, 2, _N_ORIENTATIONS).transpose(1, 3, 0, 2, 4)
    return cells.reshape(2, N_COLUMNS)


def gradient_cells(points: NDArray[np.float64], shape: FaceShape) -> NDArray[np.int_]:
    """Return which of the 64 cells of `face_gradients` shows each point of the mean face.

    Parameters
    ----------
    points : (..., 2) float64
        x, y on the mean face of ``shape``.
    shape : FaceShape

    Returns
    -------
    (...) int
        From top to bottom and from left to right; -1 outside of the registered face.
    """
    mean = shape.mean[:, :2]
    middle = (mean.min(axis=0) + mean.max(axis=0)) / 2
    x, y = np.moveaxis(np.floor(((points - middle) * _EYE_DISTANCE + 0.5) * _CELLS).astype(int), -1, 0)
    inside = (x >= 0) & (x < _CELLS) & (y >= 0) & (y < _CELLS)
    return np.where(inside, y * _CELLS + x, -1)


def columns_of_cells(cells: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the number of its cell, of (64,) numbers, for each column of `face_gradients`: (2, 256)."""
    return np.repeat(cells.reshape(2, -1), _N_ORIENTATIONS, axis=1)


def gradient_columns(found: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the gradients of a sequence, (t, 2, 256), with frames without landmarks, NaN, filled in.

    They are interpolated; all are zero where no frame has landmarks.
    """
    return fill_gaps(found) if np.isfinite(found).any() else np.zeros_like(found)


@cache
def _descriptor() -> cv2.HOGDescriptor:
    block, cell = (_BLOCK_PX, _BLOCK_PX), (_CELL_PX, _CELL_PX)
    return cv2.HOGDescriptor((SIDE_PX, SIDE_PX), block, block, cell, _N_ORIENTATIONS)


def mirror_gradients(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Flip gradients (..., 2, 256) horizontally; twice gives the same again."""
    cells = columns.reshape(*columns.shape[:-2], 2, _CELLS // 2, _CELLS, _N_ORIENTATIONS)
    return cells[..., ::-1, ::-1].reshape(columns.shape)
