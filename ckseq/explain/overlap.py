"""How well the relevant part of a face agrees with the part that moved, against random places.

Overlap of sets: intersection over union (Jaccard), precision and recall. A random place is the moved area itself,
shifted at random within the face box, so it has the same shape and size and knows nothing of the face.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.protocol.intervals import Drawn, Interval, clusters_of, draws, percentile_interval

LEAST_DROP = 0.02
"""A part is relevant only if keeping it from moving lowers the odds of the class by about 2 %: nats."""

SHARE_OF_LARGEST = 0.5
"""And if it does so at least half as much as any part changes it, up or down. What moved is measured by this share."""


class Overlap(NamedTuple):
    """Intersection over union, precision and recall of two sets; 0 where one is empty."""

    iou: float
    precision: float
    recall: float


class Ratio(NamedTuple):
    """Mean overlap (IoU) of explanations and of random places; their ratio, with its interval and what that draws."""

    explained: float
    random: float
    ratio: float
    interval: Interval
    n: int
    n_subjects: int
    resampled: Drawn


def relevant(drops: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which parts are evidence for a class, of drops of its log-odds; evidence against is negative.

    >>> relevant(np.array([0.1, 0.6, 1.0, -0.2])).tolist(), relevant(np.array([0.001, 0.0])).tolist()
    ([False, True, True, False], [False, False])

    A part is little beside another that speaks much more against the class:

    >>> relevant(np.array([0.6, -2.0])).tolist()
    [False, False]
    """
    return drops >= max(SHARE_OF_LARGEST * float(np.abs(drops).max()), LEAST_DROP)


def moved(displacement: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return where something moved, at least half as far as where it moved farthest.

    >>> moved(np.array([0.0, 0.6, 1.0])).tolist()
    [False, True, True]
    """
    return (displacement >= SHARE_OF_LARGEST * displacement.max()) & (displacement > 0)


def overlap(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> Overlap:
    """Return how well what was found agrees with what was wanted, arrays of one shape.

    >>> overlap(np.array([True, True, False, False]), np.array([False, True, True, True]))
    Overlap(iou=0.25, precision=0.5, recall=0.3333333333333333)
    """
    both = int((found & wanted).sum())
    sizes = int((found | wanted).sum()), int(found.sum()), int(wanted.sum())
    return Overlap(*(both / size if size else 0.0 for size in sizes))


def random_iou(wanted: NDArray[np.bool_]) -> float:
    """Return the expected overlap (IoU) of an area with itself at a random place, wrapped around the edges.

    Exactly: the pixels in common are the circular autocorrelation of the area.

    Parameters
    ----------
    wanted : (n, m) bool
        At least one is True.

    Examples
    --------
    >>> round(random_iou(np.array([[True, True, False]])), 6)
    0.555556
    """
    spectrum = np.fft.rfft2(wanted.astype(np.float64))
    both = np.rint(np.fft.irfft2(np.abs(spectrum) ** 2, s=wanted.shape))
    return float(np.mean(both / (2 * wanted.sum() - both)))


def random_names_iou(n_found: int, n_wanted: int, n_all: int) -> float:
    """Return the expected overlap (IoU) of a random choice of so many of n names with a set of them.

    Exactly: the number in common is hypergeometric.

    >>> random_names_iou(1, 1, 4)
    0.25
    """
    total = 0.0
    for both in range(1, min(n_found, n_wanted) + 1):
        ways = comb(n_wanted, both) * comb(n_all - n_wanted, n_found - both)
        total += ways / comb(n_all, n_found) * both / (n_found + n_wanted - both)
    return total


def ratio_of_means(
    explained: Sequence[float],
    random: Sequence[float],
    subjects: Sequence[str],
    sequences: Sequence[str],
    *,
    n_draws: int,
    confidence: float,
    rng: np.random.Generator,
) -> Ratio:
    """Return the ratio of two mean overlaps, with a percentile bootstrap interval of what `clusters_of` draws.

    Parameters
    ----------
    explained, random : sequence of float
        At least one value each.
    subjects, sequences : sequence of str
        Whom each value is of, and of which sequence.
    n_draws : int
        Number of bootstrap samples.
    confidence : float
    rng : numpy.random.Generator
    """
    clusters = clusters_of(subjects, sequences)
    sums = np.zeros((clusters.n, 3))
    np.add.at(sums, clusters.of, np.column_stack([explained, random, np.ones(len(clusters.of))]))
    drawn = draws(clusters.n, n_draws=n_draws, rng=rng) @ sums
    total = sums.sum(axis=0)
    return Ratio(
        float(total[0] / total[2]),
        float(total[1] / total[2]),
        float(total[0] / total[1]),
        percentile_interval(drawn[:, 0] / drawn[:, 1], n_clusters=clusters.n, confidence=confidence),
        len(subjects),
        len(set(subjects)),
        clusters.by,
    )
