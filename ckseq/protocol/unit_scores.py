"""Scores of action units: the area under the ROC curve of each, and F1 beside its prevalence.

The area does not depend on how often a unit is shown; F1 does, so it is compared with that of always predicting the
unit. Jeni, Cohn and De la Torre, "Facing imbalanced data", Affective Computing and Intelligent Interaction 2013.

The area is the share of pairs in order, of a sequence with the unit and one without, both tested in the same fold: the
models of two folds may be offset against each other, which says nothing of either. Of one fold it is the usual area.
Forman and Scholz, "Apples-to-apples in cross-validation studies", SIGKDD Explorations 12 (1), 2010. F1 is pooled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.protocol.intervals import Clusters, Drawn, Interval, clusters_of, draws, percentile_interval

LEAST_OF_EACH = 3
"""Of fewer sequences that show a unit, or that do not, an area is no measurement."""


@dataclass(frozen=True)
class UnitScore:
    """The scores of one action unit.

    ``auc`` and ``interval`` are NaN where fewer than `LEAST_OF_EACH` sequences show it, or do not, or no fold tests
    both; the interval also where `ckseq.protocol.intervals.percentile_interval` gives none for the sequences or
    subjects that show it, or that do not. ``prevalence`` is the share that show it; ``f1`` is at a probability of 0.5,
    ``f1_always`` that of always predicting the unit. With several seeds, ``auc`` and ``f1`` are means over these.
    """

    unit: str
    n_positives: int
    prevalence: float
    auc: float
    interval: Interval
    f1: float
    f1_always: float


@dataclass(frozen=True)
class UnitScores:
    """The scores of all units, their mean area with its interval, and what they are of.

    ``mean_auc`` is over the units whose area is defined; ``resampled`` is what the bootstrap of all intervals drew.
    """

    units: tuple[UnitScore, ...]
    mean_auc: float
    interval: Interval
    confidence: float
    n: int
    n_subjects: int
    n_seeds: int
    resampled: Drawn

    @property
    def unmeasured(self) -> tuple[str, ...]:
        """The units without an area, which are in no mean of areas."""
        return tuple(one.unit for one in self.units if np.isnan(one.auc))

    @property
    def mean_f1(self) -> float:
        """The mean of F1 over the units that some test sequence shows; NaN without any."""
        shown = [unit.f1 for unit in self.units if unit.n_positives]
        return float(np.mean(shown)) if shown else np.nan


def aucs(
    shown: NDArray[np.bool_], probabilities: NDArray[np.float64], folds: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """Return the area under the ROC curve of each unit, (k,), NaN where there is none, as of `UnitScore`.

    Parameters
    ----------
    shown : (n, k) bool
        Whether each sequence shows each unit.
    probabilities : (n, k) float64
    folds : sequence of int, optional
        In which each sequence was tested; by default all in one.
    """
    everyone, tested = np.ones((1, len(shown))), _codes(folds, len(shown))
    found = [_weighted_aucs(*columns, everyone, tested)[0] for columns in zip(shown.T, probabilities.T, strict=True)]
    return np.where(measurable(shown), found, np.nan)


def score_units(
    units: Sequence[str],
    shown: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    subjects: Sequence[str],
    *,
    folds: Sequence[int] | None = None,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> UnitScores:
    """Score action units, with percentile bootstrap intervals of what `ckseq.protocol.intervals.clusters_of` draws.

    Parameters
    ----------
    units : sequence of str
        k of them.
    shown : (n, k) bool
        Whether each sequence shows each unit.
    probabilities : (n_seeds, n, k) float64
        Of the models of each seed.
    subjects : sequence of str
        The subject of each sequence.
    folds : sequence of int, optional
        In which each sequence was tested; by default all in one.
    n_draws : int
        Number of bootstrap samples.
    confidence : float
        Confidence level, between 0 and 1.
    rng : numpy.random.Generator

    References
    ----------
    Davison, A. C. & Hinkley, D. V. (1997). Bootstrap methods and their application, section 3.8 (cluster resampling).
    """
    clusters = clusters_of(subjects, [str(row) for row in range(len(shown))])
    drawn = draws(clusters.n, n_draws=n_draws, rng=rng)
    tested = _codes(folds, len(shown))
    # the first row counts everybody once
    weights = np.concatenate([np.ones((1, clusters.n)), drawn])[:, clusters.of]
    areas = np.stack(
        [
            np.mean([_weighted_aucs(shown[:, k], one[:, k], weights, tested) for one in probabilities], axis=0)
            for k in range(len(units))
        ],
        axis=1,
    )
    areas[:, ~measurable(shown)] = np.nan
    # a draw without a unit says nothing of that unit, and its mean is over the others
    means = np.array([row[~np.isnan(row)].mean() if (~np.isnan(row)).any() else np.nan for row in areas])
    return UnitScores(
        units=tuple(
            UnitScore(
                unit,
                int(shown[:, k].sum()),
                float(shown[:, k].mean()),
                float(areas[0, k]),
                percentile_interval(areas[1:, k], n_clusters=_n_telling(shown[:, k], clusters), confidence=confidence),
                float(np.mean([_f1(shown[:, k], one[:, k] >= 0.5) for one in probabilities])),
                _f1(shown[:, k], np.ones(len(shown), bool)),
            )
            for k, unit in enumerate(units)
        ),
        mean_auc=float(means[0]),
        interval=percentile_interval(means[1:], n_clusters=clusters.n, confidence=confidence),
        confidence=confidence,
        n=len(shown),
        n_subjects=len(set(subjects)),
        n_seeds=len(probabilities),
        resampled=clusters.by,
    )


def measurable(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return of which units enough sequences show them, and enough do not, (k,)."""
    return np.minimum(shown.sum(axis=0), (~shown).sum(axis=0)) >= LEAST_OF_EACH


