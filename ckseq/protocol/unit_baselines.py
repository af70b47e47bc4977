"""What predicts action units without motion, some without any pixel: baselines that a model has to be better than.

The same as of classes (`ckseq.protocol.leakage`), by the mean area under the ROC curve. All predictions are of test
sequences, compared within each fold as those of a model are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.protocol.holdout import Fold
from ckseq.protocol.leakage import SequenceFacts, seen_pictures
from ckseq.protocol.pictures import picture_probabilities
from ckseq.protocol.unit_scores import UnitScores, score_units

Shown = NDArray[np.bool_]
Predict = Callable[[Sequence[SequenceFacts], Shown, Sequence[SequenceFacts]], NDArray[np.float64]]
"""From training sequences, which units each shows (n, k), and test sequences to the probabilities (m, k)."""


class UnitBaseline(NamedTuple):
    """A baseline, what it does in words, and its scores."""

    name: str
    about: str
    scores: UnitScores


def measure_unit_baselines(
    facts: Sequence[SequenceFacts],
    shown: Shown,
    units: Sequence[str],
    folds: Sequence[Fold],
    *,
    n_draws: int,
    confidence: float,
) -> tuple[tuple[UnitBaseline, ...], tuple[str, ...]]:
    """Measure every baseline on the test sides of folds; the same input gives the same intervals.

    Parameters
    ----------
    facts : sequence of SequenceFacts
        Of all sequences in the folds; their labels are not read.
    shown : (n, k) bool
        Which units each of them shows.
    units : sequence of str
        k of them.
    folds : sequence of Fold
    n_draws : int
        Number of bootstrap samples of the intervals.
    confidence : float

    Returns
    -------
    baselines : tuple of UnitBaseline
        Those without pixels first.
    unmeasured : tuple of str
        Which of them could not be measured, and why.
    """
    place = {one.id: number for number, one in enumerate(facts)}
    sides = [([place[id] for id in fold.train], [place[id] for id in fold.test]) for fold in folds]
    tested = [number for _, test in sides for number in test]
    pictures, unmeasured = seen_pictures(facts)
    found = []
    for name, about, predict in (*_RULES, *((one.name, one.about, _by_picture(one.vectors)) for one in pictures)):
        answers = [
            predict([facts[i] for i in train], shown[train], [facts[i] for i in test]) for train, test in sides if test
        ]
        scores = score_units(
            units,
            shown[tested],
            np.concatenate(answers)[np.newaxis],
            [facts[i].subject for i in tested],
            folds=[number for number, (_, test) in enumerate(sides) for _ in test],
            n_draws=n_draws,
            confidence=confidence,
            rng=np.random.default_rng(0),
        )
        found.append(UnitBaseline(name, about, scores))
    return tuple(found), unmeasured


def _identity(train: Sequence[SequenceFacts], shown: Shown, test: Sequence[SequenceFacts]) -> NDArray[np.float64]:
    """Predict how often the same subject shows each unit in training, or how often all do."""
    subjects = np.array([one.subject for one in train])
    prior = shown.mean(axis=0)
    return np.array([shown[own].mean(axis=0) if (own := subjects == one.subject).any() else prior for one in test])


def _by_length(train: Sequence[SequenceFacts], shown: Shown, test: Sequence[SequenceFacts]) -> NDArray[np.float64]:
    return _tree([one.n_frames for one in train], shown, [one.n_frames for one in test])


def _by_found(train: Sequence[SequenceFacts], shown: Shown, test: Sequence[SequenceFacts]) -> NDArray[np.float64]:
    return _tree([one.n_found for one in train], shown, [one.n_found for one in test])


def _tree(train: Sequence[int], shown: Shown, test: Sequence[int]) -> NDArray[np.float64]:
    from sklearn.tree import DecisionTreeRegressor

    # as large as that of classes
    tree = DecisionTreeRegressor(max_leaf_nodes=8, min_samples_leaf=min(5, len(train)), random_state=0)
    tree.fit(np.array(train)[:, None], shown.astype(float))
    return np.asarray(tree.predict(np.array(test)[:, None]), np.float64).reshape(len(test), -1)


_RULES: tuple[tuple[str, str, Predict], ...] = (
    ("sequence length", "a small decision tree over the number of frames", _by_length),
    ("frames with a face", "a small decision tree over the number of frames with a face", _by_found),
    ("identity", "how often the same subject shows the unit in training", _identity),
)


def _by_picture(vectors: dict[str, NDArray[np.float64]]) -> Predict:
    def predict(train: Sequence[SequenceFacts], shown: Shown, test: Sequence[SequenceFacts]) -> NDArray[np.float64]:
        seen, asked = (np.stack([vectors[one.id] for one in side]) for side in (train, test))
        subjects = [one.subject for one in train]
        found = [picture_probabilities(seen, unit.astype(int), 2, subjects, asked)[:, 1] for unit in shown.T]
        return np.stack(found, axis=1)

    return predict
