"""Bootstrap confidence intervals that resample whole subjects, since sequences of one person resemble each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.protocol.calibration import bins, losses
from ckseq.protocol.intervals import Interval, draws, tails
from ckseq.protocol.score import accuracy, balanced_accuracy, cohen_kappa, macro_f1

# resampling adds noise to every gap, and their absolute values add up: an interval would lie too high, and miss the
# error of a calibrated model always
_WITHOUT_INTERVAL = "calibration_error"
METRICS = ("accuracy", "balanced_accuracy", "macro_f1", "cohen_kappa", "log_loss", "calibration_error")


def metrics(
    truth: NDArray[np.int_],
    predicted: NDArray[np.int_],
    probabilities: NDArray[np.float64],
    *,
    n_bins: int,
) -> dict[str, float]:
    """Return every metric of `METRICS`, NaN where one is not defined.

    Parameters
    ----------
    truth, predicted : (n,) int
        Indices of classes.
    probabilities : (n, k) float64
    n_bins : int
        Number of bins of the expected calibration error.
    """
    everyone = np.zeros(len(truth), int)
    sums = _sums_by_subject(truth, predicted, probabilities, everyone, n_bins)
    return {name: float(values[0]) for name, values in _metrics(sums, np.ones((1, 1))).items()}


def by_subject(
    truth: NDArray[np.int_],
    predicted: NDArray[np.int_],
    probabilities: NDArray[np.float64],
    subjects: Sequence[str],
    *,
    n_bins: int,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> dict[str, Interval]:
    """Return a percentile bootstrap interval of every metric of `METRICS`; each draw resamples all subjects.

    All predictions of a subject stay together, also those of several seeds, so neither many sequences of few subjects
    nor many seeds make an interval narrower than the number of subjects justifies. A draw that lacks a class is scored
    over the classes that it has, as the predictions themselves are. The calibration error has no interval: a sum of
    absolute gaps, it only grows by resampling.

    Parameters
    ----------
    truth, predicted : (n,) int
        Indices of classes.
    probabilities : (n, k) float64
    subjects : sequence of str
        The subject of each prediction.
    n_bins : int
        Number of bins of the expected calibration error.
    n_draws : int
        Number of bootstrap samples.
    confidence : float
        Confidence level, between 0 and 1.
    rng : numpy.random.Generator

    Returns
    -------
    dict
        By metric; an interval of NaN where a metric is not defined, and of the calibration error.

    Raises
    ------
    DataError
        There are no predictions.

    References
    ----------
    Davison, A. C. & Hinkley, D. V. (1997). Bootstrap methods and their application, section 3.8 (cluster resampling).
    """
    if len(truth) == 0:
        raise DataError("there are no predictions to resample")
    names, subject_of = np.unique(list(subjects), return_inverse=True)
    sums = _sums_by_subject(truth, predicted, probabilities, subject_of, n_bins)
    weights = draws(len(names), n_draws=n_draws, rng=rng)
    found = {name: _percentiles(values, confidence) for name, values in _metrics(sums, weights).items()}
    return found | {_WITHOUT_INTERVAL: Interval(np.nan, np.nan)}


def _percentiles(values: NDArray[np.float64], confidence: float) -> Interval:
    defined = values[~np.isnan(values)]
    if len(defined) == 0:
        return Interval(np.nan, np.nan)
    low, high = np.quantile(defined, tails(confidence))
    return Interval(float(low), float(high))


def _sums_by_subject(
    truth: NDArray[np.int_],
    predicted: NDArray[np.int_],
    probabilities: NDArray[np.float64],
    subject_of: NDArray[np.int_],
    n_bins: int,
) -> dict[str, NDArray[np.float64]]:
    """Return the sums that the metrics are computed from, for each subject; a subject drawn twice counts twice."""
    n_subjects, k = int(subject_of.max()) + 1, probabilities.shape[1]
    matrix = np.zeros((n_subjects, k, k))
    np.add.at(matrix, (subject_of, truth, predicted), 1)
    loss = np.zeros(n_subjects)
    np.add.at(loss, subject_of, losses(probabilities, truth))
    sure = probabilities[np.arange(len(truth)), predicted]
    gap = np.zeros((n_subjects, n_bins))
    np.add.at(gap, (subject_of, bins(sure, n_bins=n_bins)), (truth == predicted) - sure)
    return {"matrix": matrix, "loss": loss, "gap": gap}


def _metrics(sums: Mapping[str, NDArray[np.float64]], weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Return each metric (draws,) of the weighted sums; ``weights`` is (draws, subjects)."""
    matrix = np.tensordot(weights, sums["matrix"], axes=1)
    n = matrix.sum(axis=(1, 2))
    return {
        "accuracy": accuracy(matrix),
        "balanced_accuracy": balanced_accuracy(matrix),
        "macro_f1": macro_f1(matrix),
        "cohen_kappa": cohen_kappa(matrix),
        "log_loss": weights @ sums["loss"] / n,
        "calibration_error": np.abs(weights @ sums["gap"]).sum(axis=1) / n,
    }
