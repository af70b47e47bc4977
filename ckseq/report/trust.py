"""The metrics of a run with confidence intervals, for each seed and over all seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckseq.protocol.bootstrap import METRICS, by_subject, metrics
from ckseq.protocol.calibration import Reliability, reliability
from ckseq.protocol.intervals import N_DRAWS, SEED, Interval, IntervalMethod, accuracy_interval, clusters_of, with_width
from ckseq.storage.predictions import Prediction, Predictions

N_BINS = 10
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
    """Every metric of `METRICS`: its mean over the seeds, its interval, and its value per seed.

    The interval of the accuracy is that of `ckseq.protocol.intervals.accuracy_interval`, by ``method``; the others are
    percentile intervals of the bootstrap over subjects, or over sequences where there are fewer than 10 subjects or
    these are unknown (``resampled`` says which), and NaN where that gives no width, and of the calibration error.
    ``deviation`` is the standard deviation over the seeds (n - 1), NaN for one seed; ``by_seed`` has one value per
    seed, in the order of ``seeds``; ``reliability`` is that of all predictions together.
    """

    seeds: tuple[int | None, ...]
    mean: dict[str, float]
    interval: dict[str, Interval]
    deviation: dict[str, float]
    by_seed: dict[str, tuple[float, ...]]
    reliability: Reliability
    method: IntervalMethod
    n_subjects: int | None
    resampled: str


def trust(predictions: Predictions, *, confidence: float) -> Trust:
    """Compute every metric from predictions; the same predictions give the same values.

    Raises
    ------
    DataError
        There are no predictions.
    """
    truth, predicted, probabilities = _arrays(predictions.rows, predictions.labels)
    seeds, subjects = predictions.seeds, predictions.subjects
    n_subjects = None if subjects is None else len(set(subjects))
    recordings = [row.recording for row in predictions.rows]
    clusters = clusters_of(subjects, recordings)
    intervals = by_subject(
        truth,
        predicted,
        probabilities,
        recordings if clusters.by == "sequence" or subjects is None else subjects,
        n_bins=N_BINS,
        n_draws=N_DRAWS,
        confidence=confidence,
        rng=np.random.default_rng(SEED),
    )
    intervals = {name: with_width(interval, n_clusters=clusters.n) for name, interval in intervals.items()}
    intervals["accuracy"], method = accuracy_interval(
        truth == predicted, subjects, repeats=len(seeds), confidence=confidence
    )
    each = []
    for seed in seeds:
        own = _arrays([row for row in predictions.rows if row.seed == seed], predictions.labels)
        each.append(metrics(*own, n_bins=N_BINS))
    by_seed = {name: tuple(one[name] for one in each) for name in METRICS}
    sure = probabilities[np.arange(len(truth)), predicted]
    return Trust(
        seeds,
        {name: float(np.mean(values)) for name, values in by_seed.items()},
        intervals,
        {name: float(np.std(values, ddof=1)) if len(seeds) > 1 else math.nan for name, values in by_seed.items()},
        by_seed,
        reliability(sure, truth == predicted, n_bins=N_BINS),
        method,
        n_subjects,
        clusters.name,
    )


def _arrays(rows: Sequence[Prediction], labels: Sequence[str]) -> tuple[Any, Any, Any]:
    place = {label: i for i, label in enumerate(labels)}
    truth = np.array([place[row.truth] for row in rows], int)
    predicted = np.array([place[row.predicted] for row in rows], int)
    probabilities = np.array([row.probabilities for row in rows], float).reshape(len(rows), len(labels))
    return truth, predicted, probabilities


def trust_tree(found: Trust) -> dict[str, Any]:
    """Return the metrics as plain values for JSON; an undefined value is None."""
    return {
        "method": {
            "accuracy": found.method.kind,
            "others": f"bootstrap over {found.resampled}, {N_DRAWS} draws; null where that gives no width, and for the "
            "calibration error, which resampling only raises",
        },
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
