"""Deletion and insertion: the probability of a class as its most relevant parts stop moving, or alone move.

Petsiuk, Das and Saenko (2018), "RISE: Randomized input sampling for explanation of black-box models", BMVC, section 4:
a good explanation makes the probability fall fast where the most relevant parts are deleted first, and rise fast where
they are inserted first. Parts are the named regions here, and their order is compared with random orders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.explain.occlusion import Predict, probabilities_of
from ckseq.explain.parts import Area, Parts


class Curves(NamedTuple):
    """Probability of a class after 0 to n parts were deleted, and inserted: (n + 1,) float64 each."""

    deletion: NDArray[np.float64]
    insertion: NDArray[np.float64]

    @property
    def gain(self) -> float:
        """Mean of the insertion less mean of the deletion: the larger, the better the order."""
        return float(self.insertion.mean() - self.deletion.mean())


def delete_and_insert(
    parts: Parts, predict: Predict, areas: Sequence[Area], orders: Sequence[Sequence[int]], *, code: int
) -> list[Curves]:
    """Return both curves of each order.

    Parameters
    ----------
    parts : Parts
    predict : callable
    areas : sequence of Area
        They do not overlap, so taking out several is the sum of taking out each.
    orders : sequence of sequence of int
        Of the areas, the most relevant first.
    code : int
        The class.
    """
    whole = parts.sequence
    taken = np.stack([whole - parts.without(area, 0, len(whole)) for area in areas])
    nothing = whole - taken.sum(axis=0)
    found = []
    for order in orders:
        steps = np.concatenate([np.zeros_like(taken[:1]), np.cumsum(taken[list(order)], axis=0)])
        asked = (one for start, sign in ((whole, -1), (nothing, 1)) for one in start + sign * steps)
        answers = probabilities_of(predict, asked, whole)[:, code]
        found.append(Curves(*np.split(answers, 2)))
    return found
