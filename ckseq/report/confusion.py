"""The figure of a confusion matrix: counts, and rates normalized by the true class."""

from __future__ import annotations

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.protocol.score import Scores
from ckseq.report.style import FAINT, INK, MATRIX_COLORS, SOFT, house_style, png
from ckseq.report.tables import headline
from ckseq.report.wording import SEQUENCE, Noun

CELL_IN = 0.72


def draw_confusion(scores: Scores, noun: Noun = SEQUENCE) -> bytes:
    """Draw counts and row-normalized rates side by side; rows are true classes.

    Returns
    -------
    bytes
        A PNG file.
    """
    k = len(scores.labels)
    support = scores.per_class.support
    rates = np.divide(scores.matrix, support[:, None], out=np.full((k, k), np.nan), where=support[:, None] > 0)
    side = CELL_IN * k
    gap = 0.5 + 0.08 * max(map(len, scores.labels))  # room for the names of the classes between the two
    width = 2 * side + gap
    with house_style():
        figure = Figure(figsize=(width, side))
        left = figure.add_axes((0, 0, side / width, 1))
        right = figure.add_axes((1 - side / width, 0, side / width, 1))
        plot_matrix(left, scores.matrix.astype(float), [[str(count) for count in row] for row in scores.matrix], scores)
        left.set_title(f"Confusion matrix, {noun.many}", color=SOFT)
        left.annotate(
            headline(scores, noun),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, 32),
            textcoords="offset points",
            fontsize=11,
            weight="bold",
        )
        left.set_ylabel("true class")
        left.set_yticks(range(k), [f"{label}  ({n})" for label, n in zip(scores.labels, support, strict=True)])
        plot_matrix(right, rates, [["–" if np.isnan(rate) else f"{rate:.2f}" for rate in row] for row in rates], scores)
        right.set_title("Normalized by true class", color=SOFT)
        right.set_yticks(range(k), scores.labels)
        return png(figure)


def plot_matrix(
    axes: Axes, values: NDArray[np.float64], texts: list[list[str]], scores: Scores, *, size: float = 10
) -> None:
    """Plot the cells of a confusion matrix, (k, k), in colors of their values, with texts of so many points."""
    k = len(scores.labels)
    colors = matplotlib.colormaps[MATRIX_COLORS].with_extremes(bad="#f3f3f3")
    top = max(1.0, float(np.nanmax(values)))
    axes.imshow(values, cmap=colors, vmin=0, vmax=top * 1.1)
    crowded = k > 4 or max(map(len, scores.labels)) > 9
    axes.set_xticks(
        range(k),
        scores.labels,
        rotation=40 if crowded else 0,
        ha="right" if crowded else "center",
        rotation_mode="anchor",
    )
    axes.set_xlabel("predicted class")
    axes.set_xticks(np.arange(k + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(k + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    for row in range(k):
        for column in range(k):
            value = values[row, column]
            shade = "white" if value > 0.7 * top else INK if value > 0 else FAINT
            weight = "bold" if row == column else "normal"
            axes.text(
                column, row, texts[row][column], ha="center", va="center", color=shade, weight=weight, fontsize=size
            )
