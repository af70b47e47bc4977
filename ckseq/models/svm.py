"""A support vector machine: the baseline that needs little data.

Model card
----------
Idea
    The vectors of the ridge baseline; then the borders between each two classes that leave the widest margin.
Source
    Cortes and Vapnik, "Support-vector networks", Machine Learning 1995; as scikit-learn has it (``SVC``).
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2): projections of one length, best stretched to it.

Parameters
----------
    The training sequences that lie on a margin, with a weight for each of the other classes.
Cost
    A fraction of a second for a hundred sequences; it grows with the square of their number. Its probabilities are a
    softmax of scores and not calibrated.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ckseq.config import Config as _Config


class Config(_Config):
    """How sequences become vectors, and where the borders may run."""

    parts: int = Field(6, ge=1, description="equal parts of the time, each averaged")
    pool: int = Field(3, ge=1, description="neighbors in width that become their mean, pixels")
    root: bool = Field(True, description="take the square root first; the input is then at least zero")
    kernel: Literal["linear", "rbf"] = Field("linear", description="straight borders, or bent ones")
    penalty: float = Field(1.0, gt=0, description="of a training sequence on the wrong side; small is smooth")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline that reads (n, *input_shape) float32.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int
        Of no concern here: an estimator takes its classes from what it learns.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from ckseq.models._features import Vectors

    vectors = Vectors(tuple(input_shape), pool=config.pool, root=config.root, parts=config.parts)
    return make_pipeline(vectors, StandardScaler(), SVC(C=config.penalty, kernel=config.kernel))
