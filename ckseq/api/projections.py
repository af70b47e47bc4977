"""`Projections`: sequences as scikit-learn's vectors or aeon's time series."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ckseq.signal.pooling import as_series, part_means, pooled_width


class Projections(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """A transformer from the sequences of `load_xy` to what estimators read; nothing is learned from the data.

    The first stage of ckseq's own estimators, such as its baseline ``ridge``.

    Parameters
    ----------
    output : str
        ``vectors``: one vector per sequence, as scikit-learn reads them; ``series``: (n, channels, time), as aeon
        reads them.
    parts : int
        Vectors: so many equal parts of the time, each averaged.
    pool : int
        Average so many neighbors along the width of the projections.
    root : bool
        Take the square root first, with the sign of the value: it stabilizes the variance of proportions.

    Attributes
    ----------
    input_shape_ : tuple of int
        The shape of one sequence.
    n_features_in_ : int
        Its first part: steps of time.

    Examples
    --------
    >>> X = np.ones((5, 24, 2, 267, 3), np.float32)
    >>> Projections().fit_transform(X).shape, Projections(output="series").fit_transform(X).shape
    ((5, 3204), (5, 534, 24))
    """

    def __init__(
        self, *, output: Literal["vectors", "series"] = "vectors", parts: int = 6, pool: int = 3, root: bool = True
    ) -> None:
        self.output = output
        self.parts = parts
        self.pool = pool
        self.root = root

    def fit(self, X: NDArray[Any], y: object = None) -> Self:  # noqa: N803, ARG002
        """Check the parameters and remember the shape.

        Parameters
        ----------
        X : (n, t, ...) array
            As of `load_xy`: (n, t, 2, w, channels). Without channels, rows or width there is one of these.
        y : ignored

        Returns
        -------
        Projections

        Raises
        ------
        ValueError
            A parameter is impossible, or X is no such array, not finite or a single sequence.
        """
        if self.output not in ("vectors", "series"):
            raise ValueError(f"output = {self.output!r} is neither 'vectors' nor 'series'")
        if self.parts < 1 or self.pool < 1:
            raise ValueError(f"parts = {self.parts} and pool = {self.pool} must be 1 or more")
        X = self._checked(X, reset=True)  # noqa: N806
        self.input_shape_ = X.shape[1:]
        self._n_features_out = self._transformed(X[:1]).shape[1]
        return self

    def transform(self, X: NDArray[Any]) -> NDArray[np.floating[Any]]:  # noqa: N803
        """Return the vectors or series.

        Parameters
        ----------
        X : (n, t, ...) array
            Sequences of the shape that was fitted.

        Returns
        -------
        (n, min(parts, t) * rows * (w // pool) * channels) or (n, rows * (w // pool) * channels, t) float32
            The latter for ``output="series"``.

        Raises
        ------
        ValueError
            X is of another shape than what was fitted, or not finite.
        """
        check_is_fitted(self)
        X = self._checked(X, reset=False)  # noqa: N806
        if X.shape[1:] != self.input_shape_:
            raise ValueError(f"X has sequences of shape {X.shape[1:]}, and {self.input_shape_} was fitted")
        return self._transformed(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _checked(self, X: Any, *, reset: bool) -> NDArray[np.float32]:  # noqa: N803
        if isinstance(X, tuple | str):
            what = "the result of load_xy" if isinstance(X, tuple) else "a text"
            raise ValueError(
                f"X is {what}, not an array; give its first part: X, y, groups, ids = ckseq.load_xy(STORE)"
            )
        if not reset and len(self.input_shape_) > 1 and getattr(X, "shape", None) == self.input_shape_:
            raise ValueError(f"X, of shape {self.input_shape_}, is one sequence; give X[None], an array of one")
        shape: tuple[int, ...] = getattr(X, "shape", ())
        if not reset and len(shape) > 2 and len(self.input_shape_) > 1 and shape[1] != self.input_shape_[0]:
            raise ValueError(
                f"X has {shape[1]} steps of time, and {self.input_shape_[0]} were fitted; "
                "give load_xy the same length for both"
            )
        X = validate_data(self, X, reset=reset, allow_nd=True, dtype=np.float32)  # noqa: N806
        if X.ndim > 5:
            raise ValueError(f"X has {X.ndim} dimensions, and at most 5 are known: (n, t, rows, w, channels)")
        if reset and _looks_like_one_sequence(X.shape):
            raise ValueError(
                f"X, of shape {X.shape}, looks like one sequence: two rows stand where the steps of time belong; "
                "give X[None], an array of one, or sequences of two steps as (n, 2, rows, w, channels)"
            )
        return X

    def _transformed(self, X: NDArray[np.float32]) -> NDArray[np.float32]:  # noqa: N803
        n, t, *rest = X.shape
        rows, width, channels = {0: (1, 1, 1), 1: (1, *rest, 1), 2: (*rest, 1), 3: tuple(rest)}[len(rest)]
        sequences = X.reshape(n, t, rows, width, channels)
        if self.root:
            sequences = np.sign(sequences) * np.sqrt(np.abs(sequences))
        pooled = pooled_width(sequences, pool_px=self.pool)
        return as_series(pooled) if self.output == "series" else part_means(pooled, parts=self.parts)


def _looks_like_one_sequence(shape: tuple[int, ...]) -> bool:
    """Return whether a shape is more probably (t, 2, w[, channels]) than that of sequences of two steps.

    >>> _looks_like_one_sequence((24, 2, 267, 3)), _looks_like_one_sequence((24, 2, 267))
    (True, True)
    >>> _looks_like_one_sequence((5, 2, 1, 267)), _looks_like_one_sequence((5, 24, 2, 267))
    (False, False)
    """
    return len(shape) in (3, 4) and shape[1] == 2 and shape[2] > 2
