"""A run that is complete, and its main score: accuracy, or of action units the mean area under the ROC curve."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ckseq.grammar import counted
from ckseq.protocol.unit_scores import aucs
from ckseq.storage.predictions import Predictions, by_unit
from ckseq.storage.run_record import RunRecord


class Finished(NamedTuple):
    """A complete run: its record and its predictions."""

    run: RunRecord
    predictions: Predictions

    def accuracy(self, seed: int | None = None) -> float:
        """Return the share of correct predictions, of one seed or of all."""
        rows = [row for row in self.predictions.rows if seed is None or row.seed in (None, seed)]
        return sum(row.truth == row.predicted for row in rows) / len(rows)

    def mean_auc(self, seed: int | None = None) -> float:
        """Return the mean of the action units' areas under the ROC curve, of one seed, or the mean over all seeds."""
        seeds, arrays = self.predictions.seeds, by_unit(self.predictions)
        found = [aucs(arrays.shown, one, arrays.folds) for one in arrays.probabilities]
        areas = np.array([one for own, one in zip(seeds, found, strict=True) if seed is None or own in (None, seed)])
        return float(np.nanmean(areas)) if not np.isnan(areas).all() else np.nan

    def summary(self) -> str:
        """Return the main score in words."""
        if self.predictions.multi_label:
            arrays = by_unit(self.predictions)
            n_measured = int((~np.isnan(aucs(arrays.shown, arrays.probabilities[0], arrays.folds))).sum())
            if not n_measured:
                return "no mean AUC: too few test sequences show any action unit"
            return f"mean AUC {self.mean_auc():.3f} of {counted(n_measured, 'action unit')}"
        return f"accuracy {self.accuracy():.3f}"

    def scores(self) -> dict[str, Any]:
        """Return the main score, over all seeds and of each, by name."""
        name, score = ("mean_auc", self.mean_auc) if self.predictions.multi_label else ("accuracy", self.accuracy)
        return {name: _known(score()), f"{name}_by_seed": {str(one): _known(score(one)) for one in self.run.seeds}}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value
