"""ResNet18: the residual network with 18 layers, which keras.applications does not have.

Source: He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, table 1; padding, strides and
names of the weights as in torchvision, so that the weights published with it fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ckseq.models._images import IMAGENET_DEVIATION, IMAGENET_MEAN, scaled
from ckseq.storage.safetensors import SUFFIX, read_safetensors

if TYPE_CHECKING:
    import keras

READERS = {SUFFIX: read_safetensors}
"""Readers of published weights by the suffix of the file."""
_AXES = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}
FILTERS = (64, 128, 256, 512)
"""Of the four stages, of two residual blocks each."""


def build(side_px: int, *, n_classes: int = 0) -> keras.Model:
    """Return the network with random weights, not compiled.

    Parameters
    ----------
    side_px : int
        Side of the images, which have three channels, preprocessed by `preprocess_input`.
    n_classes : int
        0 ends in the feature maps, of a 32nd of the side; otherwise pooling and a dense layer follow.

    Returns
    -------
    keras.Model
        Its 11,176,512 trainable parameters, 11,689,512 with 1,000 classes, are the published ones.
    """
    from keras import Input, Model, layers

    images = Input((side_px, side_px, 3), name="pixels")
    values = _convolution(images, 64, 7, stride=2, name="conv1")
    values = layers.ReLU(name="relu1")(_normalized(values, "bn1"))
    # padded with zeros after relu, which is what padding with minus infinity amounts to
    values = layers.MaxPooling2D(3, 2, name="maxpool")(layers.ZeroPadding2D(1, name="maxpool_pad")(values))
    for stage, filters in enumerate(FILTERS, start=1):
        for block in range(2):
            stride = 2 if stage > 1 and block == 0 else 1
            values = _residual(values, filters, stride=stride, name=f"layer{stage}.{block}")
    if n_classes:
        pooled = layers.GlobalAveragePooling2D(name="avgpool")(values)
        values = layers.Dense(n_classes, activation="softmax", name="fc")(pooled)
    return Model(images, values, name="resnet18")


def preprocess_input(images: Any) -> Any:
    """Return images of 0 to 255 as torchvision's weights expect them: shares of white, standardized by channel."""
    return scaled(images, white=255, mean=IMAGENET_MEAN, deviation=IMAGENET_DEVIATION)


def load_published(network: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set the weights of a network to torchvision's.

    PyTorch keeps kernels as (out, in, height, width) and matrices as (out, in), Keras as (height, width, in, out) and
    (in, out). What the network does not have, as the dense layer of one without classes, is not used.

    Parameters
    ----------
    network : keras.Model
        From `build`; it is modified.
    arrays : mapping of str to array
        By torchvision's names: ``conv1.weight``, ``layer1.0.bn1.running_mean`` and so on.

    Raises
    ------
    ValueError
        An array is missing, or has another shape.
    """
    kinds = {
        "Conv2D": ("weight",),
        "BatchNormalization": ("weight", "bias", "running_mean", "running_var"),
        "Dense": ("weight", "bias"),
    }
    found = {}
    for layer in network.layers:
        names = [f"{layer.name}.{kind}" for kind in kinds.get(type(layer).__name__, ())]
        if missing := [name for name in names if name not in arrays]:
            raise ValueError(f"{missing[0]} is missing")
        ours = [arrays[name].transpose(_AXES[arrays[name].ndim]) for name in names]
        for name, array, weight in zip(names, ours, layer.get_weights(), strict=True):
            if array.shape != weight.shape:
                raise ValueError(f"{name} has the shape {arrays[name].shape}")
        found[layer] = ours
    for layer, ours in found.items():
        layer.set_weights(ours)


def _residual(values: Any, filters: int, *, stride: int, name: str) -> Any:
    """Add two convolutions to what goes around them; a 1x1 convolution fits that where the size changes."""
    from keras import layers

    around = values
    if stride > 1 or values.shape[-1] != filters:
        around = _normalized(
            _convolution(values, filters, 1, stride=stride, name=f"{name}.downsample.0"), f"{name}.downsample.1"
        )
    inner = _normalized(_convolution(values, filters, 3, stride=stride, name=f"{name}.conv1"), f"{name}.bn1")
    inner = layers.ReLU(name=f"{name}.relu1")(inner)
    inner = _normalized(_convolution(inner, filters, 3, stride=1, name=f"{name}.conv2"), f"{name}.bn2")
    return layers.ReLU(name=f"{name}.relu2")(layers.Add(name=f"{name}.add")([around, inner]))


def _convolution(values: Any, filters: int, kernel_px: int, *, stride: int, name: str) -> Any:
    """Return a convolution without bias, padded by the same number of zeros on all sides, unlike Keras's "same"."""
    from keras import layers

    if kernel_px > 1:
        values = layers.ZeroPadding2D(kernel_px // 2, name=f"{name}.pad")(values)
    convolution = layers.Conv2D(
        filters, kernel_px, strides=stride, use_bias=False, kernel_initializer="he_normal", name=name
    )
    return convolution(values)


def _normalized(values: Any, name: str) -> Any:
    from keras import layers

    # momentum 0.9 is what PyTorch calls 0.1
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=name)(values)
