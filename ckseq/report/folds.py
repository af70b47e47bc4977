"""The figure of a cross-validation: one small confusion matrix per fold."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from ckseq.protocol.score import confusion_matrix
from ckseq.report.style import INK, MATRIX_COLORS, SOFT, house_style, png
from ckseq.storage.predictions import Predictions

_COLUMNS = 5
# with more folds, as in leave-one-subject-out, single matrices show nothing
MOST = 20


def draw_folds(predictions: Predictions) -> bytes:
    """Draw the confusion matrix of every fold, summed over seeds; rows are true classes.

    Returns
    -------
    bytes
        A PNG file.
    """
    folds = sorted({row.fold for row in predictions.rows})
    k, columns = len(predictions.labels), min(_COLUMNS, len(folds))
    lines = math.ceil(len(folds) / columns)
    side = max(1.5, 0.27 * k)
    with house_style():
        figure = Figure(figsize=(columns * (side + 0.25) + 0.7, lines * (side + 0.65) + 0.6))
        grid = figure.subplots(lines, columns, squeeze=False, gridspec_kw={"hspace": 0.35, "wspace": 0.12})
        for axes in grid.flat[len(folds) :]:
            axes.set_visible(False)
        for place, fold in enumerate(folds):
            axes = grid.flat[place]
            rows = [row for row in predictions.rows if row.fold == fold]
            matrix = confusion_matrix([r.truth for r in rows], [r.predicted for r in rows], labels=predictions.labels)
            support = np.maximum(matrix.sum(axis=1, keepdims=True), 1)
            axes.imshow(matrix / support, cmap=MATRIX_COLORS, vmin=0, vmax=1.1)
            axes.set_title(f"fold {fold}: {matrix.trace() / matrix.sum():.2f}", fontsize=9, color=SOFT)
            axes.set_xticks(range(k), predictions.labels if place + columns >= len(folds) else [""] * k, rotation=90)
            axes.set_yticks(range(k), predictions.labels if place % columns == 0 else [""] * k)
            axes.tick_params(length=0, labelsize=7)
            axes.spines[:].set_visible(False)
            for (i, j), count in np.ndenumerate(matrix):
                if count:
                    shade = "white" if count / support[i, 0] > 0.65 else INK
                    axes.text(j, i, str(count), ha="center", va="center", fontsize=7, color=shade)
        return png(figure)
