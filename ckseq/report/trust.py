"""The metrics of a run with bootstrap intervals over subjects, for each seed and over all seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckseq.protocol.bootstrap import METRICS, by_subject, metrics
from ckseq.protocol.calibration import Reliability, reliability
from ckseq.protocol.score import Interval
from ckseq.storage.predictions import Prediction, Predictions

N_BINS = 10
_DRAWS = 2000
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy (UAR, mean recall)",
    "macro_f1": "macro F1",
    "cohen_kappa": "Cohen’s kappa",
    "log_loss": "log-loss, nats",
    "calibration_error": f"expected calibration error (ECE, {N_BINS} bins)",
}


@dataclass(frozen=True)
class Trust:
    """Every metric of `METRICS`: its mean over the seeds, a bootstrap interval over subjects, and its value per seed.

    ``deviation`` is the standard deviation over the seeds (n - 1), NaN for one seed; ``by_seed`` has one value per
    seed, in the order of ``seeds``; ``reliability`` is that of all predictions together.
    """

    seeds: tuple[int | None, ...]
    mean: dict[str, float]
    interval: dict[str, Interval]
    deviation: dict[str, float]
    by_seed: dict[str, tuple[float, ...]]
    reliability: Reliability
    n_subjects: int


def trust(predictions: Predictions, *, confidence: float) -> Trust:
    """Compute every metric from predictions; the same predictions give the same values.

    Raises
    ------
    DataError
        There are no predictions.
    """
    truth, predicted, probabilities, subjects = _arrays(predictions.rows, predictions.labels)
    intervals = by_subject(
        truth,
        predicted,
        probabilities,
        subjects,
        n_bins=N_BINS,
        n_draws=_DRAWS,
        confidence=confidence,
        rng=np.random.default_rng(0),
    )
    seeds = predictions.seeds
    each = []
    for seed in seeds:
        own = _arrays([row for row in predictions.rows if row.seed == seed], predictions.labels)
        each.append(metrics(*own[:3], n_bins=N_BINS))
    by_seed = {name: tuple(one[name] for one in each) for name in METRICS}
    sure = probabilities[np.arange(len(truth)), predicted]
    return Trust(
        seeds,
        {name: float(np.mean(values)) for name, values in by_seed.items()},
        intervals,
        {name: float(np.std(values, ddof=1)) if len(seeds) > 1 else math.nan for name, values in by_seed.items()},
        by_seed,
        reliability(sure, truth == predicted, n_bins=N_BINS),
        len(set(subjects)),
    )


def _arrays(rows: Sequence[Prediction], labels: Sequence[str]) -> tuple[Any, Any, Any, list[str]]:
    place = {label: i for i, label in enumerate(labels)}
    truth = np.array([place[row.truth] for row in rows], int)
    predicted = np.array([place[row.predicted] for row in rows], int)
    probabilities = np.array([row.probabilities for row in rows], float).reshape(len(rows), len(labels))
    return truth, predicted, probabilities, [row.subject for row in rows]


def trust_tree(found: Trust) -> dict[str, Any]:
    """Return the metrics as plain values for JSON; an undefined value is None."""
    return {
        "method": f"mean over seeds; bootstrap intervals over {found.n_subjects} subjects, {_DRAWS} draws",
        "seeds": list(found.seeds),
        "figures": {
            name: {
                "mean": _plain(found.mean[name]),
                "low": _plain(found.interval[name].low),
                "high": _plain(found.interval[name].high),
                "deviation_over_seeds": _plain(found.deviation[name]),
                "by_seed": [_plain(value) for value in found.by_seed[name]],
            }
            for name in METRICS
        },
        "reliability": {
            "edges": found.reliability.edges.tolist(),
            "counts": found.reliability.counts.tolist(),
            "confidence": [_plain(value) for value in found.reliability.confidence.tolist()],
            "accuracy": [_plain(value) for value in found.reliability.accuracy.tolist()],
        },
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
