"""How early an answer can be given: accuracy against the share seen, and a stop rule with a stated error rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SHARES = tuple(round(0.1 * step, 1) for step in range(1, 11))
"""The shares of a sequence after which the model is asked."""


@dataclass(frozen=True)
class PrefixProbabilities:
    """What a model said of sequences of which it saw only the start.

    Parameters
    ----------
    labels : tuple of str
    shares : (k,) float64
        Of the sequence that was seen, rising to 1.
    probabilities : (n, k, n_classes) float64
    truth : (n,) int
        Places in ``labels``.
    subjects : tuple of str
        Who each sequence shows.
    """

    labels: tuple[str, ...]
    shares: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    truth: NDArray[np.int_]
    subjects: tuple[str, ...]

    def take(self, rows: NDArray[np.int_]) -> PrefixProbabilities:
        """Return some of the sequences."""
        subjects = tuple(self.subjects[row] for row in rows)
        return PrefixProbabilities(self.labels, self.shares, self.probabilities[rows], self.truth[rows], subjects)


def accuracy_by_share(prefix_predictions: PrefixProbabilities) -> NDArray[np.float64]:
    """Return the share of sequences named rightly after each share seen, (k,)."""
    right: NDArray[np.bool_] = (
        prefix_predictions.probabilities.argmax(axis=2) == prefix_predictions.truth[:, np.newaxis]
    )
    return right.mean(axis=0)


def wrong_scores(prefix_predictions: PrefixProbabilities) -> NDArray[np.float64]:
    """Return for each sequence the highest probability that a wrong class ever had, (n,).

    A rule that stops above it never stops wrongly on that sequence, however often it asks.
    """
    wrong = prefix_predictions.probabilities.copy()
    wrong[np.arange(len(wrong)), :, prefix_predictions.truth] = -np.inf
    scores: NDArray[np.float64] = wrong.max(axis=(1, 2))
    return scores


def stop_threshold(scores: NDArray[np.float64], subjects: Sequence[str], *, error_rate: float) -> float:
    """Return the probability above which to stop, so that a new person's sequence is stopped wrongly at most so often.

    Split conformal prediction with `wrong_scores` as nonconformity; people, not sequences, are exchangeable, so each
    person weighs as much as any other, however many sequences there are (Vovk et al. 2005, Algorithmic Learning in a
    Random World; Lee, Barber and Willett 2023, Distribution-free inference with hierarchical data, arXiv:2306.06342).
    The rate holds on average over calibrations, for one sequence of a person from the same population, asked about at
    the same shares by the model that was calibrated.

    Parameters
    ----------
    scores : (n,) float
        Of sequences that the model was not trained on.
    subjects : sequence of str
        Who each shows.
    error_rate : float
        Between 0 and 1.

    Returns
    -------
    float
        Infinite where there are too few people for so low a rate: then the rule never stops.

    >>> stop_threshold(np.array([0.2, 0.9, 0.4]), ["A", "B", "C"], error_rate=0.5)
    0.4
    >>> stop_threshold(np.array([0.2, 0.9, 0.4]), ["A", "B", "C"], error_rate=0.1)
    inf
    """
    people, who, n_each = np.unique(np.array(subjects), return_inverse=True, return_counts=True)
    weights = 1 / ((len(people) + 1) * n_each[who])
    order = np.argsort(scores, kind="stable")
    reached = np.cumsum(weights[order])
    # the small number forgives the rounding of the sum
    enough = np.flatnonzero(reached >= 1 - error_rate - 1e-9)
    return float(scores[order[enough[0]]]) if len(enough) else float("inf")


class Stops(NamedTuple):
    """What a stop rule does on sequences, as shares of all of them.

    ``stopped`` at all; ``wrong`` when it stopped; ``seen`` of a sequence on average, all of it where it never stopped.
    """

    stopped: float
    wrong: float
    seen: float


def stops(prefix_predictions: PrefixProbabilities, *, threshold: float) -> Stops:
    """Say what a rule does that stops as soon as a class is more probable than a threshold."""
    above = prefix_predictions.probabilities.max(axis=2) > threshold
    stopped = above.any(axis=1)
    first = np.where(stopped, above.argmax(axis=1), len(prefix_predictions.shares) - 1)
    named = prefix_predictions.probabilities[np.arange(len(first)), first].argmax(axis=1)
    return Stops(
        float(stopped.mean()),
        float((stopped & (named != prefix_predictions.truth)).mean()),
        float(np.where(stopped, prefix_predictions.shares[first], 1.0).mean()),
    )


def measured(prefix_predictions: PrefixProbabilities, *, error_rate: float) -> Stops:
    """Calibrate the rule on all people but one and measure it on that one, on average over the people."""
    who = np.array(prefix_predictions.subjects)
    scores = wrong_scores(prefix_predictions)
    found = []
    for person in sorted(set(prefix_predictions.subjects)):
        others, own = np.flatnonzero(who != person), np.flatnonzero(who == person)
        threshold = stop_threshold(scores[others], who[others].tolist(), error_rate=error_rate)
        found.append(stops(prefix_predictions.take(own), threshold=threshold))
    return Stops(*np.mean(found, axis=0).tolist())
