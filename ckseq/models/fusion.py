"""Ridge regressions of projections and landmarks, each trusted as far as people who were left out say.

Model card
----------
Idea
    Three linear views of a sequence: the projections, averaged over neighbors and over parts of the time; mean,
    deviation, speed and change of the registered landmarks; the same of distances that FACS coders look at. The penalty
    of each, and the weight of each in the sum of scores, are chosen by leaving one subject out inside the training
    data, so a view that does not carry over to other people gets no weight. The projections are also learned from
    shifted, scaled, stretched and mirrored versions, the landmarks from mirrored ones.
Source
    Hoerl and Kennard, "Ridge regression", Technometrics 1970; leaving out in closed form: Golub, Heath and Wahba 1979;
    weighted sums of scores: Breiman, "Stacked regressions", Machine Learning 1996.
Input
    (steps, 2, columns, channels) float32, as (24, 2, 414, 3): projections and landmarks of one length, side by side
    (``input = "fused"``).

Parameters
----------
    Of each view ``(columns + 1) x classes``: 22,428 + 8,239 + 1,099 for 7 classes by default.
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
        5, ge=0, le=100, description="augmented versions of each sequence to learn from, as [augmentation] says"
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
    from ckseq.signal.landmarks import N_POSE_COLUMNS

    n_landmarks = len(face_shape(config.landmarks).points) + N_POSE_COLUMNS
    if input_shape[2] <= n_landmarks:
        raise CallError(
            f"fusion reads projections and {n_landmarks} columns of landmarks, and these are {input_shape[2]} columns",
            fix='set input = "fused"',
        )
    return make_pipeline(
        FusedRidges(
            tuple(input_shape),
            n_landmarks=n_landmarks,
            pool=config.pool,
            parts=config.parts,
            versions=config.versions,
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
