"""A deep convolutional network for small images: blocks of convolutions, each ended by pooling and dropout.

Model card
----------
Idea
    Many small convolutions: the receptive field grows with every block until it covers the whole face. Batch
    normalization, He initialization and exponential linear units keep so deep a network trainable, heavy dropout
    regularizes it.
Source
    Xiao (2020): 2 convolutions of 32 filters, 5x5; 3 of 64, 3x3; 4 of 64, 3x3; 3 of 128, 3x3; of 512 one 3x3 and two
    2x2; after each block max pooling by 2 and dropout 0.5; dense 128, dropout 0.5. ``blocks`` builds the networks of
    the earlier rounds as well. He et al., ICCV 2015 (initialization); Clevert et al., ICLR 2016 (ELU). Not specified
    there, and chosen here: "same" padding, and batch normalization after each activation. That after the dense layer
    is ours: ``dense_normalization = false`` is the published network.
Input
    (height, width, channels), gray levels or red, green, blue from 0 to 255, as (48, 48, 1), at least 2 pixels a side
    to the power of the number of blocks. The division by 255 is part of the network.

Parameters
----------
    3,400,871 by default for that input and 7 classes; 3,400,359 without normalization after the dense layer.
Cost
    About 0.6 gigaflops an image forward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ckseq.config import Config
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class Block(Config):
    """A block: one convolution for each kernel, then max pooling by 2 and dropout."""

    filters: int = Field(ge=1, le=4096, description="filters of each convolution")
    kernels_px: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field(
        strict=False, min_length=1, max_length=64, description="side of each convolution's kernel, pixels"
    )
    dropout: float | None = Field(
        None, ge=0, lt=1, description="dropout rate after the block; that of the model where it is left out"
    )


_BLOCKS = (
    Block(filters=32, kernels_px=(5, 5)),
    Block(filters=64, kernels_px=(3, 3, 3)),
    Block(filters=64, kernels_px=(3, 3, 3, 3)),
    Block(filters=128, kernels_px=(3, 3, 3)),
    Block(filters=512, kernels_px=(3, 2, 2)),
)


class CNNFiveBlocksConfig(Config):
    """Sizes of the network; the defaults are those of Xiao (2020), except for ``dense_normalization``."""

    blocks: tuple[Block, ...] = Field(
        _BLOCKS,
        strict=False,
        min_length=1,
        max_length=16,
        description="the blocks, each as {filters = 32, kernels_px = [5, 5], dropout = 0.5}; dropout may be left out",
    )
    width: float = Field(1.0, gt=0, le=4, description="factor on the number of filters of every convolution")
    dense: int = Field(128, ge=1, le=2**16, description="units of the dense layer before the output layer")
    dense_normalization: bool = Field(True, description="batch normalization after the dense layer")
    dropout: float = Field(
        0.5, ge=0, lt=1, description="dropout rate after the dense layer, and after each block that has none of its own"
    )
    momentum: float = Field(
        0.99, ge=0, lt=1, description="momentum of batch normalization; choose a lower one for few gradient steps"
    )


def build(config: CNNFiveBlocksConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`.

    Raises
    ------
    CallError
        The images are too small for so many pooling layers.
    """
    from keras import Input, Model, layers

    from ckseq.models._images import check_side, scaled

    check_side("cnn_five_blocks", input_shape, least=2 ** len(config.blocks))
    images = Input(input_shape, name="images")
    values = scaled(images, white=255)
    for block, sizes in enumerate(config.blocks, start=1):
        for number, kernel_px in enumerate(sizes.kernels_px, start=1):
            values = layers.Conv2D(
                max(1, round(config.width * sizes.filters)),
                kernel_px,
                padding="same",
                activation="elu",
                kernel_initializer="he_normal",
                name=f"block_{block}_convolution_{number}",
            )(values)
            values = layers.BatchNormalization(momentum=config.momentum, name=f"block_{block}_normal_{number}")(values)
        values = layers.MaxPooling2D(2, name=f"block_{block}_pooling")(values)
        rate = config.dropout if sizes.dropout is None else sizes.dropout
        values = layers.Dropout(rate, name=f"block_{block}")(values)
    values = layers.Flatten(name="flatten")(values)
    values = layers.Dense(config.dense, activation="elu", kernel_initializer="he_normal", name="dense")(values)
    if config.dense_normalization:
        values = layers.BatchNormalization(momentum=config.momentum, name="dense_normal")(values)
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(images, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="cnn_five_blocks")


SPEC = ModelSpec(name="cnn_five_blocks", kind="network", config=CNNFiveBlocksConfig, build=build, reads="images")
