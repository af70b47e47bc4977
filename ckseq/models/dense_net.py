"""A dense network: all numbers of an input at once, some hidden layers, the classes.

Model card
----------
Idea
    Over features that another network made, a few dense layers are enough.
Source
    The perceptron with hidden layers (Rumelhart et al., Nature 1986), as system E set it behind the blocks of SENet50.
Input
    Anything: features (1, 1, d, 1), feature maps, images, sequences of one length. It is divided by ``white``.

Parameters
----------
    ``(d + 1) h1 + (h1 + 1) h2 + ... + (h + 1) n`` for d numbers, hidden layers of h1, h2 ... units and n classes:
    329,735 by default for 1,280 features and 7 classes.
Cost
    Next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ckseq.config import Config as _Config

if TYPE_CHECKING:
    import keras

READS = "anything"


class Config(_Config):
    """The network's sizes."""

    hidden: tuple[int, ...] = Field((256,), strict=False, description="units of each hidden layer")
    activation: Literal["relu", "leaky_relu", "elu"] = Field("relu", description="of the hidden layers")
    dropout: float = Field(0.5, ge=0, lt=1, description="part left out at random after each hidden layer")
    white: float = Field(1.0, gt=0, description="what the input is divided by: 1 of features, 255 of pixels")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled.

    Parameters
    ----------
    config : Config
    input_shape : tuple of int
    n_classes : int
    """
    from keras import Input, Model, layers

    from ckseq.models._images import divided

    inputs = Input(input_shape, name="inputs")
    values = layers.Flatten(name="flatten")(divided(inputs, white=config.white))
    for number, units in enumerate(config.hidden, start=1):
        values = layers.Dense(units, activation=config.activation, name=f"dense_{number}")(values)
        values = layers.Dropout(config.dropout, name=f"dropout_{number}")(values)
    return Model(inputs, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="dense_net")


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
