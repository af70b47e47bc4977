"""A recurrent network: gated recurrent units read the projections step by step, in both directions.

Model card
----------
Idea
    Each step's means, square-rooted and made coarser, are mapped to a few features; a bidirectional GRU reads the
    features in time; the mean of its states over time is what the classes are told from. Padded steps (all zero) are
    masked: they neither change the state nor enter the mean.
Source
    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, as Keras has it.
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2). Values at least zero; others, such as a backbone's
    features (24, 1, 1280, 1), with ``root = false`` and ``pool = 1``.

Parameters
----------
    ``(d + 3) F + 6 U (F + U + 2) + (2 U + 1) n`` for d = rows x (columns / pool) x channels numbers a step, F features,
    U units a direction and n classes: 24,615 by default for that input and 7 classes.
Cost
    Under two megaflops a sequence forward; the steps come one after another, so the time goes into overhead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.config import Config as _Config

if TYPE_CHECKING:
    import keras


class Config(_Config):
    """The network's sizes."""

    pool: int = Field(3, ge=1, description="neighbors in width that become their mean first, pixels")
    root: bool = Field(True, description="take the square root first; the input is then at least zero")
    features: int = Field(32, ge=1, description="numbers that each step is reduced to before the recurrence")
    units: int = Field(32, ge=1, description="size of the recurrent state, in each direction")
    dropout: float = Field(0.5, ge=0, lt=1, description="part of the inputs, and of the outputs, left out at random")


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
    values = layers.TimeDistributed(layers.Flatten(), name="steps")(
        coarse(sequences, pool=config.pool, root=config.root)
    )
    values = layers.Dropout(config.dropout, name="input_dropout")(values)
    values = layers.Dense(config.features, name="features")(values)
    values = layers.LayerNormalization(name="normalized")(values)
    seen = seen_steps(sequences)
    recurrent = layers.GRU(config.units, return_sequences=True, name="gru")
    values = layers.Bidirectional(recurrent, name="both_ways")(values, mask=seen)
    values = layers.GlobalAveragePooling1D(name="mean")(values, mask=seen)
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(sequences, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="gru")


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
