"""The learning curves: accuracy and loss after every epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ckseq.protocol.score import Scores
from ckseq.report.style import ACCENT, LINE, SOFT, WARM, house_style, png
from ckseq.report.wording import percent
from ckseq.storage.history import Epoch

SECOND_CURVE = {
    "test": "test (for information, not used for selection)",
    "inner": "validation (held out of the training set)",
    "given": "validation (given by the data set)",
    "none": "not measured",
}


def draw_accuracy(epochs: Sequence[Epoch], *, validation: str, scores: Scores) -> bytes:
    """Draw the accuracy of every epoch, with the final test accuracy, its interval, and the majority-class baseline.

    Parameters
    ----------
    epochs : sequence of Epoch
        At least one.
    validation : str
        What the second curve shows: ``"test"``, ``"inner"``, ``"given"`` or ``"none"``.
    scores : Scores
        Of the final model on the test set.

    Returns
    -------
    bytes
        A PNG file.
    """
    with house_style():
        figure, axes = _figure("Accuracy")
        plot_curves(axes, epochs, "accuracy", "val_accuracy", validation)
        axes.set_ylim(0, 1.02)
        axes.set_yticks(np.linspace(0, 1, 6))
        last = max(epoch.epoch for epoch in epochs)
        if scores.majority is not None:
            label = f"majority-class baseline: {scores.majority:.2f}"
            axes.axhline(scores.majority, color=SOFT, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1, label=label)
        error = [[scores.accuracy - scores.interval.low], [scores.interval.high - scores.accuracy]]
        axes.errorbar(
            [last * 1.03 + 0.4],
            [scores.accuracy],
            yerr=error,
            fmt="o",
            color=WARM,
            markersize=5,
            capsize=4,
            linewidth=1.4,
            clip_on=False,
            label=f"final model on the test set, {percent(scores.confidence)} interval",
        )
        # the final model stands to the right of the last epoch, where there is no further one
        axes.set_xticks([tick for tick in axes.get_xticks() if 1 <= tick <= last])
        _legend(axes)
        return png(figure)


def draw_loss(epochs: Sequence[Epoch], *, validation: str, weighted: bool = False) -> bytes:
    """Draw the loss of every epoch; parameters as for `draw_accuracy`, ``weighted`` as for `plot_curves`."""
    with house_style():
        figure, axes = _figure("Loss (cross-entropy, nats)")
        plot_curves(axes, epochs, "loss", "val_loss", validation, weighted=weighted)
        axes.set_ylim(bottom=0)
        _legend(axes)
        return png(figure)


def _figure(title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.8, 2.9))
    axes = figure.subplots()
    axes.set_title(title, weight="bold", fontsize=11)
    axes.set_xlabel("epoch")
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return figure, axes


def plot_curves(
    axes: Axes, epochs: Sequence[Epoch], train: str, second: str, validation: str, *, weighted: bool = False
) -> None:
    """Plot two columns of the history over the epochs, that of the training and that which ``validation`` names.

    ``weighted`` tells that class weights are in the first.
    """
    number = _column(epochs, "epoch")
    marker = "o" if len(epochs) == 1 else None
    label = "training (weighted by class)" if weighted else "training"
    axes.plot(number, _column(epochs, train), color=ACCENT, linewidth=1.6, label=label, marker=marker, markersize=4)
    values = _column(epochs, second)
    if not np.isnan(values).all():
        label = SECOND_CURVE.get(validation, validation)
        axes.plot(number, values, color=WARM, linewidth=1.6, linestyle="--", label=label, marker=marker, markersize=4)


def _column(epochs: Sequence[Epoch], name: str) -> NDArray[np.float64]:
    """Return a column, with a gap where the epoch number restarts (the next fold)."""
    number = np.array([epoch.epoch for epoch in epochs], float)
    values = np.array([getattr(epoch, name) for epoch in epochs], float)
    return np.insert(values, np.flatnonzero(np.diff(number) <= 0) + 1, np.nan)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(-0.03, -0.17), ncols=1, handlelength=2.6)
