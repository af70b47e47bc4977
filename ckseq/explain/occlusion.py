"""Occlusion: how far the log-odds of a class drop when a part of a sequence does not move.

The model is only asked, never opened, so this works for networks and estimators alike. Zeiler and Fergus (2014),
"Visualizing and understanding convolutional networks", section 4.2, slide a gray square over an image; here a part of
the face does not move for a part of the time, or all the time. Over time, occlusion ranks evidence more reliably than
gradients do (Ismail, Gunady, Corrada Bravo and Feizi 2020, "Benchmarking deep learning interpretability in time series
predictions"). Log-odds rather than probabilities or their logarithms, for these hardly change where a model is sure
(Robnik-Šikonja and Kononenko 2008, "Explaining classifications for individual instances", IEEE TKDE 20(5), section 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.explain.parts import Part, Parts

Predict = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""From versions of a sequence as stored, (m, t, ...) float32, and the sequence itself, (t, ...), to the probabilities
of the classes of each version, (m, k); where they equal the sequence, a model may save itself the work."""

# numbers in the sequences that are asked about at once
_BATCH_NUMBERS = 2**23
_LEAST = 1e-30


class Occlusion(NamedTuple):
    """A part of a sequence that does not move, from step ``begin`` to before step ``end``."""

    part: Part
    begin: int
    end: int


def probabilities_of(
    predict: Predict, versions: Iterable[NDArray[np.float32]], whole: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return the probabilities of versions of a sequence, (m, k), asked for in batches of bounded memory.

    Parameters
    ----------
    predict : callable
    versions : iterable of (t, ...) float32
        At least one; made one after the other.
    whole : (t, ...) float32
        The sequence.
    """
    rows, most = [], max(1, _BATCH_NUMBERS // whole.size)
    left = iter(versions)
    while batch := list(islice(left, most)):
        rows.append(predict(np.stack(batch), whole))
    return np.concatenate(rows).astype(np.float64)


def log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the log-odds of each class against all others together, (m, k), nats.

    Parameters
    ----------
    probabilities : (m, k) float64
        Of at least two classes. What is against a class is the sum of the others, which is exact where 1 - p is not.

    Examples
    --------
    >>> log_odds(np.array([[0.5, 0.25, 0.25]])).round(2).tolist()
    [[0.0, -1.1, -1.1]]
    """
    n = probabilities.shape[1]
    others = probabilities @ (1 - np.eye(n))
    return np.log(np.maximum(probabilities, _LEAST)) - np.log(np.maximum(others, _LEAST))


def drops(parts: Parts, predict: Predict, occlusions: Sequence[Occlusion]) -> NDArray[np.float64]:
    """Return by how much each occlusion lowers the log-odds of each class, (m, k); negative where it raises them.

    Parameters
    ----------
    parts : Parts
        The sequence.
    predict : callable
    occlusions : sequence of Occlusion
        At least one.
    """
    whole = parts.sequence
    before = probabilities_of(predict, [whole], whole)
    after = probabilities_of(predict, (parts.without(*one) for one in occlusions), whole)
    return log_odds(before) - log_odds(after)


def windows(n: int, *, size: int, step: int) -> tuple[tuple[int, int], ...]:
    """Return windows (begin, end) over n cells that overlap and together cover all of them.

    Parameters
    ----------
    n : int
        At least 1.
    size, step : int
        Of the windows and between their beginnings, cells; the last window ends at n.

    Examples
    --------
    >>> windows(7, size=3, step=2)
    ((0, 3), (2, 5), (4, 7))
    >>> windows(8, size=3, step=3)
    ((0, 3), (3, 6), (5, 8))
    >>> windows(2, size=3, step=2)
    ((0, 2),)
    """
    size = min(size, n)
    begins = [*range(0, n - size, step), n - size]
    return tuple((begin, begin + size) for begin in begins)


def spread(values: NDArray[np.float64], covers: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each cell the mean value of the windows that cover it.

    Parameters
    ----------
    values : (m, ...) float64
        One for each window.
    covers : (m, n) bool
        Which cells each covers; every cell by one window at least.

    Returns
    -------
    (n, ...) float64

    Examples
    --------
    >>> spread(np.array([2.0, 4.0]), np.array([[True, True, False], [False, True, True]]))
    array([2., 3., 4.])
    """
    weights = covers / covers.sum(axis=0)
    return np.tensordot(weights.T, values, axes=1)
