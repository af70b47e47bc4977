"""A small convolutional network over time and width; the default.

Model card
----------
Idea
    Time and width of a row of projections form an image. The column means and the row means are two images that share
    only the time axis, so each has its own convolution. The position of motion in the face separates the classes: no
    global pooling over the width, and one dense layer reads every place. A skip connection adds the input itself,
    coarser in time: on a hundred sequences a linear model of the means, trained with shifts, mirrors and gains, is hard
    to beat, and the convolution adds the nonlinear part.
Source
    A two-branch descendant of the fully convolutional networks for time series of Wang et al., IJCNN 2017, without
    their global pooling. The square root is the usual variance-stabilizing transform of proportions and counts
    (Bartlett 1936).
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2), best stretched to one length. Values at least zero.

Parameters
----------
    ``r (k C + 1) F + (r P F + r Q C + 1) n`` for r rows, F filters, a kernel of k cells, C channels, P places after
    pooling the convolved image, Q places of the input itself and n classes: 45,695 by default for that input
    and 7 classes.
Cost
    About one megaflop a sequence forward; some ten seconds of training for a hundred sequences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class ConvTimeWidthConfig(Config):
    """Sizes of the network."""

    pool_width: int = Field(3, ge=1, le=10000, description="average pooling along the width before the network, pixels")
    pool_time: int = Field(
        2, ge=1, le=10000, description="average pooling along the time axis before the network, steps"
    )
    root: bool = Field(True, description="take the square root first; requires a non-negative input")
    filters: int = Field(8, ge=0, le=4096, description="filters of each convolution; 0 omits the convolutions")
    kernel: tuple[Annotated[int, Field(ge=1, le=999)], Annotated[int, Field(ge=1, le=999)]] = Field(
        (3, 5), strict=False, description="kernel size in time and width, in places after the first pooling"
    )
    plain: bool = Field(True, description="skip connection from the pooled input to the dense layer")
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout rate before the dense layer")


def build(config: ConvTimeWidthConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`.

    Raises
    ------
    CallError
        Both the convolutions and the skip connection are switched off.
    """
    if not (config.filters or config.plain):
        raise CallError("model.filters = 0 and model.plain = false leave no input", fix="change one of them")
    from keras import Input, Model, layers

    from ckseq.models._layers import coarse

    sequences = Input(input_shape, name="sequences")
    values = coarse(sequences, pool=config.pool_width, root=config.root)
    read = []
    for row in range(input_shape[1]):
        image = _pooled(values[:, :, row], time=config.pool_time, width=1, name=f"picture_{row}")
        if config.plain:
            read.append(_pooled(image, time=2, width=1, name=f"plain_{row}"))
        if config.filters:
            convolution = layers.Conv2D(
                config.filters, config.kernel, padding="same", activation="relu", name=f"convolution_{row}"
            )
            read.append(_pooled(convolution(image), time=2, width=2, name=f"convolved_{row}"))
    flat = [layers.Flatten()(part) for part in read]
    values = layers.Concatenate(name="places")(flat) if len(flat) > 1 else flat[0]
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(
        sequences, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="conv_time_width"
    )


def _pooled(image: Any, *, time: int, width: int, name: str) -> Any:
    from keras import layers

    return layers.AveragePooling2D((time, width), padding="same", name=name)(image)


SPEC = ModelSpec(name="conv_time_width", kind="network", config=ConvTimeWidthConfig, build=build)
