"""The figure of a comparison: differences in accuracy between pairs of runs, with confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from ckseq.report.paired_runs import Pair
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, house_style, png


def draw_differences(pairs: Sequence[Pair]) -> bytes:
    """Draw one line per pair, from the top; a significant difference is colored.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        figure = Figure(figsize=(5.6, 0.9 + 0.42 * len(pairs)))
        axes = figure.subplots()
        axes.axvline(0, color=FAINT, linewidth=1)
        for line, pair in enumerate(pairs):
            difference = pair.compared.difference
            color = ACCENT if pair.significant else SOFT
            if difference.interval is not None:
                axes.plot(difference.interval, [line, line], color=color, linewidth=2.2, solid_capstyle="round")
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
        axes.set_yticks(range(len(pairs)), [pair.name for pair in pairs])
        axes.set_ylim(len(pairs) - 0.4, -0.7)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"difference in accuracy, {100 * pairs[0].confidence:.0f} % interval; blue: significant")
        return png(figure)
