"""The landmarks that are kept of a face, and the mean face to which they are registered.

``mean_face.csv`` beside this file lists 144 points of the 468 of MediaPipe's face mesh: brows, lids, lips, nose, cheeks
and outline. Their places are the mean over 33 people, symmetric about the middle, seen from the front; the unit is the
distance between the outer corners of the eyes, x to the right and y down as seen, z away from the viewer.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class FaceShape(NamedTuple):
    """The points of a face.

    ``points`` (n,) int, their numbers in the mesh; ``mirror`` (n,) int, the place of the point on the other side;
    ``stable`` (m,) int, the places of points that expressions hardly move: corners of the eyes, bridge of the nose,
    temples; ``mean`` (n, 3) float64, the mean face.
    """

    points: NDArray[np.int_]
    mirror: NDArray[np.int_]
    stable: NDArray[np.int_]
    mean: NDArray[np.float64]

    def place(self, point: int) -> int:
        """Return the place of a point, given its number in the mesh."""
        return int(np.flatnonzero(self.points == point)[0])


@cache
def face_shape() -> FaceShape:
    """Return the points and the mean face."""
    with files("ckseq.signal").joinpath("mean_face.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    points = np.array([int(row["point"]) for row in rows])
    places = {point: place for place, point in enumerate(points.tolist())}
    return FaceShape(
        points=points,
        mirror=np.array([places[int(row["mirror"])] for row in rows]),
        stable=np.flatnonzero([row["stable"] == "1" for row in rows]),
        mean=np.array([[float(row[axis]) for axis in "xyz"] for row in rows]),
    )
