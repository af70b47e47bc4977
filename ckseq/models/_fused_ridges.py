"""The estimator behind `fusion`: one ridge regression of several views of a sequence, each scaled by its weight.

Saved estimators name the class by its module, so it may not be renamed.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from ckseq.models._features import Vectors
from ckseq.signal.augment import AugmentConfig, augment, mirror
from ckseq.signal.face_shape import FaceShape, shape_with
from ckseq.signal.gradients import N_COLUMNS, mirror_gradients
from ckseq.signal.landmarks import N_POSE_COLUMNS, facs_distances, mirror_landmarks

# of the mean of a kernel's diagonal, times the number of sequences
_PENALTIES = np.logspace(-3, 1, 13)
_TEMPERATURES = (1.0, 2.0, 4.0, 8.0)
_MOTION, _SHAPE, _TEXTURE = range(3)
_WEIGHTS = (
    (1 / 3, 1 / 3, 1 / 3),
    *((a / 4, b / 4, (4 - a - b) / 4) for a, b in itertools.product(range(5), repeat=2) if a + b <= 4),
)
"""Weights of motion, shape and texture that are tried; of equally good ones the first."""


class _View(NamedTuple):
    """Features of sequences, (n, columns), and which of the weights is theirs, and what share of it."""

    features: NDArray[np.float32]
    group: int
    share: float


class _Block(NamedTuple):
    """Columns of one kind over time, (n, t, d), and what is measured of each: views of (n, s, d).

    What is measured of a column depends on no other.
    """

    series: NDArray[np.float32]
    group: int
    measure: Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


class _Changes(NamedTuple):
    """Columns of a block that differ in versions of a sequence: ``version`` and ``column`` (k,), ``series`` (k, t)."""

    version: NDArray[np.int_]
    column: NDArray[np.int_]
    series: NDArray[np.float32]


class _Kernel(NamedTuple):
    """The weighted sum of the views' kernels as features: standardized columns times ``scale``."""

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    def columns(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        return (np.concatenate(features, axis=1) - self.mean) * self.scale


class FusedRidges(ClassifierMixin, BaseEstimator):
    """Ridge regression of a weighted sum of kernels: of motion, of the shape of the face, and of its texture.

    Penalty and weights are chosen for people who were not learned from, by leaving one subject out in closed form.

    Parameters
    ----------
    input_shape : tuple of int
        (t, 2, w, channels) of the sequences, see `ckseq.signal.fused.beside`.
    n_landmarks : int
        How many of the w columns are landmarks, before the gradients at the end.
    pool, parts : int
        Of the projections: columns averaged, and parts of the time axis averaged.
    versions : int
        Augmented versions of each sequence that are learned from, besides itself.
    mean_gradients : bool
        Whether the mean of the gradients is a feature too.
    random_state : int
        Of the augmentation.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        n_landmarks: int,
        pool: int,
        parts: int,
        versions: int,
        mean_gradients: bool = False,
        random_state: int = 0,
    ) -> None:
        self.input_shape = input_shape
        self.n_landmarks = n_landmarks
        self.pool = pool
        self.parts = parts
        self.versions = versions
        self.mean_gradients = mean_gradients
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
        views = self._views(X)
        self.weights_ = _choose_weights(views, codes, people, len(self.classes_))
        kernel = _standardized(views, self.weights_)
        # the versions one by one: sequences are large, and their features small
        every = (views, *(self._views(one) for one in self._augmented(X, augmentation)))
        rows = [kernel.columns([view.features for view in some]) for some in every]
        n = len(rows)
        fitted = _fit_ridge(np.concatenate(rows), np.tile(codes, n), np.tile(people, n), len(self.classes_))
        self.mean_, self.scale_ = kernel
        self.coefficients_, self.offsets_ = fitted.coefficients, fitted.offsets
        self.temperature_ = _best_temperature(fitted.left_out[: len(y)], codes)
        return self

    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: N803
        """Return the score of each class, (n, n_classes); a softmax of it gives the probabilities."""
        return self._scores([view.features for view in self._views(X)])

    def _scores(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        columns = _Kernel(self.mean_, self.scale_).columns(features)
        return np.asarray(self.temperature_ * (columns @ self.coefficients_ + self.offsets_), np.float64)

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, (n, n_classes)."""
        return _softmax(self.decision_function(X))

    def predict(self, X: NDArray[np.float32]) -> NDArray[Any]:  # noqa: N803
        """Return the most probable class of each sequence, (n,)."""
        return np.asarray(self.classes_[self.decision_function(X).argmax(axis=1)])

    def predict_proba_of_versions(
        self, whole: NDArray[np.float32], places: tuple[NDArray[np.int_], ...], values: NDArray[np.float32], n: int
    ) -> NDArray[np.float64]:
        """Return the probability of each class of versions of one sequence, (n, n_classes), as `predict_proba` does.

        Only the columns that differ are measured again.

        Parameters
        ----------
        whole : (t, 2, w, channels) float32
        places : tuple of four (k,) int
            What differs: version, row, column, channel.
        values : (k, t) float32
            What stands there instead.
        n : int
            Number of versions.
        """
        blocks = self._blocks(whole[np.newaxis])
        features = [
            view.reshape(n, -1)
            for block, changes in zip(blocks, self._changes(whole, blocks, places, values), strict=True)
            for view in _with_changes(block, changes, n)
        ]
        return _softmax(self._scores(features))

    def _changes(
        self,
        whole: NDArray[np.float32],
        blocks: list[_Block],
        places: tuple[NDArray[np.int_], ...],
        values: NDArray[np.float32],
    ) -> list[_Changes]:
        """Return which columns of each block differ, and what stands there."""
        version, row, column, channel = places
        end = whole.shape[2] - N_COLUMNS
        start = end - self.n_landmarks
        in_motion, in_texture = column < start, column >= end
        in_shape = ~in_motion & ~in_texture
        some = version[in_shape], row[in_shape], column[in_shape] - start
        which, of_which = np.unique(some[0], return_inverse=True)
        landmarks = np.tile(whole[np.newaxis, :, :, start:end, 0], (len(which), 1, 1, 1))
        landmarks[of_which, :, some[1], some[2]] = values[in_shape]
        distances = facs_distances(landmarks, self._shape)
        moved, distance = np.nonzero((distances != blocks[2].series).any(axis=1))
        return [
            self._changes_of_motion(
                whole, version[in_motion], row[in_motion], column[in_motion], channel[in_motion], values[in_motion]
            ),
            _Changes(some[0], some[1] * self.n_landmarks + some[2], values[in_shape]),
            _Changes(which[moved], distance, distances[moved, :, distance]),
            _Changes(version[in_texture], row[in_texture] * N_COLUMNS + column[in_texture] - end, values[in_texture]),
        ]

    def _changes_of_motion(
        self,
        whole: NDArray[np.float32],
        version: NDArray[np.int_],
        row: NDArray[np.int_],
        column: NDArray[np.int_],
        channel: NDArray[np.int_],
        values: NDArray[np.float32],
    ) -> _Changes:
        t, n_rows, w, n_channels = whole.shape
        width = w - N_COLUMNS - self.n_landmarks
        pool = min(self.pool, width)
        n_groups = max(width // self.pool, 1)
        known = column < n_groups * pool
        version, row, column, channel, values = (one[known] for one in (version, row, column, channel, values))
        wide = n_rows, n_groups, n_channels
        group = np.ravel_multi_index((row, column // pool, channel), wide)
        keys, of_keys = np.unique(version * np.prod(wide) + group, return_inverse=True)
        versions, groups = np.divmod(keys, np.prod(wide))
        rows, at, channels = np.unravel_index(groups, wide)
        members = whole[:, rows[:, np.newaxis], at[:, np.newaxis] * pool + np.arange(pool), channels[:, np.newaxis]]
        series = members.transpose(1, 0, 2)
        series[of_keys, :, column % pool] = values
        # the transformer reads one sequence at least
        pooled = self._pooled(series.reshape(-1, t, 1, pool, 1))[..., 0] if len(keys) else series[..., 0]
        return _Changes(versions, groups, pooled)

    @property
    def _shape(self) -> FaceShape:
        return shape_with(self.n_landmarks - N_POSE_COLUMNS)

    def _split(self, x: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Return projections (n, t, 2, w, channels), landmarks (n, t, 2, columns) and gradients (n, t, 2, 256)."""
        end = x.shape[3] - N_COLUMNS
        start = end - self.n_landmarks
        return x[:, :, :, :start], x[:, :, :, start:end, 0], x[:, :, :, end:, 0]

    def _views(self, x: NDArray[np.float32]) -> list[_View]:
        """Return what is read of sequences: of projections, of landmarks and distances of FACS, and of gradients."""
        measured = [(block.group, view) for block in self._blocks(x) for view in block.measure(block.series)]
        counts = Counter(group for group, _ in measured)
        return [_View(view.reshape(len(x), -1), group, 1 / counts[group]) for group, view in measured]

    def _blocks(self, x: NDArray[np.float32]) -> list[_Block]:
        projections, landmarks, gradients = self._split(x)
        shape, texture = _shape_views, partial(_texture_views, with_mean=self.mean_gradients)
        return [
            _Block(self._pooled(projections), _MOTION, partial(_motion_views, parts=self.parts)),
            _Block(landmarks.reshape(*x.shape[:2], -1), _SHAPE, shape),
            _Block(facs_distances(landmarks, self._shape), _SHAPE, shape),
            _Block(gradients.reshape(*x.shape[:2], -1), _TEXTURE, texture),
        ]

    def _pooled(self, projections: NDArray[np.float32]) -> NDArray[np.float32]:
        pooled = Vectors(projections.shape[1:], pool=self.pool, root=True, parts=projections.shape[1])
        return pooled.transform(projections).reshape(*projections.shape[:2], -1)

    def _augmented(self, x: NDArray[np.float32], config: AugmentConfig | None) -> Iterator[NDArray[np.float32]]:
        """Yield augmented versions; landmarks and gradients are only mirrored: the registration removed the rest."""
        if config is None or config.changes_nothing:
            return
        rng = np.random.default_rng(self.random_state)
        unmirrored = config.model_copy(update={"mirror": 0.0})
        for _ in range(self.versions):
            version = x.copy()
            projections, landmarks, gradients = self._split(version)
            flipped = rng.random(len(x)) < config.mirror
            projections[:] = augment(mirror(projections, chosen=flipped), unmirrored, rng=rng)
            landmarks[flipped] = mirror_landmarks(landmarks[flipped], self._shape)
            gradients[flipped] = mirror_gradients(gradients[flipped])
            yield version


def _with_changes(block: _Block, changes: _Changes, n: int) -> Iterator[NDArray[np.float32]]:
    """Yield the views of n versions of a sequence, (n, s, d), with those columns measured again that differ."""
    again = block.measure(changes.series[..., np.newaxis])
    for before, changed in zip(block.measure(block.series), again, strict=True):
        view = np.repeat(before, n, axis=0)
        view[changes.version, :, changes.column] = changed[..., 0]
        yield view


def _speed(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean absolute change from step to step of values (n, t, ...)."""
    if values.shape[1] == 1:
        return np.zeros_like(values[:, 0])
    return np.asarray(np.abs(np.diff(values, axis=1)).mean(axis=1), np.float32)


def _motion_views(values: NDArray[np.float32], *, parts: int) -> list[NDArray[np.float32]]:
    """Return the means of parts of the time, and deviation and speed."""
    pieces = np.array_split(values, min(parts, values.shape[1]), axis=1)
    return [
        np.stack([piece.mean(axis=1) for piece in pieces], axis=1),
        np.stack([values.std(axis=1), _speed(values)], axis=1),
    ]


def _shape_views(values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return mean, deviation, lower and upper tenth, speed, and change from the first to the last sixth."""
    k = max(values.shape[1] // 6, 1)
    change = values[:, -k:].mean(axis=1) - values[:, :k].mean(axis=1)
    tenths = np.quantile(values, [0.1, 0.9], axis=1).astype(np.float32)
    return [np.stack([values.mean(axis=1), values.std(axis=1), *tenths, _speed(values), change], axis=1)]


def _texture_views(values: NDArray[np.float32], *, with_mean: bool) -> list[NDArray[np.float32]]:
    """Return the roots of deviation and speed, and also the mean, each by itself."""
    found = [np.sqrt(values.std(axis=1)), np.sqrt(_speed(values))]
    if with_mean:
        found.append(values.mean(axis=1))
    return [view[:, np.newaxis] for view in found]


def _standardized(views: list[_View], weights: tuple[float, ...]) -> _Kernel:
    """Return mean and scale of all columns: the squares of a view's columns add up to its weight on average."""
    means, scales = [], []
    for view in views:
        deviation = view.features.std(axis=0, dtype=np.float64)
        deviation[deviation < 1e-8] = np.inf  # a column that never changes says nothing
        means.append(view.features.mean(axis=0, dtype=np.float64))
        scales.append(np.sqrt(weights[view.group] * view.share / view.features.shape[1]) / deviation)
    return _Kernel(np.concatenate(means), np.concatenate(scales))


class _Ridge(NamedTuple):
    """A fitted ridge regression: its mean squared error on people left out, and their scores."""

    error: float
    left_out: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    offsets: NDArray[np.float64]


def _fit_ridge(x: NDArray[np.float64], codes: NDArray[np.int_], people: NDArray[np.int_], n_classes: int) -> _Ridge:
    """Fit a ridge regression of the classes (-1 or 1) with the penalty that is best for people left out.

    With the kernel matrix K and penalty a, ``C = (K + a)^-1`` and ``W = C Y``, the residuals of a subject's rows i when
    the subject is left out are ``C[i, i]^-1 W[i]`` (as for single rows: Golub, Heath and Wahba 1979).
    """
    targets = 2.0 * np.eye(n_classes)[codes] - 1
    offsets = targets.mean(axis=0)
    targets -= offsets
    kernel = x @ x.T
    values, vectors = np.linalg.eigh(kernel)
    rows = [np.flatnonzero(people == person) for person in range(people.max() + 1)]
    order = np.concatenate(rows)
    best = None
    for penalty in _PENALTIES * max(float(np.trace(kernel)), 1e-12):
        inverse = (vectors / (np.maximum(values, 0) + penalty)) @ vectors.T
        dual = inverse @ targets
        residuals = np.concatenate([np.linalg.solve(inverse[np.ix_(some, some)], dual[some]) for some in rows])
        error = float((residuals**2).mean())
        if best is None or error < best[0]:
            left_out = np.empty_like(targets)
            left_out[order] = targets[order] - residuals
            best = error, left_out + offsets, dual
    assert best is not None
    return _Ridge(best[0], best[1], x.T @ best[2], offsets)


def _choose_weights(
    views: list[_View], codes: NDArray[np.int_], people: NDArray[np.int_], n_classes: int
) -> tuple[float, ...]:
    """Return the weights of motion, shape and texture with the lowest squared error on people left out."""

    def error(weights: tuple[float, ...]) -> float:
        columns = _standardized(views, weights).columns([view.features for view in views])
        return _fit_ridge(columns, codes, people, n_classes).error

    return min(_WEIGHTS, key=error)


def _best_temperature(scores: NDArray[np.float64], codes: NDArray[np.int_]) -> float:
    """Return the factor of the scores (n, n_classes) whose softmax has the lowest cross-entropy."""
    rows = np.arange(len(codes))
    return min(_TEMPERATURES, key=lambda one: -float(np.log(_softmax(one * scores)[rows, codes] + 1e-9).mean()))


def _softmax(scores: NDArray[Any]) -> NDArray[np.float64]:
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))
