"""The picture of a ladder: the accuracy of one model as its test grows stricter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from ckseq.protocol.score import Interval
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, WARM, house_style, png


class Rung(NamedTuple):
    """A way to test and its figure; ``interval`` is None where the epoch was chosen on the test fold itself."""

    name: str
    accuracy: float
    interval: Interval | None
    best_rule: float
    n_test: int


def draw_staircase(rungs: Sequence[Rung], *, confidence: float) -> bytes:
    """Draw the rungs as stairs, the loosest test on top, with the best rule that looks at no pixel beside each.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        figure = Figure(figsize=(5.4, 1.5 + 0.46 * len(rungs)))
        axes = figure.subplots()
        axes.set_title("The same model, tested ever more strictly", weight="bold", fontsize=11)
        for line, rung in enumerate(rungs):
            trusted = rung.interval is not None
            color = ACCENT if trusted else WARM
            axes.barh(line, rung.accuracy, height=0.62, color=color, alpha=0.28 if trusted else 0.18)
            axes.plot([rung.accuracy] * 2, [line - 0.31, line + 0.31], color=color, linewidth=2.2)
            if rung.interval is not None:
                axes.plot(rung.interval, [line, line], color=color, linewidth=1.4)
            axes.plot([rung.best_rule], [line], "D", color=SOFT, markersize=5, markerfacecolor="white")
            end = rung.accuracy if rung.interval is None else max(rung.accuracy, rung.interval.high)
            if end - 0.02 < rung.best_rule < end + 0.13:
                end = rung.best_rule + 0.01  # the figure does not stand on the diamond
            axes.text(end + 0.015, line, f"{rung.accuracy:.3f}", va="center", fontsize=9, weight="bold", color=color)
        axes.set_yticks(range(len(rungs)), [f"{rung.name}  ({rung.n_test})" for rung in rungs])
        axes.set_ylim(len(rungs) - 0.5, -0.5)
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("accuracy")
        notes = [f"line: {100 * confidence:.0f} % interval by drawing people anew; in brackets: test sequences"]
        notes.append("diamond: best rule that looks at no pixel")
        if any(rung.interval is None for rung in rungs):
            notes.append("orange: the best epoch as seen on the test part itself, so no honest interval")
        axes.annotate(
            "\n".join(notes), (0, 0), xycoords="axes fraction", xytext=(0, -34), textcoords="offset points",
            va="top", fontsize=8, color=SOFT,
        )  # fmt: skip
        axes.axvline(0, color=FAINT, linewidth=0.6)
        return png(figure)
