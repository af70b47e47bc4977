"""Transfer learning: a pretrained backbone with a new classification head.

Model card
----------
Idea
    A network pretrained on a million photographs, or on another data set of faces, extracts the features; only the
    head, or the head and the last layers, are trained on the images at hand. With `training.frozen_epochs` the head is
    trained first.
Source
    Yosinski et al., "How transferable are features in deep neural networks?", NIPS 2014. Heads:
    Papazoglou (2022), dense 128 and 64 over MobileNetV2 (the default); Arancibia, dense 256 and dropout 0.2 over frozen
    VGG19 and ResNet50; Borroni et al. (2020) over SENet50 of VGGFace2, which is loaded from a file.
Input
    (height, width, channels) from 0 to 255; RGB for the networks of keras.applications. Resizing and preprocessing
    are part of the network.

Parameters
----------
    Those of the backbone, and ``(d + 1) h1 + (h1 + 1) h2 + ... + (h + 1) n`` of the head for d features, hidden
    layers of h1, h2 ... units and n classes: 172,679 of the default head over MobileNetV2 for 7 classes.
Cost
    That of the backbone for every image in every epoch: 0.6 gigaflops for MobileNetV2 at 224 pixels. Of a frozen
    backbone, `input = "features"` computes it only once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ckseq.errors import CallError
from ckseq.models._backbones import BackboneConfig, nearest
from ckseq.models._spec import ModelSpec

if TYPE_CHECKING:
    import keras


class TransferConfig(BackboneConfig):
    """The backbone, how much of it is fine-tuned, and the head."""

    fine_tune: str = Field(
        "none", description="layers of the backbone to fine-tune: none; all; or the name of the first trainable layer"
    )
    hidden: tuple[Annotated[int, Field(ge=1, le=2**16)], ...] = Field(
        (128, 64), strict=False, max_length=16, description="units of each hidden dense layer of the head"
    )
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout rate after each of these layers")


def build(config: TransferConfig, *, input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Return the network, not compiled; see `ckseq.models._spec.Build`.

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
    _set_trainable(network.get_layer("backbone"), config.fine_tune)
    return network


def _set_trainable(backbone: keras.Model, fine_tune: str) -> None:
    """Set which layers are trainable. Batch normalization stays frozen unless the whole backbone is fine-tuned."""
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


SPEC = ModelSpec(name="transfer", kind="network", config=TransferConfig, build=build, reads="images")
