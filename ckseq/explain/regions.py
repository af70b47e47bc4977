"""Regions of the face by name, placed by landmarks or, without them, at fixed fractions of the face box."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.face_shape import FaceShape

SIDED = ("brow", "lids", "cheeks", "mouth")
"""Regions with a left and a right half, as seen."""

# rectangles (left, top, right, bottom) of the left half of the mean face; inf is its middle; unit: outer eye distance
_RECTANGLES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "brow": ((-0.78, -0.62, inf, -0.15),),
    "lids": ((-0.70, -0.15, -0.13, 0.08),),
    "nose": ((-0.13, -0.15, inf, 0.08), (-0.25, 0.08, inf, 0.54)),
    "cheeks": ((-0.80, 0.08, -0.25, 0.54), (-0.80, 0.54, -0.46, 0.85)),
    "mouth": ((-0.46, 0.54, inf, 0.96),),
    "chin": ((-0.46, 0.96, inf, 1.30),),
}
NAMES = tuple(_RECTANGLES)
OUTSIDE = "outside"
"""What of the face box belongs to no region: hair, ears, neck, background."""

TYPICAL_PLACE = np.array([[0.56, 0.0, 0.5], [0.0, 0.55, 0.33]])
"""From the mean face to fractions of the face box, where no landmarks are found; see `place_of`."""


class Region(NamedTuple):
    """A region of the face: its name, ``left`` or ``right`` as seen or "" for both; its pixels, (n, n) bool."""

    name: str
    side: str
    pixels: NDArray[np.bool_]

    @property
    def label(self) -> str:
        """Its name with its side."""
        return f"{self.side} {self.name}".strip()

    def holds(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return which points of the mean face, (..., 2), are in the region: (...) bool."""
        if self.name == OUTSIDE:
            inside = [within(points, name, side) for name in NAMES for side in sides_of(name)]
            return ~np.any(inside, axis=0)
        return within(points, self.name, self.side)


def place_of(points: NDArray[np.floating], shape: FaceShape, *, side_px: int) -> NDArray[np.float64]:
    """Return the affine map from the mean face to fractions of the face box that fits landmarks best.

    Parameters
    ----------
    points : (n, 2) or (n, 3) floating
        Those of ``shape``, in pixels of the crop.
    shape : FaceShape
    side_px : int
        Of the crop.

    Returns
    -------
    (2, 3) float64
        ``fraction = place[:, :2] @ point + place[:, 2]``.
    """
    known = np.column_stack([shape.mean[:, :2], np.ones(len(shape.mean))])
    solution, *_ = np.linalg.lstsq(known, points[:, :2] / side_px, rcond=None)
    return np.asarray(solution.T, np.float64)


def on_mean_face(place: NDArray[np.float64], *, side_px: int) -> NDArray[np.float64]:
    """Return the point of the mean face that each pixel of a crop shows, (side_px, side_px, 2) float64: x, y."""
    centers = (np.arange(side_px) + 0.5) / side_px
    y, x = np.meshgrid(centers, centers, indexing="ij")
    back = np.linalg.inv(place[:, :2])
    return np.asarray((np.stack([x, y], axis=-1) - place[:, 2]) @ back.T)


def face_regions(place: NDArray[np.float64], *, side_px: int) -> tuple[Region, ...]:
    """Return the regions of a face in its crop, and what is outside of them; each pixel is in one of them.

    Parameters
    ----------
    place : (2, 3) float64
        As of `place_of`, or `TYPICAL_PLACE`.
    side_px : int
        Of the crop.
    """
    points = on_mean_face(place, side_px=side_px)
    found = [Region(name, side, within(points, name, side)) for name in NAMES for side in sides_of(name)]
    nowhere = ~np.any([region.pixels for region in found], axis=0)
    return (*found, Region(OUTSIDE, "", nowhere))


def sides_of(name: str) -> tuple[str, ...]:
    """Return the sides of a region: left and right, or "" of one that is not divided."""
    return ("left", "right") if name in SIDED else ("",)


def within(points: NDArray[np.float64], name: str, side: str) -> NDArray[np.bool_]:
    """Return which points of the mean face, (..., 2), are in a region: (...) bool.

    >>> within(np.array([[-0.3, 0.7], [0.3, 0.7], [0.0, 1.1]]), "mouth", "right").tolist()
    [False, True, False]
    """
    x, y = points[..., 0], points[..., 1]
    folded = -np.abs(x)
    inside = np.zeros(x.shape, bool)
    for left, top, right, bottom in _RECTANGLES[name]:
        inside |= (folded >= left) & (folded < right) & (y >= top) & (y < bottom)
    return inside & {"left": x < 0, "right": x >= 0}.get(side, True)


def region_labels() -> tuple[str, ...]:
    """Return the labels of the regions, in the order of `face_regions`."""
    return (*(f"{side} {name}".strip() for name in NAMES for side in sides_of(name)), OUTSIDE)
