"""A recurrent network: a bidirectional GRU over the projections.

Model card
----------
Idea
    The square root of each step's means, pooled along the width, is projected to a few features; a bidirectional GRU
    runs over them; its states are averaged over time before the output layer. Padded steps (all zero) are masked:
    they neither change the state nor enter the average.
Source
    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, as Keras has it.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2). Values at least zero; others, such as a backbone's
    features (24, 1, 1280, 1), with ``root = false`` and ``pool = 1``.

Parameters
----------
    ``(d + 3) F + 6 U (F + U + 2) + (2 U + 1) n`` for d = rows x (columns / pool) x channels numbers per step, F
    features, U units per direction and n classes: 24,615 by default for that input and 7 classes.
Cost
    Under two megaflops a sequence forward; the steps run one after another, so overhead dominates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.config import Config
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class GRUConfig(Config):
    """Sizes of the network."""

    pool: int = Field(3, ge=1, le=10000, description="average pooling along the width before the network, pixels")
    root: bool = Field(True, description="take the square root first; requires a non-negative input")
    features: int = Field(32, ge=1, le=4096, description="size of the projection of each step before the recurrence")
    units: int = Field(32, ge=1, le=4096, description="units of the GRU, in each direction")
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout rate on the inputs and on the averaged outputs")


def build(config: GRUConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`."""
    from keras import Input, Model, layers

    from ckseq.models._layers import coarse, not_padding

    sequences = Input(input_shape, name="sequences")
    values = layers.TimeDistributed(layers.Flatten(), name="steps")(
        coarse(sequences, pool=config.pool, root=config.root)
    )
    values = layers.Dropout(config.dropout, name="input_dropout")(values)
    values = layers.Dense(config.features, name="features")(values)
    values = layers.LayerNormalization(name="normalized")(values)
    seen = not_padding(sequences)
    recurrent = layers.GRU(config.units, return_sequences=True, name="gru")
    values = layers.Bidirectional(recurrent, name="both_ways")(values, mask=seen)
    values = layers.GlobalAveragePooling1D(name="mean")(values, mask=seen)
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(sequences, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="gru")


SPEC = ModelSpec(name="gru", kind="network", config=GRUConfig, build=build)
