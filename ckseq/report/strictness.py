"""The figure of protocol strictness: the accuracy of one model under ever stricter protocols."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.figure import Figure

from ckseq.protocol.intervals import Interval, IntervalMethod
from ckseq.report.style import ACCENT, FAINT, LINE, SOFT, WARM, house_style, png


class Level(NamedTuple):
    """The accuracy under one protocol.

    ``interval``, and the ``method`` it was computed by, are None where the epoch was selected on the test fold itself.
    """

    name: str
    accuracy: float
    interval: Interval | None
    method: IntervalMethod | None
    best_rule: float
    n_test: int


def draw_strictness(levels: Sequence[Level], *, confidence: float) -> bytes:
    """Draw one bar per protocol, the least strict on top, each with the best pixel-free baseline.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        figure = Figure(figsize=(5.4, 1.5 + 0.46 * len(levels)))
        axes = figure.subplots()
        axes.set_title("Protocol strictness: one model, stricter and stricter tests", weight="bold", fontsize=11)
        for line, level in enumerate(levels):
            trusted = level.interval is not None
            color = ACCENT if trusted else WARM
            axes.barh(line, level.accuracy, height=0.62, color=color, alpha=0.28 if trusted else 0.18)
            axes.plot([level.accuracy] * 2, [line - 0.31, line + 0.31], color=color, linewidth=2.2)
            if level.interval is not None:
                axes.plot(level.interval, [line, line], color=color, linewidth=1.4)
            axes.plot([level.best_rule], [line], "D", color=SOFT, markersize=5, markerfacecolor="white")
            end = level.accuracy if level.interval is None else max(level.accuracy, level.interval.high)
            if end - 0.02 < level.best_rule < end + 0.13:
                end = level.best_rule + 0.01  # so that the number does not cover the diamond
            mark = " W" if level.method is not None and level.method.kind == "wilson" else ""
            axes.text(
                end + 0.015, line, f"{level.accuracy:.3f}{mark}", va="center", fontsize=9, weight="bold", color=color
            )
        axes.set_yticks(range(len(levels)), [f"{level.name}  ({level.n_test})" for level in levels])
        axes.set_ylim(len(levels) - 0.5, -0.5)
        axes.set_xlim(0, 1.12)
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x", color=LINE, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel("accuracy")
        notes = [f"line: {100 * confidence:.0f} % confidence interval, bootstrap by subject or Wilson’s (W)"]
        notes.append("in brackets: test sequences")
        notes.append("diamond: best pixel-free baseline")
        if any(level.interval is None for level in levels):
            notes.append("orange: epoch selected on the test set itself (optimistic), so no valid interval")
        axes.annotate(
            "\n".join(notes), (0, 0), xycoords="axes fraction", xytext=(0, -34), textcoords="offset points",
            va="top", fontsize=8, color=SOFT,
        )  # fmt: skip
        axes.axvline(0, color=FAINT, linewidth=0.6)
        return png(figure)
