"""Ridge regression: the linear baseline that a network has to beat.

Model card
----------
Idea
    Each sequence becomes one vector: the square root of its values, averaged over neighbors in width and over equal
    parts of its time. A linear map to one score per class, with an L2 penalty whose strength is chosen from a wide grid
    by leave-one-out cross-validation inside the training data.
Source
    Hoerl and Kennard, "Ridge regression", Technometrics 1970; as scikit-learn has it (``RidgeClassifierCV``).
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2): projections of one length, best stretched to it.

Parameters
----------
    ``(parts x rows x columns / pool x channels + 1) x classes``: 14,959 for that input and 7 classes by default.
Cost
    Less than a second for a hundred sequences, most of it choosing the penalty. Its probabilities are a softmax of
    scores and not calibrated.
"""

from __future__ import annotations

from typing import Any

from ckseq.models._estimators import VECTORS_TYPE, VectorsConfig, vectors_pipeline
from ckseq.models._spec import ModelSpec


class RidgeConfig(VectorsConfig):
    """How sequences become vectors."""


def build(config: RidgeConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline; see `ckseq.models._spec.Build`."""
    import numpy as np
    from sklearn.linear_model import RidgeClassifierCV

    return vectors_pipeline(config, RidgeClassifierCV(alphas=np.logspace(0, 6, 13)), input_shape=input_shape)


SPEC = ModelSpec(name="ridge", kind="estimator", config=RidgeConfig, build=build, trusted_types=(VECTORS_TYPE,))
