"""The first stage of the estimators: from sequences to vectors, or to time series.

Saved estimators name these classes by their module, so neither may be renamed.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from ckseq.signal.pooling import as_series, part_means, pooled_width


class _Reduced(TransformerMixin, BaseEstimator):
    """Sequences (n, t, h, w, channels), pooled along the width; nothing is fitted.

    Parameters
    ----------
    input_shape : tuple of int
        (t, h, w, channels) of the sequences.
    pool : int
        Average pooling along w, pixels; an incomplete group at the end is dropped.
    root : bool
        Take the square root first, which stabilizes the variance of proportions.
    """

    def __init__(self, input_shape: tuple[int, ...], pool: int, root: bool) -> None:
        self.input_shape = input_shape
        self.pool = pool
        self.root = root

    def fit(self, X: NDArray[Any], y: object = None) -> Self:  # noqa: N803, ARG002
        """Do nothing."""
        return self

    def _reduced(self, x: NDArray[Any]) -> NDArray[np.float32]:
        return pooled_width(np.sqrt(np.maximum(x, 0)) if self.root else x, pool_px=self.pool)


class Vectors(_Reduced):
    """One vector per sequence: the means of ``parts`` equal parts of its time, side by side.

    >>> x = np.arange(8, dtype=np.float32).reshape(1, 4, 1, 2, 1)
    >>> Vectors((4, 1, 2, 1), pool=2, root=False, parts=2).transform(x)
    array([[1.5, 5.5]], dtype=float32)
    """

    def __init__(self, input_shape: tuple[int, ...], pool: int, root: bool, parts: int) -> None:
        super().__init__(input_shape, pool, root)
        self.parts = parts

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:  # noqa: N803
        """Return (n, parts * h * (w // pool) * channels) float32."""
        return part_means(self._reduced(X), parts=self.parts)


class Series(_Reduced):
    """One series per place and channel: (n, h * (w // pool) * channels, t) float32.

    >>> x = np.arange(8, dtype=np.float32).reshape(1, 4, 1, 2, 1)
    >>> Series((4, 1, 2, 1), pool=2, root=False).transform(x)
    array([[[0.5, 2.5, 4.5, 6.5]]], dtype=float32)
    """

    def transform(self, X: NDArray[Any]) -> NDArray[np.float32]:  # noqa: N803
        """Return (n, h * (w // pool) * channels, t) float32."""
        return as_series(self._reduced(X))
