"""MiniRocket: ten thousand fixed convolutions over time, then ridge regression; the strong baseline for time series.

Model card
----------
Idea
    Every place of every projection is a channel of a time series. Convolutions with fixed kernels of length 9,
    dilations and random biases; the proportion of positive values of each (PPV); then ridge regression.
Source
    Dempster et al., "MiniRocket", KDD 2021, in aeon's multivariate implementation.
Input
    (steps, rows, columns, channels) float32, at least 9 steps, as (24, 2, 267, 2).

Parameters
----------
    ``(kernels + 1) x classes``: 69,895 for 7 classes by default (aeon rounds them down to a multiple of 84).
Cost
    Some seconds for a hundred sequences, and once some more to compile. Its probabilities are a softmax of scores and
    not calibrated. Needs the package aeon: ``pip install 'ckseq[minirocket]'``.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError
from ckseq.models._spec import ModelSpec

_SHORTEST = 9  # steps; the length of the kernels


class MiniRocketConfig(Config):
    """How sequences become time series, and the number of kernels."""

    pool: int = Field(3, ge=1, le=10000, description="average pooling along the width, pixels")
    root: bool = Field(True, description="take the square root first; requires a non-negative input")
    kernels: int = Field(10_000, ge=84, le=100_000, description="number of convolution kernels")


def build(config: MiniRocketConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline; see `ckseq.models._spec.Build`.

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


SPEC = ModelSpec(
    name="minirocket",
    kind="estimator",
    config=MiniRocketConfig,
    build=build,
    trusted_types=(
        "aeon.transformations.collection.convolution_based._minirocket.MiniRocket",
        "ckseq.models._features.Series",
    ),
)
