"""A multilayer perceptron: the flattened input, hidden dense layers, the output layer.

Model card
----------
Idea
    A few dense layers are enough to classify the features of a pretrained network.
Source
    The perceptron with hidden layers (Rumelhart et al., Nature 1986), as Borroni et al. (2020) use it on the
    features of SENet50.
Input
    Anything: features (1, 1, d, 1), feature maps, images, sequences of one length. It is scaled by ``white``.

Parameters
----------
    ``(d + 1) h1 + (h1 + 1) h2 + ... + (h + 1) n`` for d numbers, hidden layers of h1, h2 ... units and n classes:
    329,735 by default for 1,280 features and 7 classes.
Cost
    Negligible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ckseq.config import Config
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class DenseNetConfig(Config):
    """Sizes of the network."""

    hidden: tuple[Annotated[int, Field(ge=1, le=2**16)], ...] = Field(
        (256,), strict=False, max_length=16, description="units of each hidden layer"
    )
    activation: Literal["relu", "leaky_relu", "elu"] = Field("relu", description="activation of the hidden layers")
    dropout: float = Field(0.5, ge=0, lt=1, description="dropout rate after each hidden layer")
    white: float = Field(1.0, gt=0, description="divisor of the input: 1 for features, 255 for pixels")


def build(config: DenseNetConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`."""
    from keras import Input, Model, layers

    from ckseq.models._images import scaled

    inputs = Input(input_shape, name="inputs")
    values = layers.Flatten(name="flatten")(scaled(inputs, white=config.white))
    for number, units in enumerate(config.hidden, start=1):
        values = layers.Dense(units, activation=config.activation, name=f"dense_{number}")(values)
        values = layers.Dropout(config.dropout, name=f"dropout_{number}")(values)
    return Model(inputs, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="dense_net")


SPEC = ModelSpec(name="dense_net", kind="network", config=DenseNetConfig, build=build, reads="anything")
