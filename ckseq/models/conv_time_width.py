"""A small convolutional network over time and width; the default.

Model card
----------
Idea
    Time and width of a row of projections are a picture. The column means and the row means are two pictures that
    have nothing in common but time, so each gets a convolution of its own. Where in the face something moves is what
    tells the classes apart: nothing is averaged over the whole width, and one dense layer reads every place. Beside
    the convolved picture it reads the plain one, coarser in time: with a hundred sequences a linear model of the
    means, trained with shifts, mirrors and gains, is hard to beat, and the convolution adds to it what is not linear.
Source
    A two-branch descendant of the fully convolutional networks for time series of Wang et al., IJCNN 2017, with the
    position kept. The square root in front is the usual one for shares and counts
    (Bartlett 1936).
Input
    (steps, rows, columns, channels) float32, as (24, 2, 267, 2), best stretched to one length. Values at least zero.

Parameters
----------
    ``r (k C + 1) F + (r P F + r Q C + 1) n`` for r rows, F filters, a kernel of k cells, C channels, P places after
    the pooling of the convolved picture, Q places of the plain one and n classes: 45,695 by default for that input
    and 7 classes.
Cost
    About one megaflop a sequence forward; some ten seconds of training for a hundred sequences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from ckseq.config import Config as _Config
from ckseq.errors import CallError

if TYPE_CHECKING:
    import keras


class Config(_Config):
    """The network's sizes."""

    pool_width: int = Field(3, ge=1, description="neighbors in width that become their mean first, pixels")
    pool_time: int = Field(2, ge=1, description="neighbors in time that become their mean first, steps")
    filters: int = Field(8, ge=0, description="channels of each convolution; 0 leaves the convolutions out")
    kernel: tuple[int, int] = Field(
        (3, 5), strict=False, description="length and width of the convolutions, places after the first pooling"
    )
    plain: bool = Field(True, description="let the dense layer read the pooled input beside the convolutions")
    dropout: float = Field(0.5, ge=0, lt=1, description="part of what the dense layer reads left out at random")


def build(config: Config, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled.

    Parameters
    ----------
    config : Config
    input_shape : (steps, rows, columns, channels)
    n_classes : int

    Raises
    ------
    CallError
        Neither the convolutions nor the plain picture are to be read.
    """
    if not (config.filters or config.plain):
        raise CallError("model.filters = 0 and model.plain = false leave nothing to read", fix="change one of them")
    from keras import Input, Model, layers

    from ckseq.models._layers import coarse

    sequences = Input(input_shape, name="sequences")
    values = coarse(sequences, pool=config.pool_width)
    read = []
    for row in range(input_shape[1]):
        picture = _halved(values[:, :, row], time=config.pool_time, width=1, name=f"picture_{row}")
        if config.plain:
            read.append(_halved(picture, time=2, width=1, name=f"plain_{row}"))
        if config.filters:
            convolution = layers.Conv2D(
                config.filters, config.kernel, padding="same", activation="relu", name=f"convolution_{row}"
            )
            read.append(_halved(convolution(picture), time=2, width=2, name=f"convolved_{row}"))
    flat = [layers.Flatten()(part) for part in read]
    values = layers.Concatenate(name="places")(flat) if len(flat) > 1 else flat[0]
    values = layers.Dropout(config.dropout, name="dropout")(values)
    return Model(
        sequences, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="conv_time_width"
    )


def _halved(picture: Any, *, time: int, width: int, name: str) -> Any:
    from keras import layers

    return layers.AveragePooling2D((time, width), padding="same", name=name)(picture)


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
