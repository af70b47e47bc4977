"""The figures of a run for print: one column wide, as PDF and SVG with their fonts inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ckseq.protocol.score import Scores
from ckseq.report.confusion import plot_matrix
from ckseq.report.curves import plot_curves
from ckseq.report.reliability import plot_reliability
from ckseq.report.style import ACCENT, LINE, WARM, print_files, print_style
from ckseq.report.trust import Trust
from ckseq.report.wording import percent
from ckseq.storage.history import Epoch

COLUMN_IN = 3.5
"""The width of a column in the journals and proceedings of the field, 89 mm."""


def draw_for_print(
    scores: Scores, found: Trust, epochs: Sequence[Epoch], *, validation: str, confidence: float, weighted: bool = False
) -> dict[str, bytes]:
    """Draw the figures of a run, without titles, which captions replace.

    Parameters
    ----------
    scores : Scores
    found : Trust
        Of the same predictions.
    epochs : sequence of Epoch
        Of the training; without any there are no learning curves.
    validation : str
        What the second curve shows, as for `ckseq.report.curves.draw_accuracy`.
    confidence : float
        Confidence level of the intervals.
    weighted : bool
        Whether class weights are in the training loss.

    Returns
    -------
    dict of str to bytes
        By file name, such as ``confusion_matrix.pdf``; the same predictions give the same bytes.
    """
    with print_style():
        figures = {
            "confusion_matrix": _matrix(scores),
            "per_class": _per_class(scores),
            "reliability": _reliability(found, scores, confidence),
        }
        if epochs:
            figures["learning_curves"] = _curves(epochs, validation, weighted)
        files = {name: print_files(figure) for name, figure in figures.items()}
    return {f"{name}.{kind}": data for name, of_kind in files.items() for kind, data in of_kind.items()}


def _figure(height_in: float) -> Figure:
    return Figure(figsize=(COLUMN_IN, height_in), layout="constrained")


def _matrix(scores: Scores) -> Figure:
    """Return counts in the colors of the shares of the true class."""
    figure = _figure(0.88 * COLUMN_IN)
    axes = figure.subplots()
    support = scores.per_class.support
    rates = scores.matrix / np.maximum(support, 1)[:, None]
    plot_matrix(axes, rates, [[str(count) for count in row] for row in scores.matrix], scores, size=7)
    axes.set_ylabel("true class")
    axes.set_yticks(range(len(support)), [f"{label} ({n})" for label, n in zip(scores.labels, support, strict=True)])
    return figure


def _per_class(scores: Scores) -> Figure:
    """Return recall with its interval and precision of every class."""
    places = np.arange(len(scores.labels))
    figure = _figure(0.75 + 0.24 * len(places))
    axes = figure.subplots()
    recall, precision = (np.array(values, float) for values in (scores.per_class.recall, scores.per_class.precision))
    recall[scores.per_class.support == 0] = np.nan
    ends = np.array([(r, r) if one is None else one for r, one in zip(recall, scores.recall_intervals, strict=True)])
    axes.errorbar(
        recall,
        places,
        xerr=np.abs(ends.T - recall),
        fmt="o",
        color=ACCENT,
        markersize=3.5,
        capsize=2,
        linewidth=1,
        label=f"recall, {percent(scores.confidence)} interval",
    )
    axes.plot(precision, places + 0.25, "D", color=WARM, markersize=3, label="precision", fillstyle="none")
    axes.set(xlim=(0, 1.02), ylim=(len(places) - 0.4, -0.6))
    axes.set_yticks(places, scores.labels)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def _reliability(found: Trust, scores: Scores, confidence: float) -> Figure:
    figure = _figure(3.3)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1))
    plot_reliability(axes, below, found.reliability, confidence=confidence, repeats=scores.repeats)
    return figure


def _curves(epochs: Sequence[Epoch], validation: str, weighted: bool) -> Figure:
    figure = _figure(3.4)
    above, below = figure.subplots(2, 1, sharex=True)
    plot_curves(above, epochs, "accuracy", "val_accuracy", validation)
    plot_curves(below, epochs, "loss", "val_loss", validation, weighted=weighted)
    above.set(ylabel="accuracy", ylim=(0, 1.02))
    below.set(ylabel="loss, nats", xlabel="epoch")
    below.set_ylim(bottom=0)
    for axes in (above, below):
        axes.grid(axis="y", color=LINE, linewidth=0.5)
        axes.set_axisbelow(True)
    handles, labels = above.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=1, frameon=False)
    return figure
