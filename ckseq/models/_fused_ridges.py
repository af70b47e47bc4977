"""The estimator behind `fusion`: two ridge regressions of several views of a sequence, stacked.

Saved estimators name the class by its module, so it may not be renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax
from sklearn.base import BaseEstimator, ClassifierMixin

from ckseq.models._features import Vectors
from ckseq.signal.augment import AugmentConfig, augment, mirror
from ckseq.signal.face_shape import FaceShape, shape_with
from ckseq.signal.gradients import N_COLUMNS, mirror_gradients
from ckseq.signal.landmarks import N_POSE_COLUMNS, facs_distances, mirror_landmarks

# of the mean of a kernel's diagonal, times the number of sequences
_PENALTIES = np.logspace(-5, 1, 19)
# the views of motion come first, and of these the means of parts of the time
_MOTION_VIEWS, _PART_MEANS = slice(0, 2), 0
# logarithms of the least and the greatest weight of a regression, and what a weight costs: it ends where all is known
_LOG_WEIGHTS, _WEIGHT_COST = (-4.0, 4.0), 1e-3


class _Block(NamedTuple):
    """Columns of one kind over time, (n, t, d), and what is measured of each: views of (n, s, d).

    What is measured of a column depends on no other.
    """

    series: NDArray[np.float32]
    measure: Callable[[NDArray[np.float32]], list[NDArray[np.float32]]]


class _Changes(NamedTuple):
    """Columns of a block that differ in versions of a sequence: ``version`` and ``column`` (k,), ``series`` (k, t)."""

    version: NDArray[np.int_]
    column: NDArray[np.int_]
    series: NDArray[np.float32]


class _Scaling(NamedTuple):
    """Makes vectors of length one of views: columns less their ``mean``, times ``scale``, over their length."""

    mean: list[NDArray[np.float64]]
    scale: list[NDArray[np.float64]]

    def vectors(self, views: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float64]]:
        scaled = [(view - mean) * scale for view, mean, scale in zip(views, *self, strict=True)]
        return [one / np.maximum(np.linalg.norm(one, axis=1, keepdims=True), 1e-9) for one in scaled]


class FusedRidges(ClassifierMixin, BaseEstimator):
    """Ridge regressions of motion alone, and of motion, shape and texture of the face together; their weighted sum.

    Penalties and weights are chosen for people who were not learned from, by leaving one subject out in closed form.
    Every view of a sequence has length one, so that a face unlike all others gets no extreme score.

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
        scaling = _scaling(views)
        # the versions one by one: sequences are large, and their views small
        every = (views, *(self._views(one) for one in self._augmented(X, augmentation)))
        vectors = [np.concatenate(several) for several in zip(*map(scaling.vectors, every), strict=True)]
        n = len(every)
        fits = [
            _fit_ridge(_beside(some), np.tile(codes, n), np.tile(people, n), len(self.classes_))
            for some in (vectors[_MOTION_VIEWS], vectors)
        ]
        self.weights_ = _choose_weights([fit.left_out[: len(y)] for fit in fits], codes)
        # both are linear, so their sum is one
        alone, together = (weight * fit.coefficients for weight, fit in zip(self.weights_, fits, strict=True))
        self.coefficients_ = together / np.sqrt(len(vectors))
        self.coefficients_[: len(alone)] += alone / np.sqrt(len(vectors[_MOTION_VIEWS]))
        self.offsets_ = self.weights_ @ np.stack([fit.offsets for fit in fits])
        self.mean_, self.scale_ = map(np.concatenate, scaling)
        self.ends_ = np.cumsum([view.shape[1] for view in views])
        return self

    def decision_function(self, X: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: N803
        """Return the score of each class, (n, n_classes); a softmax of it gives the probabilities."""
        return self._scores(self._views(X))

    def _scores(self, views: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        scaling = _Scaling(*(np.split(each, self.ends_[:-1]) for each in (self.mean_, self.scale_)))
        return np.concatenate(scaling.vectors(views), axis=1) @ self.coefficients_ + self.offsets_

    def predict_proba(self, X: NDArray[np.float32]) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each class, (n, n_classes)."""
        return np.asarray(softmax(self.decision_function(X), axis=1))

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
        return np.asarray(softmax(self._scores(features), axis=1))

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

    def _views(self, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return what is read of sequences, (n, columns) each: views of motion, shape and texture."""
        return [view.reshape(len(x), -1) for block in self._blocks(x) for view in block.measure(block.series)]

    def _blocks(self, x: NDArray[np.float32]) -> list[_Block]:
        """Return projections, landmarks, distances of FACS, and gradients."""
        projections, landmarks, gradients = self._split(x)
        return [
            _Block(self._pooled(projections), partial(_motion_views, parts=self.parts)),
            _Block(landmarks.reshape(*x.shape[:2], -1), _shape_views),
            _Block(facs_distances(landmarks, self._shape), _shape_views),
            _Block(gradients.reshape(*x.shape[:2], -1), partial(_texture_views, with_mean=self.mean_gradients)),
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


def _scaling(views: list[NDArray[np.float32]]) -> _Scaling:
    """Return what standardizes the columns of views.

    The means of parts of the time keep their unit, a share of pixels: a place that hardly moves says little there.
    """
    means, scales = [], []
    for place, view in enumerate(views):
        deviation = view.std(axis=0, dtype=np.float64)
        deviation[deviation < 1e-8] = np.inf  # a column that never changes says nothing
        means.append(view.mean(axis=0, dtype=np.float64))
        scales.append(np.ones_like(deviation) if place == _PART_MEANS else 1 / deviation)
    return _Scaling(means, scales)


def _beside(vectors: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return vectors of length one side by side, as vectors whose products are the means of theirs."""
    return np.concatenate(vectors, axis=1) / np.sqrt(len(vectors))


class _Ridge(NamedTuple):
    """A fitted ridge regression, and its scores of people left out."""

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
    return _Ridge(best[1], x.T @ best[2], offsets)


def _choose_weights(scores: list[NDArray[np.float64]], codes: NDArray[np.int_]) -> NDArray[np.float64]:
    """Return the weights of scores (n, n_classes) whose sum has the lowest cross-entropy, after a softmax."""
    every = np.stack(scores)

    def cost(logarithms: NDArray[np.float64]) -> float:
        weights = np.exp(logarithms)
        summed = np.tensordot(weights, every, axes=1)
        losses = logsumexp(summed, axis=1) - summed[np.arange(len(codes)), codes]
        return float(losses.mean() + _WEIGHT_COST * weights.sum())

    found = minimize(cost, np.full(len(scores), 0.5), method="L-BFGS-B", bounds=[_LOG_WEIGHTS] * len(scores))
    return np.exp(found.x)
