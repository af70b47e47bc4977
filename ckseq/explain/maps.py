"""The maps of one sequence: the evidence for each class by face row, face column, point, region and time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.explain.areas import FaceGeometry
from ckseq.explain.occlusion import Occlusion, Predict, drops, probabilities_of, spread, windows
from ckseq.explain.parts import Area, Band, Group, Part, Parts

Cells = NDArray[np.float64]
_AXES: tuple[Literal["rows", "columns"], ...] = ("rows", "columns")


class OcclusionConfig(Config):
    """How large the occluded parts are, and how finely the maps resolve them."""

    cells: int = Field(24, ge=4, le=128, description="cells of a map along each side of the face box")
    window_cells: int = Field(4, ge=1, le=128, description="side of the occluding window, cells")
    step_cells: int = Field(2, ge=1, le=128, description="distance between windows, cells")
    span_share: float = Field(0.25, gt=0, le=1, description="share of the sequence that is occluded at once")
    span_step_share: float = Field(0.125, gt=0, le=1, description="distance between spans, share of the sequence")


class Where(NamedTuple):
    """By how much the log-odds of each of k classes drop where something never moves.

    Parameters
    ----------
    probabilities : (k,) float64
        Of the whole sequence.
    groups : dict of str to (k,) float64
        Without any motion (``everything``); of fused input also without ``motion``, ``landmarks``, ``gradients``.
    face : (cells, cells, k) float64, optional
        Windows of the blob film; None where there is no film.
    regions : (r, k) float64, optional
        Named regions; None where there is neither film nor landmarks.
    """

    probabilities: Cells
    groups: dict[str, Cells]
    face: Cells | None
    regions: Cells | None


class When(NamedTuple):
    """By how much it drops where something does not move at a time.

    Parameters
    ----------
    time : (t, k) float64
        Nothing moves.
    rows, columns : (cells, t, k) float64, optional
        Bands of row means, and of column means; None of landmarks alone.
    regions : (r, t, k) float64, optional
        Named regions; None where there is neither film nor landmarks.
    """

    time: Cells
    rows: Cells | None
    columns: Cells | None
    regions: Cells | None


def where(
    parts: Parts, predict: Predict, areas: Sequence[Area], *, geometry: FaceGeometry, config: OcclusionConfig
) -> Where:
    """Return where in the face the evidence of a sequence is.

    Parameters
    ----------
    parts : Parts
        The sequence.
    predict : callable
    areas : sequence of Area
        The named regions.
    geometry : FaceGeometry
        Of the face crop, which is as wide as projections are long.
    config : OcclusionConfig
    """
    ask = _Asking(parts, predict, len(parts.sequence))
    groups: tuple[Group, ...] = ("everything",)
    if parts.holds_motion and parts.holds_landmarks:
        groups += ("motion", "landmarks", *(("gradients",) if parts.holds_gradients else ()))
    face = None
    if parts.holds_film:
        edges, along = _edges(geometry, config), _bands(config)
        both = [(down, across) for down in along for across in along]
        covers = _covers(along, config.cells)
        over = np.einsum("ij,kl->ikjl", covers, covers).reshape(len(both), -1)
        squares = [_square(geometry, edges, down, across) for down, across in both]
        face = spread(ask.always(squares), over).reshape(config.cells, config.cells, -1)
    whole = parts.sequence
    return Where(
        probabilities_of(predict, [whole], whole)[0],
        dict(zip(groups, ask.always(groups), strict=True)),
        face,
        ask.always(areas) if parts.holds_film or parts.holds_landmarks else None,
    )


def when(
    parts: Parts, predict: Predict, areas: Sequence[Area], *, geometry: FaceGeometry, config: OcclusionConfig
) -> When:
    """Return when the evidence of a sequence is, and where at each time; parameters as of `where`."""
    t = len(parts.sequence)
    ask = _Asking(parts, predict, t)
    size, step = (max(1, round(share * t)) for share in (config.span_share, config.span_step_share))
    spans = windows(t, size=size, step=step)
    rows = columns = None
    if parts.holds_motion:
        edges, along = _edges(geometry, config), _bands(config)
        covers = _covers(along, config.cells)
        rows, columns = (
            spread(ask.over_time([_band(geometry, of, int(edges[a]), int(edges[b])) for a, b in along], spans), covers)
            for of in _AXES
        )
    named = ask.over_time(areas, spans) if parts.holds_film or parts.holds_landmarks else None
    return When(ask.over_time(["everything"], spans)[0], rows, columns, named)


def _bands(config: OcclusionConfig) -> tuple[tuple[int, int], ...]:
    return windows(config.cells, size=config.window_cells, step=config.step_cells)


def _edges(geometry: FaceGeometry, config: OcclusionConfig) -> NDArray[np.int_]:
    """Return the pixels at which the cells begin and end."""
    return np.linspace(0, len(geometry.cells), config.cells + 1).round().astype(int)


class _Asking(NamedTuple):
    parts: Parts
    predict: Predict
    t: int

    def always(self, parts: Sequence[Part]) -> Cells:
        """Return the drops (m, k) where each part never moves."""
        return drops(self.parts, self.predict, [Occlusion(part, 0, self.t) for part in parts])

    def over_time(self, parts: Sequence[Part], spans: Sequence[tuple[int, int]]) -> Cells:
        """Return the drops (m, t, k) where each part does not move at a time."""
        found = drops(self.parts, self.predict, [Occlusion(part, *span) for part in parts for span in spans])
        by_span = found.reshape(len(parts), len(spans), -1)
        return spread(by_span.swapaxes(0, 1), _covers(spans, self.t)).swapaxes(0, 1)


def _covers(windows: Sequence[tuple[int, int]], n: int) -> NDArray[np.bool_]:
    places = np.arange(n)
    return np.array([(places >= begin) & (places < end) for begin, end in windows])


def _square(geometry: FaceGeometry, edges: NDArray[np.int_], down: tuple[int, int], across: tuple[int, int]) -> Area:
    pixels = np.zeros(geometry.cells.shape, bool)
    pixels[edges[down[0]] : edges[down[1]], edges[across[0]] : edges[across[1]]] = True
    return geometry.area(pixels)


def _band(geometry: FaceGeometry, of: Literal["rows", "columns"], begin: int, end: int) -> Band:
    pixels = np.zeros(geometry.cells.shape, bool)
    pixels[(slice(begin, end),) if of == "rows" else (slice(None), slice(begin, end))] = True
    return Band(of, begin, end, geometry.area(pixels))
