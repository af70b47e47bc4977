"""A small variant of the paper's network: a convolutional LSTM over pooled projections, with masked padding.

Model card
----------
Idea
    The square root of the projections, average pooling along the width, then a ConvLSTM2D of few filters with kernels
    one row high and a bounded activation. Padded steps (all zero) are masked. Its last state goes through average
    pooling, layer normalization and one dense layer.
Source
    Shi et al., "Convolutional LSTM Network", NIPS 2015, as Keras has it; the network of the paper, without
    its first dense layer, which had nearly all of the parameters.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2). Values at least zero.

Parameters
----------
    ``4 F (k C + k F + 1) + 2 P F + (P F + 1) n`` for F filters, a kernel of k cells, C channels, P places left after
    both pooling layers and n classes: 4,167 by default for that input and 7 classes, 0.1 % of the paper's.
Cost
    About 5 megaflops a sequence forward, a thousandth of the paper's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.config import Config
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class ConvLSTMLightConfig(Config):
    """Sizes of the network."""

    pool: int = Field(6, ge=1, le=10000, description="average pooling along the width before the network, pixels")
    root: bool = Field(True, description="take the square root first; requires a non-negative input")
    filters: int = Field(8, ge=1, le=4096, description="filters of the convolutional LSTM, the channels of its state")
    kernel_width: int = Field(
        3, ge=1, le=999, description="kernel width of its convolutions, in places after the pooling"
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout rate on the last state")


def build(config: ConvLSTMLightConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`."""
    from keras import Input, Model, layers

    from ckseq.models._layers import coarse, not_padding

    sequences = Input(input_shape, name="sequences")
    values = coarse(sequences, pool=config.pool, root=config.root)
    recurrent = layers.ConvLSTM2D(config.filters, (1, config.kernel_width), padding="same", name="conv_lstm")
    values = recurrent(values, mask=not_padding(sequences))
    values = layers.AveragePooling2D((1, 2), padding="same", name="pooled")(values)
    values = layers.LayerNormalization(name="normalized")(layers.Flatten(name="flatten")(values))
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(sequences, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="light")


SPEC = ModelSpec(name="conv_lstm_light", kind="network", config=ConvLSTMLightConfig, build=build)
