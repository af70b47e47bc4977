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


def vectors_pipeline(config: VectorsConfig, classifier: Any, *, input_shape: tuple[int, ...]) -> Any:
    """Return the scikit-learn pipeline of vectors, standardization and a classifier."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from ckseq.models._features import Vectors

    vectors = Vectors(tuple(input_shape), pool=config.pool, root=config.root, parts=config.parts)
    return make_pipeline(vectors, StandardScaler(), classifier)
