"""What of a sequence shows an area of the face: pixels of the film, landmarks, and cells of the gradients.

The cells are large, about a fifth of the face box wide, and each group of 2 x 2 is normalized together: two areas
in one cell share its gradients by how much of it they cover, and gradients of neighboring cells cannot be told
apart entirely.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.explain.parts import Area
from ckseq.explain.regions import OUTSIDE, Region, on_mean_face
from ckseq.signal.face_shape import FaceShape
from ckseq.signal.gradients import CELL_SIDE, N_CELLS, columns_of_cells, gradient_cells


class FaceGeometry(NamedTuple):
    """Where landmarks and cells of gradients are in the crop of a face.

    Parameters
    ----------
    points : (m, 2) int
        Row and column of the pixel of each landmark; of one beyond the crop, of the nearest pixel.
    cells : (n, n) int
        The cell that shows each pixel; -1 where none does.
    cell_px : float
        Size of a cell, pixels of the crop.
    """

    points: NDArray[np.int_]
    cells: NDArray[np.int_]
    cell_px: float

    def area(self, pixels: NDArray[np.bool_]) -> Area:
        """Return the area of some pixels, (n, n) bool, with the landmarks in it and its share of the gradients."""
        inside = np.flatnonzero(pixels[self.points[:, 0], self.points[:, 1]])
        shown = self.cells[pixels & (self.cells >= 0)]
        share = np.minimum(np.bincount(shown, minlength=N_CELLS) / self.cell_px, 1)
        return Area(pixels, tuple(inside.tolist()), columns_of_cells(share.astype(np.float32)))


def face_geometry(place: NDArray[np.float64], shape: FaceShape, *, side_px: int) -> FaceGeometry:
    """Return where landmarks and gradients are in the crop of a face.

    Parameters
    ----------
    place : (2, 3) float64
        As of `ckseq.explain.regions.place_of`.
    shape : FaceShape
        Of the landmarks that the gradients are registered by.
    side_px : int
        Of the crop.
    """
    points = (shape.mean[:, :2] @ place[:, :2].T + place[:, 2]) * side_px
    rows_and_columns = np.clip(np.floor(points[:, ::-1]).astype(int), 0, side_px - 1)
    cells = gradient_cells(on_mean_face(place, side_px=side_px), shape)
    return FaceGeometry(rows_and_columns, cells, CELL_SIDE**2 * abs(float(np.linalg.det(place[:, :2]))) * side_px**2)


def areas_of(regions: Sequence[Region], geometry: FaceGeometry) -> tuple[Area, ...]:
    """Return regions as areas; all gradients that no other region shows are of what is outside of them."""
    areas = [geometry.area(region.pixels) for region in regions]
    left = columns_of_cells(np.ones(N_CELLS, np.float32))
    for region, area in zip(regions, areas, strict=True):
        if region.name != OUTSIDE and area.gradients is not None:
            left -= area.gradients
    left = np.maximum(left, 0)
    return tuple(
        area._replace(gradients=left) if region.name == OUTSIDE else area
        for region, area in zip(regions, areas, strict=True)
    )
