"""A random forest: many decision trees, each of other samples and features, vote.

Model card
----------
Idea
    The vectors of the ridge baseline; trees of bootstrap samples that see a random part of the features at each
    split.
Source
    Breiman, "Random forests", Machine Learning 2001; as scikit-learn has it (``RandomForestClassifier``).
    Classical classifiers on the features of a pretrained network are among those of Borroni et al. (2020), who do not
    name them.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2) or features (1, 1, 2048, 1); features of a backbone
    with ``root = false`` and ``pool = 1``.

Parameters
----------
    The nodes of all trees: at most twice the training sequences each.
Cost
    About a second for a hundred sequences and 300 trees; probabilities are shares of votes.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.models._estimators import TREE_TYPE, VECTORS_TYPE, VectorsConfig, vectors_pipeline
from ckseq.models._spec import ModelSpec


class RandomForestConfig(VectorsConfig):
    """How sequences become vectors, number and depth of the trees."""

    trees: int = Field(300, ge=1, le=10000, description="number of trees")
    max_depth: int = Field(0, ge=0, le=1000, description="largest depth of a tree; 0 is not limited")


def build(config: RandomForestConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline; see `ckseq.models._spec.Build`."""
    from sklearn.ensemble import RandomForestClassifier

    classifier = RandomForestClassifier(config.trees, max_depth=config.max_depth or None, random_state=0)
    return vectors_pipeline(config, classifier, input_shape=input_shape)


SPEC = ModelSpec(
    name="random_forest",
    kind="estimator",
    config=RandomForestConfig,
    build=build,
    trusted_types=(TREE_TYPE, VECTORS_TYPE),
)
