"""The scores of a run: one function, so that every table, page and console prints the same."""

from __future__ import annotations

from ckseq.protocol.score import Scores, score
from ckseq.storage.predictions import Predictions
from ckseq.storage.run_record import RunRecord


def scores_of(run: RunRecord, predictions: Predictions, *, confidence: float) -> Scores:
    """Score the predictions of a run.

    Raises
    ------
    DataError
        There are no predictions.
    """
    return score(
        [row.truth for row in predictions.rows],
        [row.predicted for row in predictions.rows],
        labels=predictions.labels,
        confidence=confidence,
        subjects=predictions.subjects,
        repeats=len(predictions.seeds),
        majority=run.leakage.prior.accuracy if run.leakage else None,
    )
