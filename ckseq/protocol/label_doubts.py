"""Labels worth a second look, by confident learning; nothing is relabeled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class LabelDoubt(NamedTuple):
    """A sequence that is confidently of another class than its label says: its row, and both classes' probability."""

    row: int
    suggested: int
    p_label: float
    p_suggested: float


def label_doubts(truth: NDArray[np.int_], probabilities: NDArray[np.float64]) -> tuple[LabelDoubt, ...]:
    """Find the labels that out-of-sample probabilities confidently contradict, the most doubtful first.

    A sequence counts as class j if its probability of j is at least the mean probability of j among the sequences with
    that label, and of several such classes as the most probable. It is doubtful if that is not its label. The order is
    that of the normalized margin: the probability of the label less the largest of the others.

    Parameters
    ----------
    truth : (n,) int
        The label of each sequence.
    probabilities : (n, k) float64
        Of models that were not trained on the sequence.

    References
    ----------
    Northcutt, C., Jiang, L. & Chuang, I. (2021). Confident learning: Estimating uncertainty in dataset labels. JAIR 70,
    sections 3.1 and 3.2.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.7, 0.3], [0.3, 0.7]])
    >>> [(doubt.row, doubt.suggested) for doubt in label_doubts(np.array([0, 0, 0, 1, 1]), p)]
    [(2, 1), (3, 0)]
    """
    k = probabilities.shape[1]
    # a class without sequences is never suggested
    thresholds = np.array([probabilities[truth == j, j].mean() if (truth == j).any() else np.inf for j in range(k)])
    confident = np.where(probabilities >= thresholds, probabilities, -1.0)
    suggested, rows = confident.argmax(axis=1), np.arange(len(truth))
    doubtful = rows[(confident[rows, suggested] >= 0) & (suggested != truth)]
    others = probabilities.copy()
    others[rows, truth] = -np.inf
    margin = probabilities[rows, truth] - others.max(axis=1)
    return tuple(
        LabelDoubt(
            int(row),
            int(suggested[row]),
            float(probabilities[row, truth[row]]),
            float(probabilities[row, suggested[row]]),
        )
        for row in doubtful[np.argsort(margin[doubtful], kind="stable")]
    )
