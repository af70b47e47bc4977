"""Early classification: accuracy over the observed share of a sequence, and a stopping rule with an error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARES = tuple(round(0.1 * step, 1) for step in range(1, 11))
"""The shares of a sequence after which the model predicts."""


@dataclass(frozen=True)
class PrefixProbabilities:
    """Predicted probabilities for prefixes of sequences.

    Parameters
    ----------
    labels : tuple of str
    shares : (k,) float64
        Observed share of the sequence, rising to 1.
    probabilities : (n, k, n_classes) float64
    truth : (n,) int
        Indices into ``labels``.
    subjects : tuple of str
        The subject of each sequence.
    """

    labels: tuple[str, ...]
    shares: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    truth: NDArray[np.int_]
    subjects: tuple[str, ...]

    def subset(self, rows: NDArray[np.int_]) -> PrefixProbabilities:
        """Return the sequences of some rows."""
        subjects = tuple(self.subjects[row] for row in rows)
        return PrefixProbabilities(self.labels, self.shares, self.probabilities[rows], self.truth[rows], subjects)


def correct_by_share(prefix_predictions: PrefixProbabilities) -> NDArray[np.bool_]:
    """Return whether each prediction after each observed share is correct, (n, k)."""
    predicted = prefix_predictions.probabilities.argmax(axis=2)
    correct: NDArray[np.bool_] = predicted == prefix_predictions.truth[:, np.newaxis]
    return correct


def accuracy_by_share(prefix_predictions: PrefixProbabilities) -> NDArray[np.float64]:
    """Return the accuracy after each observed share, (k,)."""
    return correct_by_share(prefix_predictions).mean(axis=0)


def nonconformity(prefix_predictions: PrefixProbabilities) -> NDArray[np.float64]:
    """Return the nonconformity score of each sequence: the highest probability that any wrong class ever had, (n,).

    A rule that stops above this probability never stops with a wrong class on that sequence.
    """
    wrong = prefix_predictions.probabilities.copy()
    wrong[np.arange(len(wrong)), :, prefix_predictions.truth] = -np.inf
    scores: NDArray[np.float64] = wrong.max(axis=(1, 2))
    return scores


def stop_threshold(scores: NDArray[np.float64], subjects: Sequence[str], *, error_rate: float) -> float:
    """Return the probability threshold of a stopping rule with a bounded error rate on sequences of new people.

    Split conformal prediction with `nonconformity` as score; subjects, not sequences, are exchangeable, so all
    subjects have the same weight, however many sequences they have (Vovk et al. 2005, Algorithmic Learning in a
    Random World; Lee, Barber and Willett 2023, Distribution-free inference with hierarchical data, arXiv:2306.06342).
    The error rate holds on average over calibration sets, for one sequence of a new person from the same population,
    predicted after the same shares by the calibrated model.

    Parameters
    ----------
    scores : (n,) float
        Nonconformity of sequences that the model was not trained on.
    subjects : sequence of str
        The subject of each.
    error_rate : float
        Between 0 and 1.

    Returns
    -------
    float
        Infinite where there are too few subjects for the error rate; the rule then never stops.

    >>> stop_threshold(np.array([0.2, 0.9, 0.4]), ["A", "B", "C"], error_rate=0.5)
    0.4
    >>> stop_threshold(np.array([0.2, 0.9, 0.4]), ["A", "B", "C"], error_rate=0.1)
    inf
    """
    names, subject_of, n_each = np.unique(np.array(subjects), return_inverse=True, return_counts=True)
    weights = 1 / ((len(names) + 1) * n_each[subject_of])
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    # the small number allows for rounding in the sum
    enough = np.flatnonzero(reached >= 1 - error_rate - 1e-9)
    return float(scores[order[enough[0]]]) if len(enough) else float("inf")


class StoppingResult(NamedTuple):
    """The result of a stopping rule, as shares from 0 to 1.

    ``stopped``: sequences on which it stopped; ``wrong``: sequences on which it stopped with a wrong class; ``seen``:
    mean observed share of a sequence, 1 where it never stopped.
    """

    stopped: float
    wrong: float
    seen: float


def apply_rule(prefix_predictions: PrefixProbabilities, *, threshold: float) -> StoppingResult:
    """Apply the rule that stops as soon as the probability of a class exceeds a threshold."""
    above = prefix_predictions.probabilities.max(axis=2) > threshold
    stopped = above.any(axis=1)
    first = np.where(stopped, above.argmax(axis=1), len(prefix_predictions.shares) - 1)
    predicted = prefix_predictions.probabilities[np.arange(len(first)), first].argmax(axis=1)
    return StoppingResult(
        float(stopped.mean()),
        float((stopped & (predicted != prefix_predictions.truth)).mean()),
        float(np.where(stopped, prefix_predictions.shares[first], 1.0).mean()),
    )


def cross_validated(prefix_predictions: PrefixProbabilities, *, error_rate: float) -> StoppingResult:
    """Calibrate the rule on all subjects but one and apply it to that one; return the mean over subjects."""
    subject_of = np.array(prefix_predictions.subjects)
    scores = nonconformity(prefix_predictions)
    found = []
    for subject in sorted(set(prefix_predictions.subjects)):
        others, own = np.flatnonzero(subject_of != subject), np.flatnonzero(subject_of == subject)
        threshold = stop_threshold(scores[others], subject_of[others].tolist(), error_rate=error_rate)
        found.append(apply_rule(prefix_predictions.subset(own), threshold=threshold))
    return StoppingResult(*np.mean(found, axis=0).tolist())
