"""The picture of a comparison: how much better one run is than another, each with its interval."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ckseq.protocol.comparison import Difference
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, house_style, png


def draw_differences(pairs: Sequence[tuple[str, Difference]], *, confidence: float) -> bytes:
    """Draw a line for each pair; one whose interval crosses nothing, told apart or not, is seen at a glance.

    Parameters
    ----------
    pairs : sequence of (str, Difference)
        What is drawn in each line, from the top.
    confidence : float
        Of the intervals, for the caption.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        figure = Figure(figsize=(5.6, 0.9 + 0.42 * len(pairs)))
        axes = figure.subplots()
        axes.axvline(0, color=FAINT, linewidth=1)
        for line, (_, difference) in enumerate(pairs):
            low, high = difference.interval
            color = ACCENT if low > 0 or high < 0 else SOFT
            axes.plot([low, high], [line, line], color=color, linewidth=2.2, solid_capstyle="round")
            axes.plot([difference.difference], [line], "o", color=color, markersize=6)
            axes.annotate(
                f"{difference.difference:+.3f}",
                (difference.difference, line),
                xytext=(0, 5),
                textcoords="offset points",
                ha="center",
                fontsize=8,
                color=color,
            )
        axes.set_yticks(range(len(pairs)), [name for name, _ in pairs])
        axes.set_ylim(len(pairs) - 0.4, -0.7)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"difference of the accuracies, {100 * confidence:.0f} % interval by drawing people anew")
        return png(figure)
