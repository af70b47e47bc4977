"""The critical-difference diagram: models by mean rank, with a bar over those that do not differ significantly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ckseq.protocol.ranking import Ranking, alike
from ckseq.report.style import ACCENT, INK, SOFT, house_style, png


def draw_ranks(names: Sequence[str], ranking: Ranking, *, confidence: float) -> bytes:
    """Draw mean ranks on a line, the best on the left (Demšar 2006, JMLR 7).

    Returns
    -------
    bytes
        A PNG file.
    """
    k = len(names)
    groups = alike(ranking)
    order = np.argsort(ranking.mean_ranks, kind="stable")
    top = 0.34 * len(groups) + 0.35
    with house_style():
        figure = Figure(figsize=(5.6, 1.3 + 0.17 * k + 0.2 * len(groups)))
        axes = figure.subplots()
        axes.set_axis_off()
        axes.plot([1, k], [0, 0], color=INK, linewidth=1)
        for tick in range(1, k + 1):
            axes.plot([tick, tick], [0, 0.12], color=INK, linewidth=1)
            axes.text(tick, 0.2, str(tick), ha="center", va="bottom", color=SOFT)
        for place, model in enumerate(order):
            left = place < (k + 1) // 2
            depth = top + 0.45 * (place if left else k - 1 - place)
            at, end = float(ranking.mean_ranks[model]), 0.85 if left else k + 0.15
            axes.plot([at, at, end], [0, -depth, -depth], color=SOFT, linewidth=0.9)
            text = f"{names[model]}  {at:.2f}"
            axes.text(end + (-0.05 if left else 0.05), -depth, text, ha="right" if left else "left", va="center")
        for line, group in enumerate(groups):
            ends = [float(ranking.mean_ranks[model]) for model in group]
            height = -0.3 - 0.34 * line
            axes.plot([min(ends) - 0.04, max(ends) + 0.04], [height] * 2, color=ACCENT, linewidth=4)
        axes.plot([1, 1 + ranking.critical_difference], [1.1, 1.1], color=ACCENT, linewidth=1.6)
        caption = f"critical difference {ranking.critical_difference:.2f} ({100 * confidence:.0f} %)"
        axes.text(1, 1.22, f"{caption}, {ranking.n_blocks} blocks, Friedman p = {ranking.p_value:.2g}", va="bottom")
        return png(figure)
