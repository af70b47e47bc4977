"""The landmarks of a face, kind by kind, and the mean faces to which they are registered.

A table beside this file lists the points of each kind: its number, its anatomical name where distances are measured
from it, its counterpart on the other side, whether expressions hardly move it, and its place in the mean face, seen
from the front: x to the right and y down as seen, z away from the viewer; the unit is the distance of the eyes' outer
corners, or of the eyes themselves where there are no corners.

================  ===================================================================================================
``face_mesh``     144 of the 468 points of MediaPipe's face mesh, with depth; the mean over 33 people
``ckplus``        CK+'s 68 points, in the order of Multi-PIE and iBUG 300-W, without depth; the mean of the mesh there
``mtcnn``         the eyes, the tip of the nose and the corners of the mouth, without depth
================  ===================================================================================================

Without depth, registration removes place, size and tilt of the head, not its turns, which pass for movements of the
face; the pose has no turns then. Of five points there is nothing to measure but the corners of the mouth and the nose.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

LandmarkKind = Literal["face_mesh", "ckplus", "mtcnn"]


class FaceShape(NamedTuple):
    """The points of a face.

    ``kind``; ``points`` (n,) int, their numbers; ``named``, the places of the points with an anatomical name;
    ``mirror`` (n,) int, the place of the point on the other side; ``stable`` (m,) int, the places of points that
    expressions hardly move; ``mean`` (n, 3) float64, the mean face.
    """

    kind: LandmarkKind
    points: NDArray[np.int_]
    named: Mapping[str, int]
    mirror: NDArray[np.int_]
    stable: NDArray[np.int_]
    mean: NDArray[np.float64]

    @property
    def n_dimensions(self) -> int:
        """3, or 2 of points without depth."""
        return 3 if self.mean[:, 2].any() else 2

    @property
    def eyes(self) -> tuple[int, int]:
        """The places whose distance is the unit: outer corners of the left eye as seen and the right, or the eyes."""
        corners = ("left_outer_eye", "right_outer_eye")
        left, right = corners if corners[0] in self.named else ("left_eye", "right_eye")
        return self.named[left], self.named[right]

    def place(self, point: int) -> int:
        """Return the place of a point, given its number."""
        return int(np.flatnonzero(self.points == point)[0])


@cache
def face_shape(kind: LandmarkKind) -> FaceShape:
    """Return the points and the mean face of a kind of landmarks.

    >>> [len(face_shape(kind).points) for kind in ("face_mesh", "ckplus", "mtcnn")]
    [144, 68, 5]
    """
    with files("ckseq.signal").joinpath(f"{kind}.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    points = np.array([int(row["point"]) for row in rows])
    places = {point: place for place, point in enumerate(points.tolist())}
    return FaceShape(
        kind=kind,
        points=points,
        named={row["name"]: place for place, row in enumerate(rows) if row["name"]},
        mirror=np.array([places[int(row["mirror"])] for row in rows]),
        stable=np.flatnonzero([row["stable"] == "1" for row in rows]),
        mean=np.array([[float(row[axis]) for axis in "xyz"] for row in rows]),
    )


def shape_with(n_points: int) -> FaceShape:
    """Return the kind of landmarks with so many points; each has another number."""
    return next(shape for shape in map(face_shape, get_args(LandmarkKind)) if len(shape.points) == n_points)
