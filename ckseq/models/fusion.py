"""Ridge regressions of motion, and of motion, shape and texture of a face, trusted as far as people left out say.

Model card
----------
Idea
    Six views of a sequence: of motion, the projections (averaged over neighbors: means of parts of the time; deviation
    and speed); of shape, the registered landmarks and the distances that FACS coders look at (mean, deviation, tenths,
    speed and change of each); of texture, the gradients of the registered face (deviation, speed). Each view is a
    vector of length one. One ridge regression reads motion, another one all views; their scores are added with weights.
    Penalties and weights are chosen by leaving one subject out inside the training data, so what does not carry over to
    other people counts little. Motion is also learned from shifted, scaled, stretched and mirrored versions, shape and
    texture from mirrored ones.
Source
    Hoerl and Kennard, "Ridge regression", Technometrics 1970; leaving out in closed form: Golub, Heath and Wahba 1979;
    weights for models by what they say of data left out: Breiman, "Stacked regressions", Machine Learning 1996;
    sums of normalized kernels: Gönen and Alpaydın, "Multiple kernel learning algorithms", JMLR 2011.
Input
    (steps, 2, columns, channels) float32, as (64, 2, 670, 3): projections, landmarks and gradients of one length, side
    by side (``input = "fused"``).

Parameters
----------
    ``(columns + 1) x classes``: 51,065 for 7 classes by default.
Cost
    Some seconds for a hundred sequences, most of it the leaving out; it grows with the cube of sequences x versions.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError
from ckseq.models._spec import ModelSpec
from ckseq.signal.face_shape import LandmarkKind, face_shape


class FusionConfig(Config):
    """How sequences become vectors, and how many versions of them are learned from."""

    pool: int = Field(3, ge=1, le=10000, description="average pooling of the projections along the width, pixels")
    parts: int = Field(6, ge=1, le=1000, description="equal parts of the time axis, each averaged, of the projections")
    landmarks: LandmarkKind = Field("face_mesh", description="kind of landmarks in the store: [landmarks] kind there")
    versions: int = Field(
        3, ge=0, le=100, description="augmented versions of each sequence to learn from, as [augmentation] says"
    )
    mean_gradients: bool = Field(
        False,
        description="also learn from the mean of the gradients: it shows who somebody is, unless it is relative to a "
        "neutral face (calibration = neutral)",
    )


def build(config: FusionConfig, *, input_shape: tuple[int, ...], n_classes: int) -> Any:  # noqa: ARG001
    """Return the estimator, a scikit-learn pipeline of one stage; see `ckseq.models._spec.Build`.

    Raises
    ------
    CallError
        The sequences are too narrow to hold landmarks.
    """
    from sklearn.pipeline import make_pipeline

    from ckseq.models._fused_ridges import FusedRidges
    from ckseq.signal.gradients import N_COLUMNS
    from ckseq.signal.landmarks import N_POSE_COLUMNS

    n_landmarks = len(face_shape(config.landmarks).points) + N_POSE_COLUMNS
    if input_shape[2] <= n_landmarks + N_COLUMNS:
        raise CallError(
            f"fusion reads projections, {n_landmarks} columns of landmarks and {N_COLUMNS} of gradients, and these are "
            f"{input_shape[2]} columns",
            fix='set input = "fused"',
        )
    return make_pipeline(
        FusedRidges(
            tuple(input_shape),
            n_landmarks=n_landmarks,
            pool=config.pool,
            parts=config.parts,
            versions=config.versions,
            mean_gradients=config.mean_gradients,
        )
    )


SPEC = ModelSpec(
    name="fusion",
    kind="estimator",
    config=FusionConfig,
    build=build,
    inputs=("fused",),
    learns_from_subjects=True,
    trusted_types=("ckseq.models._fused_ridges.FusedRidges",),
)
