"""Figures of predictions: faces with the predicted probabilities, and the misclassified ones as a contact sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.report.style import ACCENT, FAINT, INK, LINE, PHOTOGRAPH, SOFT, WARM, house_style, png
from ckseq.report.tables import Confusion
from ckseq.storage.predictions import Prediction, Predictions

Crops = Mapping[str, NDArray[np.uint8]]

FACE_IN = 1.0
GAP_IN = 0.06
TILES_ACROSS = 6


def one_answer_per_class(predictions: Predictions) -> tuple[Prediction, ...]:
    """Return the first prediction for a recording of each class, in the order of the labels."""
    first = {row.truth: row for row in reversed(predictions.rows)}
    return tuple(first[label] for label in predictions.labels if label in first)


def draw_answers(rows: Sequence[Prediction], labels: Sequence[str], crops: Crops) -> bytes:
    """Draw one panel per prediction: the face, and a bar for the predicted probability of every class.

    Parameters
    ----------
    rows : sequence of Prediction
        At least one.
    labels : sequence of str
        The classes, in the order of the probabilities.
    crops : mapping of str to array
        By recording (k, n, n[, 3]) uint8; without crops only the bars are drawn.

    Returns
    -------
    bytes
        A PNG file.
    """
    k = max([len(crops[row.recording]) for row in rows if row.recording in crops], default=0)
    high = max(FACE_IN, 0.16 * len(labels))
    faces_in = k * (FACE_IN + GAP_IN)
    names_in, bars_in = 0.1 + 0.075 * max(map(len, labels)), 1.5
    panel_in, row_in = faces_in + names_in + bars_in + 0.75, high + 0.5
    across = max(1, min(len(rows), int(10.5 / panel_in)))
    down = -(-len(rows) // across)
    with house_style():
        figure = Figure(figsize=(across * panel_in, down * row_in))
        width, height = figure.get_size_inches()

        def place(left: float, top: float, wide: float, tall: float) -> Axes:
            return figure.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))

        for number, row in enumerate(rows):
            left, top = (number % across) * panel_in, (number // across) * row_in + 0.3
            for face, crop in enumerate(crops.get(row.recording, ())):
                _show(place(left + face * (FACE_IN + GAP_IN), top, FACE_IN, FACE_IN), crop)
            _bars(place(left + faces_in + names_in, top, bars_in, high), row, labels)
            figure.text(
                left / width, 1 - (top - 0.07) / height, f"{row.truth} · {shortened(row.recording)}", fontsize=8.5
            )
        return png(figure)


def draw_mistakes(mistakes: Sequence[Confusion], crops: Crops) -> bytes:
    """Draw misclassified samples as a contact sheet: the face, its predicted and its true class with probabilities.

    Parameters
    ----------
    mistakes : sequence of Confusion
        At least one, each with crops.
    crops : mapping of str to array
        By recording, (k, n, n[, 3]) uint8.

    Returns
    -------
    bytes
        A PNG file.
    """
    k = max(len(crops[mistake.recording]) for mistake in mistakes)
    columns = min(TILES_ACROSS if k == 1 else TILES_ACROSS // 2 + 1, len(mistakes))
    down = -(-len(mistakes) // columns)
    most = 12 if k == 1 else 26  # letters of a name that fit
    tile_in, row_in = k * FACE_IN + (k - 1) * GAP_IN + 0.22, FACE_IN + 0.62
    with house_style():
        figure = Figure(figsize=(columns * tile_in, down * row_in))
        width, height = figure.get_size_inches()
        for number, mistake in enumerate(mistakes):
            left, top = (number % columns) * tile_in, (number // columns) * row_in
            for face, crop in enumerate(crops[mistake.recording]):
                start = left + face * (FACE_IN + GAP_IN)
                axes = (start / width, 1 - (top + FACE_IN) / height, FACE_IN / width, FACE_IN / height)
                _show(figure.add_axes(axes), crop)
            lines = [
                (f"{shortened(mistake.predicted, most=most)} {mistake.p_predicted:.2f}", WARM, "bold"),
                (f"true: {shortened(mistake.truth, most=most)} {mistake.p_truth:.2f}", INK, "normal"),
                (shortened(mistake.recording), SOFT, "normal"),
            ]
            for line, (text, color, weight) in enumerate(lines):
                y = 1 - (top + FACE_IN + 0.14 + 0.145 * line) / height
                figure.text(left / width, y, text, color=color, weight=weight, fontsize=8 if line < 2 else 6.5)
        return png(figure)


def shortened(name: str, *, most: int = 24) -> str:
    """Return a name, shortened in the middle where it is long.

    >>> shortened("a_very_long_name_of_an_image_file", most=16)
    'a_very_…age_file'
    """
    if len(name) <= most:
        return name
    ahead = (most - 1) // 2
    return f"{name[:ahead]}…{name[ahead + 1 - most :]}"


def _show(axes: Axes, crop: NDArray[np.uint8]) -> None:
    axes.imshow(crop, cmap="gray", vmin=0, vmax=255, gid=PHOTOGRAPH)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set(visible=True, color=FAINT)


def _bars(axes: Axes, row: Prediction, labels: Sequence[str]) -> None:
    chosen = ACCENT if row.truth == row.predicted else WARM
    colors = [chosen if label == row.predicted else "#c3ccd3" for label in labels]
    places = np.arange(len(labels))
    axes.barh(places, row.probabilities, height=0.72, color=colors)
    axes.set_xlim(0, 1)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xticks([])
    axes.set_yticks(places, labels, fontsize=7.5)
    for tick, label in zip(axes.get_yticklabels(), labels, strict=True):
        tick.set(weight="bold" if label == row.truth else "normal", color=INK if label == row.truth else SOFT)
    for place, p in zip(places, row.probabilities, strict=True):
        axes.annotate(
            f"{p:.2f}", (p, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7, color=SOFT
        )
    axes.tick_params(axis="y", length=0)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_color(LINE)
