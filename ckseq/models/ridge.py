"""Ridge regression: the linear baseline that a network has to beat.

Model card
----------
Idea
    Each sequence becomes one vector: the square root of what it is given, averaged over neighbors in width and over
    equal parts of its time. A linear map to one score per class, pulled towards zero by a strength that leave-one-out
    cross-validation inside the training data chooses from a wide grid.
Source
    Hoerl and Kennard, "Ridge regression", Technometrics 1970; as scikit-learn has it (``RidgeClassifierCV``).
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2): projections of one length, best stretched to it.

Parameters
----------
    ``(parts x rows x columns / pool x channels + 1) x classes``: 14,959 for that input and 7 classes by default.
Cost
    Less than a second for a hundred sequences, most of it finding the strength. Its probabilities are a softmax of
    scores and not calibrated.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.config import Config as _Config


class Config(_Config):
    """How sequences become vectors."""

    parts: int = Field(6, ge=1, description="equal parts of the time, each averaged")
    pool: int = Field(3, ge=1, description="neighbors in width that become their mean, pixels")
    root: bool = Field(True, description="take the square root first; the input is then at least zero")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline that reads (n, *input_shape) float32.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int
        Of no concern here: an estimator takes its classes from what it learns.
    """
    import numpy as np
    from sklearn.linear_model import RidgeClassifierCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from ckseq.models._features import Vectors

    vectors = Vectors(tuple(input_shape), pool=config.pool, root=config.root, parts=config.parts)
    return make_pipeline(vectors, StandardScaler(), RidgeClassifierCV(alphas=np.logspace(0, 6, 13)))
