"""The picture of calibration: how often the model is right when it is so sure."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from ckseq.protocol.calibration import Reliability, calibration_error
from ckseq.protocol.score import wilson_interval
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, house_style, png


def draw_reliability(found: Reliability, *, confidence: float, repeats: int) -> bytes:
    """Draw accuracy over confidence, with Wilson intervals, above how many answers were that sure.

    Parameters
    ----------
    found : Reliability
    confidence : float
        Of the intervals.
    repeats : int
        How often each sequence was answered for; an interval counts it once.

    Returns
    -------
    bytes
        A PNG file.
    """
    some = found.counts > 0
    with house_style():
        figure = Figure(figsize=(4.2, 4.4))
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3.4, 1), gridspec_kw={"hspace": 0.12})
        axes.set_title("How often right, when so sure", weight="bold", fontsize=11)
        axes.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
        axes.text(
            0.98,
            0.93,
            "as often as it says",
            color=SOFT,
            fontsize=8,
            rotation=45,
            rotation_mode="anchor",
            ha="right",
            va="top",
        )
        sure, right, counts = found.confidence[some], found.accuracy[some], found.counts[some] / repeats
        ends = np.array(
            [
                wilson_interval(r * n, n, confidence=confidence) if n >= 1 else (0, 1)
                for r, n in zip(right, counts, strict=True)
            ]
        )
        error = np.abs(ends.T - right)
        axes.errorbar(sure, right, yerr=error, fmt="o-", color=ACCENT, markersize=5, capsize=3, linewidth=1.3)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.set_ylabel("share that is right")
        axes.grid(color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        centers = (found.edges[:-1] + found.edges[1:]) / 2
        below.bar(centers, found.counts, width=0.9 * np.diff(found.edges), color=ACCENT, alpha=0.45)
        below.set_ylabel("answers")
        below.set_xlabel(f"probability given to the answer     (calibration error {calibration_error(found):.3f})")
        figure.align_ylabels()
        return png(figure)
