"""Average over time: the baseline for every model that uses the order of the frames.

Model card
----------
Idea
    The features of all frames are averaged, and a linear map classifies the average. Whatever a recurrent network gains
    over this comes from the order of the frames. Padded steps (all zero) are masked.
Source
    The usual baseline of video classification, as in Karpathy et al., CVPR 2014.
Input
    (steps, rows, columns, channels) float32, as (24, 1, 1280, 1) of a backbone's features.

Parameters
----------
    ``(d + 1) n`` for d numbers per step and n classes: 8,967 for that input and 7 classes.
Cost
    Negligible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.config import Config
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class MeanFrameConfig(Config):
    """Regularization of the network."""

    dropout: float = Field(0.0, ge=0, lt=1, description="dropout rate on the average")


def build(config: MeanFrameConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`."""
    from keras import Input, Model, layers

    from ckseq.models._layers import not_padding

    sequences = Input(input_shape, name="sequences")
    steps = layers.Reshape((input_shape[0], -1), name="steps")(sequences)
    mean = layers.GlobalAveragePooling1D(name="mean")(steps, mask=not_padding(sequences))
    mean = layers.Dropout(config.dropout, name="dropout")(mean)
    return Model(sequences, layers.Dense(n_classes, activation="softmax", name="classes")(mean), name="mean_frame")


SPEC = ModelSpec(name="mean_frame", kind="network", config=MeanFrameConfig, build=build)
