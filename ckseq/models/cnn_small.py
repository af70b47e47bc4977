"""A small convolutional network for images: three convolutions, two poolings, one dense layer.

Model card
----------
Idea
    The least that convolutions can do with a face: edges, then parts, then a dense layer that reads where they are.
Source
    System C's first network: convolutions of 32, 64 and 64 filters, 3x3, relu, pooling between them, dense 64, softmax;
    on FER2013, 12 epochs with Adam at 0.001 and class weights. What is not named is Keras's default.
Input
    (height, width, channels), grey levels or red, green, blue from 0 to 255, at least 18 pixels a side, as
    (48, 48, 1). The division by 255 is part of the network.

Parameters
----------
    318,407 by default for that input and 7 classes, of which 262,208 are in the dense layer.
Cost
    About 13 megaflops an image forward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    dense: int = Field(64, ge=1, description="units of the dense layer before the classes")
    dropout: float = Field(0.0, ge=0, lt=1, description="part of the dense layer's outputs left out at random")


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

    from ckseq.models._images import check_side, pixels

    check_side("cnn_small", input_shape, least=_least(config))
    images = Input(input_shape, name="images")
    values = pixels(images)
    for number, filters in enumerate(config.filters):
        if number:
            values = layers.MaxPooling2D(2, name=f"pooling_{number}")(values)
        values = layers.Conv2D(filters, config.kernel_px, activation="relu", name=f"convolution_{number}")(values)
    values = layers.Dense(config.dense, activation="relu", name="dense")(layers.Flatten(name="flatten")(values))
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
