"""The figure of a timeline: classes and probabilities of each face over time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from ckseq.report.style import ACCENT, FAINT, INK, LINE, SOFT, house_style, png

# a video of hours is drawn with no more columns than the figure has pixels
_COLUMNS = 900
_MOST_ROWS = 6


class Sample(NamedTuple):
    """The decision for one face at one time; ``face`` is 0 where there is none, ``label`` empty where nothing is."""

    time_s: float
    face: int
    state: str
    label: str
    probabilities: tuple[float, ...]


def draw_timeline(samples: Sequence[Sample], labels: Sequence[str], *, title: str, multi_label: bool = False) -> bytes:
    """Draw for each face a strip of its classes, and below it the probabilities of all classes.

    Faces that are not visible at the same time share a row.

    Parameters
    ----------
    samples : sequence of Sample
        At least one.
    labels : sequence of str
    title : str
    multi_label : bool
        The labels are action units: the strip shows whether there is any.

    Returns
    -------
    bytes
        A PNG file.
    """
    rows_of_faces = _rows(samples)
    shown = rows_of_faces[:_MOST_ROWS] or [()]
    times = np.unique([sample.time_s for sample in samples])
    stride_s = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    begin, end = float(times[0]), float(times[-1]) + stride_s
    # no column is narrower than the time between two decisions, so that none is empty while a face is visible
    edges = np.linspace(begin, end, min(_COLUMNS, max(1, int((end - begin) / stride_s))) + 1)
    colors: dict[str, Any] = _colors(labels)
    shown_labels = labels
    if multi_label:
        colors = {sample.label: ACCENT for sample in samples if sample.label}
        shown_labels = [f"AU {label}" for label in labels]
    with house_style():
        height = 0.9 + len(shown) * (0.45 + 0.2 * len(labels))
        figure = Figure(figsize=(8.6, height))
        rows = figure.subplots(
            2 * len(shown), 1, sharex=True, squeeze=False, height_ratios=(1, 0.55 * len(labels)) * len(shown)
        )[:, 0]
        for faces, strip, map_ in zip(shown, rows[::2], rows[1::2], strict=True):
            own = [sample for sample in samples if sample.face in faces]
            _draw_labels(strip, own, colors, stride_s)
            strip.set_xlim(begin, end)
            _draw_probabilities(map_, own, shown_labels, edges, stride_s)
            if len(shown) > 1:
                name = f"face {faces[0]}" if len(faces) == 1 else f"face {faces[0]} ..."
                strip.set_ylabel(name, rotation=0, ha="right", va="center")
        left_out = sum(map(len, rows_of_faces[_MOST_ROWS:]))
        more = f" ({left_out} more faces are in the table)" if left_out else ""
        rows[0].set_title(title + more, weight="bold", fontsize=11)
        rows[-1].set_xlabel("minutes" if end >= _MINUTES_FROM else "seconds")
        if end >= _MINUTES_FROM:
            rows[-1].xaxis.set_major_formatter(lambda value, _: f"{value / 60:.3g}")
        _legend(rows[0], {_ANY: ACCENT} if multi_label else colors, {sample.state for sample in samples})
        return png(figure)


def _rows(samples: Sequence[Sample]) -> list[tuple[int, ...]]:
    """Distribute the faces over as few rows as possible, so that faces of a row do not overlap in time."""
    spans: dict[int, tuple[float, float]] = {}
    for sample in samples:
        if sample.face:
            begin, _ = spans.get(sample.face, (sample.time_s, 0.0))
            spans[sample.face] = begin, sample.time_s
    rows: list[list[int]] = []
    for face, (begin, _) in sorted(spans.items(), key=lambda pair: pair[1]):
        row = next((row for row in rows if spans[row[-1]][1] < begin), None)
        if row is None:
            rows.append([face])
        else:
            row.append(face)
    return [tuple(row) for row in rows]


_MINUTES_FROM = 180
# a face without a decision for longer than so many strides was gone
_GAP = 2.5
_MOVING, _STILL = FAINT, LINE
_ANY = "action units"


def _colors(labels: Sequence[str]) -> dict[str, tuple[float, ...]]:
    palette = matplotlib.colormaps["tab10" if len(labels) <= 10 else "tab20"]
    return {label: tuple(palette(number % palette.N)) for number, label in enumerate(labels)}


def _draw_labels(axes: Axes, samples: Sequence[Sample], colors: Mapping[str, Any], stride_s: float) -> None:
    """Draw one band per segment of the same class; a gap means no face."""
    begin = 0
    for place in range(1, len(samples) + 1):
        if place < len(samples) and _same_segment(samples[place - 1], samples[place], _GAP * stride_s):
            continue
        first = samples[begin]
        if first.state != "no face":
            end = samples[place - 1].time_s + stride_s
            color = colors.get(first.label, _STILL if first.state == "still" else _MOVING)
            axes.axvspan(first.time_s, end, color=color, linewidth=0)
        begin = place
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.tick_params(bottom=False)


def _same_segment(before: Sample, after: Sample, at_most_s: float) -> bool:
    same = (before.face, before.state, before.label) == (after.face, after.state, after.label)
    return same and after.time_s - before.time_s <= at_most_s


def _draw_probabilities(
    axes: Axes, samples: Sequence[Sample], labels: Sequence[str], edges: NDArray[np.float64], stride_s: float
) -> None:
    sums, counts = np.zeros((len(labels), len(edges) - 1)), np.zeros(len(edges) - 1)
    for sample in samples:
        if sample.probabilities:
            # the middle of the stride of the sample
            column = min(int(np.searchsorted(edges, sample.time_s + stride_s / 2, side="right")) - 1, len(counts) - 1)
            sums[:, column] += sample.probabilities
            counts[column] += 1
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    axes.pcolormesh(edges, np.arange(len(labels) + 1), means, cmap="Blues", vmin=0, vmax=1, rasterized=True)
    axes.set_yticks(np.arange(len(labels)) + 0.5, labels, fontsize=8)
    axes.set_facecolor("#f6f7f8")
    axes.invert_yaxis()
    axes.tick_params(left=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _legend(axes: Axes, colors: Mapping[str, Any], states: Collection[str]) -> None:
    entries = [Patch(color=color, label=label) for label, color in colors.items()]
    none = "no action unit" if _ANY in colors else "no class"
    if "visible" in states:
        entries.append(Patch(color=_MOVING, label=f"visible, {none}"))
    else:
        entries += [Patch(color=_MOVING, label=f"moving, {none}"), Patch(color=_STILL, label="still")]
    entries.append(Patch(facecolor="white", edgecolor=SOFT, linewidth=0.5, label="no face"))
    axes.legend(
        handles=entries,
        loc="lower left",
        bbox_to_anchor=(0, 1.9),
        ncols=min(len(entries), 5),
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        borderaxespad=0,
        handlelength=1.2,
    )
