"""A small convolutional network for images: some convolutions with poolings between them, one dense layer.

Model card
----------
Idea
    The least that convolutions can do with a face: edges, then parts, then a dense layer that reads where they are.
Source
    System C's first network, whose sizes are the defaults: convolutions of 32, 64 and 64 filters, 3x3, relu, pooling
    between them, dense 64. System D's own network is the same with 64, 128 and 256 filters, dense 1024 and dropout
    0.2; system E's, over a backbone's feature maps, has one convolution of 191 filters, 4x4, dense 346, dropout 0.5
    and leaky relu. What they do not name is Keras's default.
Input
    (height, width, channels), gray levels or red, green, blue from 0 to 255, as (48, 48, 1). The division by 255 is
    part of the network. Or the feature maps of a backbone, with ``white = 1``.

Parameters
----------
    318,407 by default for that input and 7 classes, of which 262,208 are in the dense layer; system D's, for 64x64
    pixels in color, 38,127,751.
Cost
    About 25 megaflops an image forward by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ckseq.config import Config as _Config

if TYPE_CHECKING:
    import keras

READS = "images"


class Config(_Config):
    """The network's sizes; the defaults are system C's."""

    filters: tuple[int, ...] = Field(
        (32, 64, 64),
        strict=False,
        min_length=1,
        description="channels of each convolution; a pooling after each but the last",
    )
    kernel_px: int = Field(3, ge=1, description="side of the convolutions, pixels")
    activation: Literal["relu", "leaky_relu", "elu"] = Field("relu", description="of convolutions and dense layer")
    dense: int = Field(64, ge=1, description="units of the dense layer before the classes")
    dropout: float = Field(0.0, ge=0, lt=1, description="part of the dense layer's outputs left out at random")
    white: float = Field(255.0, gt=0, description="what the input is divided by: 255 of pixels, 1 of features")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled.

    Parameters
    ----------
    config : Config
    input_shape : (height, width, channels)
    n_classes : int

    Raises
    ------
    CallError
        The images are too small for so many poolings.
    """
    from keras import Input, Model, layers

    from ckseq.models._images import check_side, divided

    check_side("cnn_small", input_shape, least=_least(config))
    images = Input(input_shape, name="images")
    values = divided(images, white=config.white)
    for number, filters in enumerate(config.filters):
        if number:
            values = layers.MaxPooling2D(2, name=f"pooling_{number}")(values)
        convolution = layers.Conv2D(
            filters, config.kernel_px, activation=config.activation, name=f"convolution_{number + 1}"
        )
        values = convolution(values)
    values = layers.Flatten(name="flatten")(values)
    values = layers.Dense(config.dense, activation=config.activation, name="dense")(values)
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(images, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="cnn_small")


def _least(config: Config) -> int:
    """Return the smallest side that leaves a pixel after the last convolution."""
    side = 1
    for number in reversed(range(len(config.filters))):
        side += config.kernel_px - 1
        side = 2 * side if number else side
    return side


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
