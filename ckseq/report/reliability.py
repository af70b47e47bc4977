"""The reliability diagram: accuracy over the predicted probability."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ckseq.protocol.calibration import Reliability, calibration_error
from ckseq.protocol.intervals import wilson_interval
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, house_style, png


def draw_reliability(found: Reliability, *, confidence: float, repeats: int) -> bytes:
    """Draw accuracy over confidence, with Wilson intervals, above a histogram of the confidence.

    Parameters
    ----------
    found : Reliability
    confidence : float
        Confidence level of the intervals.
    repeats : int
        Number of predictions per sequence (seeds); an interval counts a sequence once.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        figure = Figure(figsize=(4.2, 4.4))
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1), gridspec_kw={"hspace": 0.12})
        axes.set_title("Reliability diagram", weight="bold", fontsize=11)
        plot_reliability(axes, below, found, confidence=confidence, repeats=repeats)
        figure.align_ylabels()
        return png(figure)


def plot_reliability(axes: Axes, below: Axes, found: Reliability, *, confidence: float, repeats: int) -> None:
    """Plot the diagram, and its histogram into the axes below; parameters as of `draw_reliability`."""
    some = found.counts > 0
    axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
    axes.text(
        0.98,
        0.93,
        "perfect calibration",
        color=SOFT,
        fontsize=8,
        rotation=45,
        rotation_mode="anchor",
        ha="right",
        va="top",
    )
    confidences, accuracies, counts = found.confidence[some], found.accuracy[some], found.counts[some] / repeats
    ends = np.array(
        [
            wilson_interval(p * n, n, confidence=confidence) if n >= 1 else (0, 1)
            for p, n in zip(accuracies, counts, strict=True)
        ]
    )
    error = np.abs(ends.T - accuracies)
    bars = axes.errorbar(
        confidences, accuracies, yerr=error, fmt="o-", color=ACCENT, markersize=5, capsize=3, linewidth=1.3
    )
    bars[0].set_clip_on(False)  # markers at 0 and 1 are whole
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_ylabel("accuracy")
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    centers = (found.edges[:-1] + found.edges[1:]) / 2
    below.bar(centers, found.counts, width=0.9 * np.diff(found.edges), color=ACCENT, alpha=0.45)
    below.set_ylabel("predictions")
    together = ", all seeds together" if repeats > 1 else ""
    below.set_xlabel(f"predicted probability (ECE {calibration_error(found):.3f}{together})")
