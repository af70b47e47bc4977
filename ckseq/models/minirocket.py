"""MiniRocket: ten thousand fixed convolutions over time, then ridge regression; the strong baseline for time series.

Model card
----------
Idea
    Every place of every projection is a channel of a series. Convolutions with fixed kernels of length 9, dilations
    and random thresholds; of each, the share of time it is above its threshold; then a linear map to the classes.
Source
    Dempster et al., "MiniRocket", KDD 2021, in aeon's implementation for many channels.
Input
    (steps, rows, columns, channels) float32, at least 9 steps, as (24, 2, 267, 2).

Parameters
----------
    ``(kernels + 1) x classes``: 69,895 for 7 classes by default (aeon rounds the kernels down to a multiple of 84).
Cost
    Some seconds for a hundred sequences, and once some more to compile. Its probabilities are a softmax of scores and
    not calibrated. Needs the package aeon: ``pip install 'ckseq[minirocket]'``.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.config import Config as _Config
from ckseq.errors import CallError

_SHORTEST = 9  # steps; the length of the kernels


class Config(_Config):
    """How sequences become series, and how many kernels look at them."""

    pool: int = Field(3, ge=1, description="neighbors in width that become their mean, pixels")
    root: bool = Field(True, description="take the square root first; the input is then at least zero")
    kernels: int = Field(10_000, ge=84, description="number of convolutions")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline that reads (n, *input_shape) float32.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int
        Of no concern here: an estimator takes its classes from what it learns.

    Raises
    ------
    CallError
        aeon is not installed, or the sequences are too short.
    """
    try:
        from aeon.transformations.collection.convolution_based import MiniRocket
    except ImportError:
        raise CallError("minirocket needs the package aeon", fix="pip install 'ckseq[minirocket]'") from None
    if input_shape[0] < _SHORTEST:
        raise CallError(
            f"minirocket needs sequences of at least {_SHORTEST} steps, not {input_shape[0]}",
            fix="set sequence.length_frames higher",
        )
    import numpy as np
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from ckseq.models._features import Series

    series = Series(tuple(input_shape), pool=config.pool, root=config.root)
    rocket = MiniRocket(n_kernels=config.kernels, n_jobs=1)
    return make_pipeline(series, rocket, StandardScaler(), RidgeClassifierCV(alphas=np.logspace(-3, 6, 13)))
