"""What the estimators on vectors share; scikit-learn is imported only when one is built."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.config import Config

VECTORS_TYPE = "ckseq.models._features.Vectors"
"""How skops names the type of the first stage in a saved file."""


class VectorsConfig(Config):
    """How sequences become vectors."""

    parts: int = Field(6, ge=1, le=1000, description="equal parts of the time axis, each averaged")
    pool: int = Field(3, ge=1, le=10000, description="average pooling along the width, pixels")
    root: bool = Field(True, description="take the square root first; requires a non-negative input")


ONE_PER_LABEL_TYPE = "ckseq.models._one_per_label.OnePerLabel"
"""How skops names the type of the last stage of an estimator of action units."""

TREE_TYPE = "sklearn.tree._tree.Tree"
"""How skops names the type of a decision tree in a saved file; see `check_trees`."""


def check_trees(estimator: Any) -> None:
    """Refuse decision trees, loaded from a file, whose nodes point to what is not there: reading them would crash.

    Raises
    ------
    ValueError
        A tree is damaged.
    """
    import numpy as np

    classifiers = getattr(estimator[-1], "classifiers_", [estimator[-1]])
    for classifier, member in (
        (one, member) for one in classifiers for member in np.ravel(getattr(one, "estimators_", []))
    ):
        if not hasattr(member, "tree_"):
            continue
        tree = member.tree_
        # only these are compared with the columns of what is predicted
        widths = {classifier.n_features_in_, member.n_features_in_, tree.n_features}
        n = tree.node_count
        leaf = tree.children_left == -1
        inner = np.arange(n)[~leaf]
        children = np.stack([tree.children_left[~leaf], tree.children_right[~leaf]])
        # a child comes after its parent, so that there is no circle
        sound = (children > inner).all() and (children < n).all() and (tree.children_right[leaf] == -1).all()
        features = tree.feature[~leaf]
        sound = sound and (features >= 0).all() and (features < tree.n_features).all()
        if n == 0 or not sound or len(widths) > 1 or len(tree.value) != n:
            raise ValueError("a decision tree in it is damaged")


def vectors_pipeline(config: VectorsConfig, classifier: Any, *, input_shape: tuple[int, ...]) -> Any:
    """Return the scikit-learn pipeline of vectors, standardization and a classifier."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from ckseq.models._features import Vectors

    vectors = Vectors(tuple(input_shape), pool=config.pool, root=config.root, parts=config.parts)
    return make_pipeline(vectors, StandardScaler(), classifier)
