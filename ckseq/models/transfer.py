"""Transfer: a network that has seen many images before, with a new head that tells our classes.

Model card
----------
Idea
    What a network learnt on a million photographs, or on another set of faces, serves as features; only the head, or
    the head and the last layers, learn from the few images at hand. `training.frozen_epochs` lets the head learn first.
Source
    Yosinski et al., "How transferable are features in deep neural networks?", NIPS 2014. The heads of the reference
    systems: C over MobileNetV2, dense 128 and 64; D over VGG19 and ResNet50 at rest, dense 256 and dropout 0.2; E over
    SENet50 of VGGFace2, from a file of one's own.
Input
    (height, width, channels) from 0 to 255; red, green, blue for the networks of keras.applications. Resizing and the
    preparation of the pixels are part of the network.

Parameters
----------
    Those of the backbone, and ``(d + 1) h1 + (h1 + 1) h2 + ... + (h + 1) n`` of the head for d features, hidden
    layers of h1, h2 ... units and n classes: 172,679 of the default head over MobileNetV2 for 7 classes.
Cost
    That of the backbone for every image in every epoch: 0.6 gigaflops of MobileNetV2 at 224 pixels. Where it stays at
    rest, `input = "features"` computes it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ckseq.errors import CallError
from ckseq.models._backbones import BackboneConfig, nearest

if TYPE_CHECKING:
    import keras

READS = "images"


class Config(BackboneConfig):
    """The backbone, how much of it learns, and the head."""

    fine_tune: str = Field(
        "none", description="what of the backbone learns too: none; all; or a layer's name, from which on it does"
    )
    hidden: tuple[int, ...] = Field(
        (128, 64), strict=False, description="units of each dense layer between the features and the classes"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="part left out at random after each of these layers")


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
        The config names no such network or layer, or does not say which weights; the images do not suit it.
    DataError
        The weights cannot be fetched, or a file is not what it should be.
    """
    from keras import Input, Model, layers

    from ckseq.models._backbones import features

    images = Input(input_shape, name="images")
    values = features(config, images)
    if len(values.shape) > 2:
        values = layers.Flatten(name="flatten")(values)
    for number, units in enumerate(config.hidden, start=1):
        values = layers.Dense(units, activation="relu", name=f"dense_{number}")(values)
        values = layers.Dropout(config.dropout, name=f"dropout_{number}")(values)
    network = Model(images, layers.Dense(n_classes, activation="softmax", name="classes")(values), name="transfer")
    _let_learn(network.get_layer("backbone"), config.fine_tune)
    return network


def _let_learn(backbone: keras.Model, fine_tune: str) -> None:
    """Set which layers learn. Batch normalization keeps its means, unless everything learns from the start."""
    from keras.layers import BatchNormalization

    if fine_tune == "all":
        backbone.trainable = True
        return
    names = [layer.name for layer in backbone.layers]
    if fine_tune != "none" and fine_tune not in names:
        raise CallError(f"the backbone has no layer {fine_tune!r}", fix=f"{nearest(fine_tune, names)}; or none, or all")
    first = len(names) if fine_tune == "none" else names.index(fine_tune)
    for number, layer in enumerate(backbone.layers):
        layer.trainable = number >= first and not isinstance(layer, BatchNormalization)


def export(model: keras.Model) -> keras.Model:
    """Return the network itself: all its layers are Keras's own."""
    return model