def _n_telling(shown: NDArray[np.bool_], clusters: Clusters) -> int:
    """Return how many of what is drawn show a unit, or do not, whichever is fewer."""
    return min(len(np.unique(clusters.of[shown])), len(np.unique(clusters.of[~shown])))


class IntensityScore(NamedTuple):
    """The AUC of those n occurrences of any unit that are coded with an intensity, against the sequences without it."""

    intensity: int
    n: int
    auc: float
    interval: Interval


def score_intensities(
    intensities: NDArray[np.int_],
    shown: NDArray[np.bool_],
    probabilities: NDArray[np.float64],
    subjects: Sequence[str],
    *,
    folds: Sequence[int] | None = None,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> tuple[IntensityScore, ...]:
    """Return for each coded intensity how well units of that intensity are told from their absence.

    The AUC of a unit is the mean, over the sequences that show it, of the share of others, tested in the same fold,
    with a lower probability; of several folds, of unequal numbers of others, that is close to the AUC of `UnitScore`.
    Here that mean is over those sequences, of all units together, in which the unit has the intensity.

    Parameters
    ----------
    intensities : (n, k) int
        1 to 5, and 0 where a unit is not shown or its intensity is not coded.
    shown : (n, k) bool
        As of `score_units`, and so are the others.
    probabilities : (seeds, n, k) float64
    subjects : sequence of str
    folds : sequence of int, optional
    n_draws : int
    confidence : float
    rng : numpy.random.Generator
    """
    tested = _codes(folds, len(shown))
    shares = np.mean([_shares_below(shown, one, tested) for one in probabilities], axis=0)
    clusters = clusters_of(subjects, [str(row) for row in range(len(shown))])
    weights = draws(clusters.n, n_draws=n_draws, rng=rng)
    found = []
    for level in sorted(set(intensities[~np.isnan(shares)].tolist()) - {0}):
        chosen = (intensities == level) & ~np.isnan(shares)
        counts = np.bincount(clusters.of, chosen.sum(axis=1), clusters.n)
        sums = np.bincount(clusters.of, np.where(chosen, shares, 0).sum(axis=1), clusters.n)
        drawn = weights @ counts
        means = np.divide(weights @ sums, drawn, out=np.full(n_draws, np.nan), where=drawn > 0)
        interval = percentile_interval(means, n_clusters=int((counts > 0).sum()), confidence=confidence)
        found.append(IntensityScore(level, int(counts.sum()), float(sums.sum() / counts.sum()), interval))
    return tuple(found)


def _codes(folds: Sequence[int] | None, n: int) -> NDArray[np.int_]:
    return np.zeros(n, int) if folds is None else np.asarray(folds, int)


def _shares_below(
    shown: NDArray[np.bool_], scores: NDArray[np.float64], folds: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Return for each sequence with a unit the share of those without it in its fold that score lower, ties by half.

    NaN where there are none, and for sequences without the unit.
    """
    found = np.full(shown.shape, np.nan)
    for k in range(shown.shape[1]):
        for fold in np.unique(folds):
            with_it, without = (folds == fold) & shown[:, k], (folds == fold) & ~shown[:, k]
            positive, negative = scores[with_it, k], np.sort(scores[without, k])
            if len(negative):
                ranks = [np.searchsorted(negative, positive, side) for side in ("left", "right")]
                found[with_it, k] = (ranks[0] + ranks[1]) / (2 * len(negative))
    return found


def _weighted_aucs(
    shown: NDArray[np.bool_], scores: NDArray[np.float64], weights: NDArray[np.float64], folds: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Return the area for each row of weights (draws, n): the weighted share of pairs in order, ties counting half.

    Pairs are of the same fold (n,).
    """
    wins, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for fold in np.unique(folds):
        with_it, without = (folds == fold) & shown, (folds == fold) & ~shown
        positive, negative = scores[with_it, None], scores[without]
        in_order = (positive > negative) + 0.5 * (positive == negative)
        of_positives, of_negatives = weights[:, with_it], weights[:, without]
        wins += (of_positives @ in_order * of_negatives).sum(axis=1)
        pairs += of_positives.sum(axis=1) * of_negatives.sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _f1(shown: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> float:
    together = int(shown.sum() + predicted.sum())
    return 2 * int((shown & predicted).sum()) / together if together else 0.0
