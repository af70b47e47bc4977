"""The figure of the class distribution in training, validation and test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.protocol.score import Scores
from ckseq.report.style import ACCENT, LINE, SOFT, WARM, house_style, png
from ckseq.storage.run_record import RunRecord

COLORS = {"training": ACCENT, "validation": "#7a9bb1", "test": WARM, "all": ACCENT}


def sample_counts(run: RunRecord, scores: Scores) -> dict[str, dict[str, int]]:
    """Return the number of samples of each class in each part of the data, where the run records it.

    A cross-validation tests every sample once, so its test set is all data.
    """
    parts = {"training": run.protocol.train_counts, "validation": run.protocol.validation_counts}
    counts = {part: dict(of_label) for part, of_label in parts.items() if of_label}
    support = (scores.per_class.support // scores.repeats).tolist()
    return {**counts, "test": dict(zip(scores.labels, support, strict=True))}


def draw_classes(labels: Sequence[str], counts: Mapping[str, Mapping[str, int]]) -> bytes:
    """Draw the class distribution in every part of the data, as counts and as shares of the part.

    Parameters
    ----------
    labels : sequence of str
        The classes, in order.
    counts : mapping of str to mapping
        By part (``training``, ``validation``, ``test``, or ``all`` alone) the number of samples by label; at least one
        part.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        height = 0.9 + len(labels) * (0.14 + 0.15 * len(counts))
        figure = Figure(figsize=(9.2, height))
        left, right = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.06})
        thick = 0.8 / len(counts)
        for number, (part, of_label) in enumerate(counts.items()):
            values = np.array([of_label.get(label, 0) for label in labels])
            n = int(values.sum())
            shares = values / max(n, 1)
            places = np.arange(len(labels)) + (number - (len(counts) - 1) / 2) * thick
            color = COLORS[part]
            left.barh(places, values, height=thick * 0.92, color=color, label=f"{part} ({n})")
            right.barh(places, shares, height=thick * 0.92, color=color)
            _write(left, places, values, [str(value) for value in values])
            _write(right, places, shares, [f"{100 * share:.0f} %" for share in shares])
        left.set_yticks(range(len(labels)), labels)
        left.set_ylim(len(labels) - 0.45, -0.55)
        left.set_title("Class distribution: counts")
        right.set_title("Shares of each set" if len(counts) > 1 else "Shares")
        right.tick_params(axis="y", length=0)
        left.tick_params(axis="y", length=0)
        left.legend(frameon=False, loc="upper left", bbox_to_anchor=(-0.02, 0), ncols=len(counts), borderaxespad=0.2)
        return png(figure)


def _write(axes: Axes, places: NDArray[Any], values: NDArray[Any], texts: Sequence[str]) -> None:
    """Write each value at the end of its bar; then no axis is needed."""
    top = max(float(values.max(initial=0)), axes.get_xlim()[1] / 1.15, 1e-9)
    axes.set_xlim(0, 1.15 * top)
    for place, value, text in zip(places, values, texts, strict=True):
        axes.annotate(
            text, (value, place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7.5, color=SOFT
        )
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_color(LINE)
