"""A support vector machine: the baseline that needs little data.

Model card
----------
Idea
    The vectors of the ridge baseline; then, between each two classes, the decision boundary with the widest margin.
Source
    Cortes and Vapnik, "Support-vector networks", Machine Learning 1995; as scikit-learn has it (``SVC``).
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2): projections of one length, best stretched to it.

Parameters
----------
    The support vectors, with a weight for each of the other classes.
Cost
    A fraction of a second for a hundred sequences; it grows with the square of their number. Its probabilities are a
    softmax of scores and not calibrated.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ckseq.models._estimators import VECTORS_TYPE, VectorsConfig, vectors_pipeline
from ckseq.models._spec import ModelSpec


class SVMConfig(VectorsConfig):
    """How sequences become vectors, the kernel and the penalty."""

    kernel: Literal["linear", "rbf"] = Field("linear", description="kernel of the support vector machine")
    penalty: float = Field(
        1.0, gt=0, description="the parameter C, the penalty of margin violations; smaller is more regularized"
    )


def build(config: SVMConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline; see `ckseq.models._spec.Build`."""
    from sklearn.svm import SVC

    return vectors_pipeline(config, SVC(C=config.penalty, kernel=config.kernel), input_shape=input_shape)


SPEC = ModelSpec(name="svm", kind="estimator", config=SVMConfig, build=build, trusted_types=(VECTORS_TYPE,))
