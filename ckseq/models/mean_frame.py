"""The mean over the frames: the baseline for everything that looks at the order of time.

Model card
----------
Idea
    The features of all frames are averaged, and a linear map tells the classes from the mean. What a recurrent network
    reaches beyond this, it owes to the order of the frames. Padded steps (all zero) do not count.
Source
    The usual baseline of video classification, as in Karpathy et al., CVPR 2014.
Input
    (steps, rows, columns, channels) float32, as (24, 1, 1280, 1) of a backbone's features.

Parameters
----------
    ``(d + 1) n`` for d numbers a step and n classes: 8,967 for that input and 7 classes.
Cost
    Next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.config import Config as _Config

if TYPE_CHECKING:
    import keras


class Config(_Config):
    """The network's one choice."""

    dropout: float = Field(0.0, ge=0, lt=1, description="part of the mean left out at random")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int
    """
    from keras import Input, Model, layers

    from ckseq.models._layers import seen_steps

    sequences = Input(input_shape, name="sequences")
    steps = layers.Reshape((input_shape[0], -1), name="steps")(sequences)
    mean = layers.GlobalAveragePooling1D(name="mean")(steps, mask=seen_steps(sequences))
    mean = layers.Dropout(config.dropout, name="dropout")(mean)
    return Model(sequences, layers.Dense(n_classes, activation="softmax", name="classes")(mean), name="mean_frame")


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
