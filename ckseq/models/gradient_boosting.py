"""Gradient boosting: small decision trees, each of which corrects the sum of those before it.

Model card
----------
Idea
    The vectors of the ridge baseline; trees fitted one after the other to the gradient of the loss.
Source
    Friedman, "Greedy function approximation: a gradient boosting machine", Annals of Statistics 2001; as
    scikit-learn has it (``GradientBoostingClassifier``).
    Classical classifiers on the features of a pretrained network are among those of Borroni et al. (2020), who do not
    name them.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2) or features (1, 1, 2048, 1); features of a backbone
    with ``root = false`` and ``pool = 1``.

Parameters
----------
    The nodes of a tree per class and round.
Cost
    Seconds for a hundred sequences; it grows with sequences, features, classes and rounds.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.models._estimators import TREE_TYPE, VECTORS_TYPE, VectorsConfig, vectors_pipeline
from ckseq.models._spec import ModelSpec


class GradientBoostingConfig(VectorsConfig):
    """How sequences become vectors, rounds, depth and step."""

    rounds: int = Field(100, ge=1, le=10000, description="number of rounds, each of one tree per class")
    max_depth: int = Field(3, ge=1, le=100, description="largest depth of a tree")
    learning_rate: float = Field(0.1, gt=0, le=1, description="factor of the contribution of each tree")
    feature_share: float = Field(
        1.0, gt=0, le=1, description="share of the features that each split chooses from; less is faster"
    )


def build(config: GradientBoostingConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline; see `ckseq.models._spec.Build`."""
    from sklearn.ensemble import GradientBoostingClassifier

    classifier = GradientBoostingClassifier(
        n_estimators=config.rounds,
        max_depth=config.max_depth,
        learning_rate=config.learning_rate,
        max_features=config.feature_share,
        random_state=0,
    )
    return vectors_pipeline(config, classifier, input_shape=input_shape)


SPEC = ModelSpec(
    name="gradient_boosting",
    kind="estimator",
    config=GradientBoostingConfig,
    build=build,
    trusted_types=(TREE_TYPE, VECTORS_TYPE),
)
