"""The estimator behind `fusion`: several linear views of a sequence, and how much each is to be believed.

Saved estimators name the class by its module, so it may not be renamed.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from ckseq.models._features import Vectors
from ckseq.signal.augment import AugmentConfig, augment, mirror
from ckseq.signal.face_shape import FaceShape, shape_with
from ckseq.signal.landmarks import N_POSE_COLUMNS, facs_distances, mirror_landmarks

_PENALTIES = np.logspace(0, 6, 13)
_SHARES = np.arange(5) / 4
_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)


class _View(NamedTuple):
    """A ridge regression: what it subtracts and divides by, its weights and offsets, and its penalty."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    weights: NDArray[np.float64]
    offsets: NDArray[np.float64]

    def scores(self, x: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        return np.asarray((x - self.mean) / self.deviation @ self.weights + self.offsets, np.float64)


class FusedRidges(ClassifierMixin, BaseEstimator):
    """Ridge regressions of projections and of landmarks, and the weighted sum of their scores.

    Everything is chosen for people who were not learned from: the penalty of each ridge by leaving one subject out in
    closed form, the weights of the views by the cross-entropy of these left-out scores.

    Parameters
    ----------
    input_shape : tuple of int
        (t, 2, w, channels) of the sequences, see `ckseq.signal.landmarks.beside`.
    n_landmarks : int
        How many of the w columns are landmarks, at the end.
    pool, parts : int
        Of the projections: columns averaged, and parts of the time axis averaged.
    versions : int
        Augmented versions of each sequence that are learned from, besides itself.
    seed : int
        Of these.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        n_landmarks: int,
        pool: int,
        parts: int,
        versions: int,
        random_state: int = 0,
    ) -> None:
        self.input_shape = input_shape
        self.n_landmarks = n_landmarks
        self.pool = pool
        self.parts = parts
        self.versions = versions
        self.random_state = random_state

    def fit(
        self,
        X: NDArray[np.float32],  # noqa: N803
        y: NDArray[np.int_],
        subjects: tuple[str, ...] | None = None,
        augmentation: AugmentConfig | None = None,
    ) -> Self:
        """Fit to sequences (n, t, 2, w, channels) of the classes y (n,), shown by ``subjects``."""
        self.classes_, codes = np.unique(y, return_inverse=True)
        people = np.unique(np.arange(len(y)) if subjects is None else np.asarray(subjects), return_inverse=True)[1]
        copies = [X, *self._augmented(X, augmentation)]
        columns = [self._views(copy) for copy in copies]
        codes_of_all, people_of_all = np.tile(codes, len(copies)), np.tile(people, len(copies))
        views, left_out = [], []
        for parts in zip(*columns, strict=True):
            view, scores = _fit_ridge(np.concatenate(parts), codes_of_all, people_of_all, len(self.classes_))
            views.append(view)
            left_out.append(scores[: len(y)])
        self.means_, self.deviations_, self.weights_, self.offsets_ = (list(part) for part in zip(*views, strict=True))
        self.shares_, self.temperature_ = _choose_shares(np.stack(left_out), codes, people)
        return self

    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: N803
        """Return the score of each class, (n, n_classes); a softmax of it gives the probabilities."""
        fitted = zip(self.means_, self.deviations_, self.weights_, self.offsets_, strict=True)
        scores = [_View(*parts).scores(columns) for parts, columns in zip(fitted, self._views(X), strict=True)]
        return np.asarray(np.tensordot(self.shares_ * self.temperature_, np.stack(scores), axes=1), np.float64)

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, (n, n_classes)."""
        return _softmax(self.decision_function(X))

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:  # noqa: N803
        """Return the most probable class of each sequence, (n,)."""
        return np.asarray(self.classes_[self.decision_function(X).argmax(axis=1)])

    @property
    def _shape(self) -> FaceShape:
        return shape_with(self.n_landmarks - N_POSE_COLUMNS)

    def _split(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return projections (n, t, 2, w, channels) and landmarks (n, t, 2, columns)."""
        width = x.shape[3] - self.n_landmarks
        return x[:, :, :, :width], x[:, :, :, width:, 0]

    def _views(self, x: NDArray[np.float32]) -> list[NDArray[np.float64]]:
        """Return what each ridge reads, (n, columns) each."""
        projections, landmarks = self._split(x)
        vectors = Vectors(projections.shape[1:], pool=self.pool, root=True, parts=self.parts).transform(projections)
        views = vectors, _statistics(landmarks), _statistics(facs_distances(landmarks, self._shape))
        return [view.astype(np.float64) for view in views]

    def _augmented(self, x: NDArray[np.float32], config: AugmentConfig | None) -> list[NDArray[np.float32]]:
        """Return augmented versions; landmarks are only mirrored, since the registration removed the rest."""
        if config is None or config.changes_nothing:
            return []
        rng = np.random.default_rng(self.random_state)
        unmirrored = config.model_copy(update={"mirror": 0.0})
        versions = []
        for _ in range(self.versions):
            version = x.copy()
            projections, landmarks = self._split(version)
            flipped = rng.random(len(x)) < config.mirror
            projections[:] = augment(mirror(projections, chosen=flipped), unmirrored, rng=rng)
            landmarks[flipped] = mirror_landmarks(landmarks[flipped], self._shape)
            versions.append(version)
        return versions


def _statistics(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return mean, deviation, mean speed, and change from the first to the last sixth, of values (n, t, ...)."""
    n, t = values.shape[:2]
    k = max(t // 6, 1)
    speed = np.abs(np.diff(values, axis=1)).mean(axis=1) if t > 1 else np.zeros_like(values[:, 0])
    change = values[:, -k:].mean(axis=1) - values[:, :k].mean(axis=1)
    found = np.stack([values.mean(axis=1), values.std(axis=1), speed, change], axis=1)
    return found.reshape(n, -1)


def _fit_ridge(
    x: NDArray[np.float64], codes: NDArray[np.int_], people: NDArray[np.int_], n_classes: int
) -> tuple[_View, NDArray[np.float64]]:
    """Fit a ridge regression of the classes (-1 or 1), and return it with the scores of everybody left out.

    With the kernel matrix K and penalty a, ``C = (K + a)^-1`` and ``W = C Y``, the residuals of a subject's rows i when
    the subject is left out are ``C[i, i]^-1 W[i]`` (as for single rows: Golub, Heath and Wahba 1979).
    """
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation[deviation < 1e-8] = 1.0
    z = (x - mean) / deviation
    targets = 2.0 * np.eye(n_classes)[codes] - 1
    offsets = targets.mean(axis=0)
    targets -= offsets
    values, vectors = np.linalg.eigh(z @ z.T)
    rows = [np.flatnonzero(people == person) for person in range(people.max() + 1)]
    best = None
    for penalty in _PENALTIES:
        inverse = (vectors / (np.maximum(values, 0) + penalty)) @ vectors.T
        dual = inverse @ targets
        residuals = np.concatenate([np.linalg.solve(inverse[np.ix_(some, some)], dual[some]) for some in rows])
        error = float((residuals**2).mean())
        if best is None or error < best[0]:
            left_out = np.empty_like(targets)
            left_out[np.concatenate(rows)] = targets[np.concatenate(rows)] - residuals
            best = error, dual, left_out + offsets
    assert best is not None
    return _View(mean, deviation, z.T @ best[1], offsets), best[2]


def _choose_shares(
    scores: NDArray[np.float64], codes: NDArray[np.int_], people: NDArray[np.int_]
) -> tuple[NDArray[np.float64], float]:
    """Return the weight of each view and the temperature of the sum.

    All views weigh the same, unless other weights lower the cross-entropy by more than its standard error over people:
    with few people the lowest is mostly luck (the one-standard-error rule; Hastie, Tibshirani and Friedman 2009, 7.10).

    Parameters
    ----------
    scores : (views, n, n_classes) float64
        Of sequences whose subject was left out.
    codes, people : (n,) int
    """
    equal = _best_of([np.ones(len(scores))], scores, codes)
    weighted = _best_of(
        [np.array(one) for one in itertools.product(_SHARES, repeat=len(scores)) if any(one)], scores, codes
    )
    gains = np.bincount(people, equal[0] - weighted[0]) / np.bincount(people)
    error = gains.std(ddof=1) / np.sqrt(len(gains)) if len(gains) > 1 else np.inf
    _, shares, temperature = weighted if gains.mean() > error else equal
    return shares, temperature


def _best_of(
    candidates: list[NDArray[np.float64]], scores: NDArray[np.float64], codes: NDArray[np.int_]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the losses (n,) of the best weights, these, and their temperature."""
    rows = np.arange(len(codes))
    tried = [
        (-np.log(_softmax(temperature * np.tensordot(shares, scores, axes=1))[rows, codes] + 1e-9), shares, temperature)
        for shares in candidates
        for temperature in _TEMPERATURES
    ]
    return min(tried, key=lambda one: float(one[0].mean()))


def _softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
