"""The parts of a sequence that can be kept from moving, and what a model then reads.

From the blob film the occlusion is exact: an area of the film is emptied, and the film projected again; the landmarks
and the cells of gradients in that area are stilled with it. From projections alone it is not: they are row and column
means, so a band of rows can be taken out of the row means, while the column means still hold its motion, and no point
of the face can be taken out at all.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ckseq.explain.stillness import stilled
from ckseq.signal.fused import beside
from ckseq.signal.reduce import halved


class Area(NamedTuple):
    """An area of the face.

    ``pixels`` is (h, w) bool, ``points`` the places of landmarks in it, ``gradients`` (2, 256) float32 the share of
    each column of `ckseq.signal.gradients.face_gradients`, of 0 to 1, that shows it.
    """

    pixels: NDArray[np.bool_]
    points: tuple[int, ...] = ()
    gradients: NDArray[np.float32] | None = None


class Band(NamedTuple):
    """A band across the whole face, of rows or of columns, pixels ``begin`` to ``end``, and its area."""

    of: Literal["rows", "columns"]
    begin: int
    end: int
    area: Area


Group = Literal["motion", "landmarks", "gradients", "everything"]
"""All projections or blobs; all landmarks; all gradients; or all of these."""

Part = Band | Area | Group


class Parts(Protocol):
    """A sequence of which parts can be taken out."""

    @property
    def holds_motion(self) -> bool:
        """Whether there are bands and motion to take out."""

    @property
    def holds_film(self) -> bool:
        """Whether areas of motion can be taken out."""

    @property
    def holds_landmarks(self) -> bool:
        """Whether there are landmarks to take out."""

    @property
    def holds_gradients(self) -> bool:
        """Whether there are gradients of the face to take out."""

    @property
    def sequence(self) -> NDArray[np.float32]:
        """The whole sequence, (t, ...) float32, as it is stored."""

    def without(self, part: Part, begin: int, end: int) -> NDArray[np.float32]:
        """Return the sequence in which a part does not move from step ``begin`` to before ``end``."""


class Projected:
    """Projections, landmarks, or these and gradients side by side; what is taken out is taken out of all of them.

    Motion that is taken out is zero, as where nothing differs from the first frame. Landmarks and gradients are then as
    at the start, see `ckseq.explain.stillness.stilled`.

    Parameters
    ----------
    projections : (t, 2, n) or (t, 2, n, channels) float32, optional
    film : (t, n, n) or (t, n, n, channels) bool, optional
        The blobs that these are the row and column means of; without it, areas of motion cannot be taken out.
    landmarks : (t, 2, m) float32, optional
    gradients : (t, 2, 256) float32, optional
    """

    def __init__(
        self,
        projections: NDArray[np.float32] | None,
        film: NDArray[np.bool_] | None = None,
        landmarks: NDArray[np.float32] | None = None,
        gradients: NDArray[np.float32] | None = None,
    ) -> None:
        self._projections, self._film, self._landmarks, self._gradients = projections, film, landmarks, gradients
        self._counts = None if film is None else _counts(film)
        self._still_points, self._still_gradients = (
            None if columns is None else stilled(columns) for columns in (landmarks, gradients)
        )
        # an area is asked for once for each span of time; it is kept with its counts, so that its id stays its own
        self._of_areas: dict[int, tuple[Area, NDArray[np.int32]]] = {}
        self.holds_motion = projections is not None
        self.holds_film = film is not None
        self.holds_landmarks = landmarks is not None
        self.holds_gradients = gradients is not None

    @property
    def sequence(self) -> NDArray[np.float32]:
        """See `Parts`."""
        return _together(self._projections, self._landmarks, self._gradients)

    def without(self, part: Part, begin: int, end: int) -> NDArray[np.float32]:
        """See `Parts`."""
        span = slice(begin, end)
        motion, points, gradients = self._projections, self._landmarks, self._gradients
        area = part.area if isinstance(part, Band) else part if isinstance(part, Area) else None
        if motion is not None and (area is not None or part in ("motion", "everything")):
            motion = motion.copy()
            motion[span] = self._less_motion(part, area, span)
        if points is not None and (area is not None or part in ("landmarks", "everything")):
            still = slice(None) if area is None else list(area.points)
            points, stilled_points = points.copy(), self._still_points
            assert stilled_points is not None
            points[span, :, still] = stilled_points[span, :, still]
        if gradients is not None and (area is not None or part in ("gradients", "everything")):
            share = np.float32(1) if area is None else area.gradients
            if share is not None:
                gradients, still_gradients = gradients.copy(), self._still_gradients
                assert still_gradients is not None
                gradients[span] += share * (still_gradients[span] - gradients[span])
        return _together(motion, points, gradients)

    def _less_motion(self, part: Part, area: Area | None, span: slice) -> NDArray[np.float32]:
        assert self._projections is not None
        motion = self._projections[span].copy()
        if area is None:
            motion[:] = 0
        elif self._film is not None and self._counts is not None:
            left = self._counts[span] - self._counts_of(area, self._film)[span]
            motion = (left / self._film.shape[1]).astype(np.float32)
        elif isinstance(part, Band):
            motion[:, int(part.of == "rows"), part.begin : part.end] = 0
        return motion

    def _counts_of(self, area: Area, film: NDArray[np.bool_]) -> NDArray[np.int32]:
        if id(area) not in self._of_areas:
            self._of_areas[id(area)] = area, _counts(film, area.pixels)
        return self._of_areas[id(area)][1]


def _together(motion: NDArray[np.float32] | None, *columns: NDArray[np.float32] | None) -> NDArray[np.float32]:
    added = [some for some in columns if some is not None]
    if motion is None:
        (alone,) = added
        return alone
    return beside(motion, *added) if added else motion


class Filmed:
    """The blobs themselves, halved some times.

    Parameters
    ----------
    film : (t, h, w) or (t, h, w, channels) bool
    halvings : int
        See `ckseq.signal.reduce.halved`.
    """

    def __init__(self, film: NDArray[np.bool_], *, halvings: int) -> None:
        self._film, self._halvings = film, halvings
        self.holds_motion = self.holds_film = True
        self.holds_landmarks = self.holds_gradients = False

    @property
    def sequence(self) -> NDArray[np.float32]:
        """See `Parts`."""
        return halved(self._film, halvings=self._halvings)

    def without(self, part: Part, begin: int, end: int) -> NDArray[np.float32]:
        """See `Parts`."""
        film = self._film.copy()
        if isinstance(part, str):
            film[begin:end] = False
        else:
            film[begin:end, (part.area if isinstance(part, Band) else part).pixels] = False
        return halved(film, halvings=self._halvings)


def _counts(film: NDArray[np.bool_], pixels: NDArray[np.bool_] | None = None) -> NDArray[np.int32]:
    """Return how many pixels of each column and of each row are on, (t, 2, n[, channels]), of some pixels or of all."""
    t, n = film.shape[:2]
    counts = np.zeros((t, 2, n, *film.shape[3:]), np.int32)
    down, across = slice(0, n), slice(0, n)
    if pixels is not None:
        if not pixels.any():
            return counts
        (top, bottom), (left, right) = (np.flatnonzero(pixels.any(axis=axis))[[0, -1]] for axis in (1, 0))
        down, across = slice(top, bottom + 1), slice(left, right + 1)
        some = pixels[down, across]
        film = film[:, down, across] & some.reshape(*some.shape, *[1] * (film.ndim - 3))
    counts[:, 0, across] = film.sum(axis=1, dtype=np.int32)
    counts[:, 1, down] = film.sum(axis=2, dtype=np.int32)
    return counts
