"""The paper's idea made light: a convolutional LSTM over coarse projections that passes padded frames by.

Model card
----------
Idea
    The projections are square-rooted and averaged over neighbors in width; a ConvLSTM2D of few filters, with
    kernels that see one row each and a bounded activation, reads them; steps that are padding (all zero) are masked.
    Its last state is averaged over neighbors in width once more, normalized, and read by one dense layer.
Source
    Shi et al., "Convolutional LSTM Network", NIPS 2015, as Keras has it; the network of the Salerno report, of which
    the first dense layer, with nearly all of its parameters, is gone.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2). Values at least zero.

Parameters
----------
    ``4 F (k C + k F + 1) + 2 P F + (P F + 1) n`` for F filters, a kernel of k cells, C channels, P places left after
    both averages and n classes: 4,167 by default for that input and 7 classes, 0.1 % of the paper's.
Cost
    About 5 megaflops a sequence forward, a thousandth of the paper's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.config import Config as _Config

if TYPE_CHECKING:
    import keras


class Config(_Config):
    """The network's sizes."""

    pool: int = Field(6, ge=1, description="neighbors in width that become their mean first, pixels")
    filters: int = Field(8, ge=1, description="channels of the convolutional LSTM's state")
    kernel_width: int = Field(3, ge=1, description="width of its convolutions, places after the pooling")
    dropout: float = Field(0.5, ge=0, lt=1, description="part of the last state that training leaves out at random")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int
    """
    from keras import Input, Model, layers

    from ckseq.models._layers import coarse, seen_steps

    sequences = Input(input_shape, name="sequences")
    values = coarse(sequences, pool=config.pool)
    recurrent = layers.ConvLSTM2D(config.filters, (1, config.kernel_width), padding="same", name="conv_lstm")
    values = recurrent(values, mask=seen_steps(sequences))
    values = layers.AveragePooling2D((1, 2), padding="same", name="pooled")(values)
    values = layers.LayerNormalization(name="normalized")(layers.Flatten(name="flatten")(values))
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(sequences, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="light")


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
