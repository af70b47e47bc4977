"""The figure of a comparison: differences in accuracy between pairs of runs, with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ckseq.protocol.comparison import Difference
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, house_style, png


def draw_differences(pairs: Sequence[tuple[str, Difference]], *, confidence: float) -> bytes:
    """Draw one line per pair; a difference whose interval excludes 0 is colored.

    Parameters
    ----------
    pairs : sequence of (str, Difference)
        The label and the difference of each line, from the top.
    confidence : float
        Confidence level of the intervals, for the axis label.

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
        axes.set_xlabel(f"difference in accuracy, {100 * confidence:.0f} % bootstrap interval over subjects")
        return png(figure)
