"""A small convolutional network for images: convolutions with max pooling between them, one dense layer.

Model card
----------
Idea
    A minimal convolutional network: edges, then parts of the face, then a dense layer that combines them.
Source
    Papazoglou (2022), whose sizes are the defaults: convolutions of 32, 64 and 64 filters, 3x3, relu, max pooling
    between them, dense 64. Arancibia's network has the same form with 64, 128 and 256 filters, "same" padding, dense
    1024 and dropout 0.2; that of Borroni et al. (2020), over the feature maps of a backbone, one convolution of 191
    filters, 4x4, dense 346, dropout 0.5 and leaky relu. What they do not specify is Keras's default.
Input
    (height, width, channels), gray levels or red, green, blue from 0 to 255, as (48, 48, 1). The division by 255, and
    by choice mean and standard deviation, are part of the network. Or the feature maps of a backbone, with
    ``white = 1``.

Parameters
----------
    318,407 by default for that input and 7 classes, of which 262,208 are in the dense layer; Arancibia's, for
    64x64 pixels in color, has 67,487,879.
Cost
    About 25 megaflops an image forward by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ckseq.config import Config
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class CNNSmallConfig(Config):
    """Sizes of the network; the defaults are those of Papazoglou (2022)."""

    filters: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (32, 64, 64),
        strict=False,
        min_length=1,
        max_length=16,
        description="filters of each convolution; max pooling after each but the last",
    )
    kernel_px: int = Field(3, ge=1, le=99, description="side of the convolutions, pixels")
    padding: Literal["valid", "same"] = Field(
        "valid", description="padding of the convolutions: valid, none; same, with zeros, which keeps the size"
    )
    activation: Literal["relu", "leaky_relu", "elu"] = Field(
        "relu", description="activation of the convolutions and of the dense layer"
    )
    dense: int = Field(64, ge=1, le=2**16, description="units of the dense layer before the output layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout rate after the dense layer")
    white: float = Field(255.0, gt=0, description="divisor of the input: 255 for pixels, 1 for features")
    mean: tuple[float, ...] = Field(
        (), strict=False, description="mean of each channel, subtracted after the division by white; [] is none"
    )
    deviation: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (), strict=False, description="standard deviation of each channel, by which the result is divided; [] is none"
    )


def build(config: CNNSmallConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`.

    Raises
    ------
    CallError
        The images are too small for so many pooling layers.
    """
    from keras import Input, Model, layers

    from ckseq.models._images import check_side, scaled

    check_side("cnn_small", input_shape, least=_smallest_side(config))
    images = Input(input_shape, name="images")
    values = scaled(images, white=config.white, mean=config.mean, deviation=config.deviation)
    for number, filters in enumerate(config.filters):
        if number:
            values = layers.MaxPooling2D(2, name=f"pooling_{number}")(values)
        convolution = layers.Conv2D(
            filters,
            config.kernel_px,
            padding=config.padding,
            activation=config.activation,
            name=f"convolution_{number + 1}",
        )
        values = convolution(values)
    values = layers.Flatten(name="flatten")(values)
    values = layers.Dense(config.dense, activation=config.activation, name="dense")(values)
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(images, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="cnn_small")


def _smallest_side(config: CNNSmallConfig) -> int:
    """Return the smallest side that leaves a pixel after the last convolution."""
    side = 1
    for number in reversed(range(len(config.filters))):
        side += config.kernel_px - 1 if config.padding == "valid" else 0
        side = 2 * side if number else side
    return side


SPEC = ModelSpec(name="cnn_small", kind="network", config=CNNSmallConfig, build=build, reads="images")
