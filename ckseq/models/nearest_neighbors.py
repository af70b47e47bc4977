"""k nearest neighbors: the class of the most similar training sequences.

Model card
----------
Idea
    The vectors of the ridge baseline; a new one gets the share of each class among the k nearest of training.
Source
    Cover and Hart, "Nearest neighbor pattern classification", 1967; as scikit-learn has it
    (``KNeighborsClassifier``).
    Classical classifiers on the features of a pretrained network are among those of Borroni et al. (2020), who do not
    name them.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2) or features (1, 1, 2048, 1); features of a backbone
    with ``root = false`` and ``pool = 1``.

Parameters
----------
    The training vectors themselves.
Cost
    None in training; a prediction compares with every training vector.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ckseq.models._estimators import VECTORS_TYPE, VectorsConfig, vectors_pipeline
from ckseq.models._spec import ModelSpec


class NearestNeighborsConfig(VectorsConfig):
    """How sequences become vectors, how many neighbors vote, and how."""

    neighbors: int = Field(5, ge=1, le=10000, description="number of neighbors, k")
    weights: Literal["uniform", "distance"] = Field(
        "uniform", description="votes of the neighbors: equal, or by the inverse of their distance"
    )


def build(config: NearestNeighborsConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline; see `ckseq.models._spec.Build`."""
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(config.neighbors, weights=config.weights)
    return vectors_pipeline(config, classifier, input_shape=input_shape)


SPEC = ModelSpec(
    name="nearest_neighbors",
    kind="estimator",
    config=NearestNeighborsConfig,
    build=build,
    trusted_types=(VECTORS_TYPE,),
)
