"""SENet50: ResNet50 with squeeze-and-excitation blocks, which keras.applications does not have.

Sources: Hu, Shen and Sun, "Squeeze-and-excitation networks", CVPR 2018, table 1 (SE-ResNet-50); Cao et al., "VGGFace2",
FG 2018, whose network of faces it is.

The names of the layers, and so the layout of the weights, are those of the Keras port of the VGGFace2 network
(``keras-vggface``, a file such as ``rcmalli_vggface_tf_notop_senet50.h5``), where a name's slash is an underscore here:
Keras 3 allows none. What could not be checked without that file: that its names are exactly these (a file with others
is refused, with the first name that is missing); that its pooling and first convolution pad as here (Caffe's original
pads both by hand, so its first feature maps are shifted by a pixel and one larger); and so the published features to
the digit. Shapes and numbers of weights are those of the paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ckseq.storage.keras_weights import read_keras_weights

if TYPE_CHECKING:
    import keras

BLOCKS = (3, 4, 6, 3)
FILTERS = (64, 128, 256, 512)
"""Of the first two convolutions in each block of the four stages; the third has four times as many."""
REDUCTION = 16
"""Of channels in the squeeze-and-excitation blocks."""
N_FEATURES = 2048

READERS = {".h5": read_keras_weights, ".hdf5": read_keras_weights}
"""Readers of published weights by the suffix of the file."""
_EPSILON = 1e-4
# of VGGFace2: blue, green, red
_MEANS = (91.4953, 103.8827, 131.0912)
_FIRST = "conv1_7x7_s2"


def build(side_px: int, *, n_classes: int = 0) -> keras.Model:
    """Return the network with random weights, not compiled.

    Parameters
    ----------
    side_px : int
        Side of the images, 224 as published, which have three channels, preprocessed by `preprocess_input`.
    n_classes : int
        0 ends in the feature maps, (7, 7, 2048) for 224 pixels; otherwise global pooling and a dense layer follow.

    Returns
    -------
    keras.Model
        26,039,024 trainable parameters; 28,088,024, the published number, with the 1,000 classes of ImageNet.
    """
    from keras import Input, Model, layers

    images = Input((side_px, side_px, 3), name="pixels")
    values = layers.Conv2D(64, 7, strides=2, padding="same", use_bias=False, name=_FIRST)(images)
    values = layers.ReLU(name="conv1_relu")(_normalized(values, _FIRST))
    values = layers.MaxPooling2D(3, 2, name="pool1")(values)
    for stage, (n_blocks, filters) in enumerate(zip(BLOCKS, FILTERS, strict=True), start=2):
        for block in range(1, n_blocks + 1):
            stride = 2 if stage > 2 and block == 1 else 1
            values = _block(values, filters, stride=stride, name=f"conv{stage}_{block}", projects=block == 1)
    if n_classes:
        pooled = layers.GlobalAveragePooling2D(name="avg_pool")(values)
        values = layers.Dense(n_classes, activation="softmax", name="classifier")(pooled)
    return Model(images, values, name="senet50")


def preprocess_input(images: Any) -> Any:
    """Return images, red, green and blue of 0 to 255, as in the pretraining: blue first, minus VGGFace2's means."""
    from keras import layers, ops

    means = layers.Rescaling(1.0, offset=[-mean for mean in _MEANS], name="less_means")
    return means(ops.flip(images, axis=-1))


def load_published(network: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set the weights of a network to published ones.

    Parameters
    ----------
    network : keras.Model
        From `build`; it is modified.
    arrays : mapping of str to array
        As of `read_keras_weights`: ``conv1/7x7_s2/kernel``, ``conv2_1_1x1_reduce/bn/gamma`` and so on. What the network
        does not have, as the dense layer of one without classes, is not used.

    Raises
    ------
    ValueError
        An array is missing, or has another shape.
    """
    found = {}
    for layer in network.layers:
        names = [f"{published_name(layer.name)}/{weight.name}" for weight in layer.weights]
        for name, weight in zip(names, layer.weights, strict=True):
            if name not in arrays:
                raise ValueError(f"{name} is missing")
            if arrays[name].shape != tuple(weight.shape):
                raise ValueError(f"{name} has the shape {arrays[name].shape}, not {tuple(weight.shape)}")
        found[layer] = [arrays[name] for name in names]
    for layer, ours in found.items():
        layer.set_weights(ours)


def published_name(layer: str) -> str:
    """Return the published name of a layer.

    >>> published_name("conv1_7x7_s2_bn"), published_name("conv2_1_3x3"), published_name("conv2_1_3x3_bn")
    ('conv1/7x7_s2/bn', 'conv2_1_3x3', 'conv2_1_3x3/bn')
    """
    convolution = layer.removesuffix("_bn")
    name = "conv1/7x7_s2" if convolution == _FIRST else convolution
    return name if convolution == layer else f"{name}/bn"


def _block(values: Any, filters: int, *, stride: int, name: str, projects: bool) -> Any:
    """Return the output of a residual block; its first convolution has the stride."""
    from keras import layers

    around = values
    if projects:
        around = _convolution(values, 4 * filters, 1, stride=stride, name=f"{name}_1x1_proj")
    inner = _convolution(values, filters, 1, stride=stride, name=f"{name}_1x1_reduce")
    inner = layers.ReLU(name=f"{name}_relu1")(inner)
    inner = layers.ReLU(name=f"{name}_relu2")(_convolution(inner, filters, 3, stride=1, name=f"{name}_3x3"))
    inner = _convolution(inner, 4 * filters, 1, stride=1, name=f"{name}_1x1_increase")
    inner = _excited(inner, name)
    return layers.ReLU(name=f"{name}_output")(layers.Add(name=f"{name}_add")([inner, around]))


def _excited(values: Any, name: str) -> Any:
    """Return feature maps, each multiplied by a weight between 0 and 1 that follows from the means of all."""
    from keras import layers

    n = values.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(values)
    weights = layers.Conv2D(n // REDUCTION, 1, activation="relu", name=f"{name}_1x1_down")(weights)
    weights = layers.Conv2D(n, 1, activation="sigmoid", name=f"{name}_1x1_up")(weights)
    return layers.Multiply(name=f"{name}_excited")([values, weights])


def _convolution(values: Any, filters: int, kernel_px: int, *, stride: int, name: str) -> Any:
    from keras import layers

    convolution = layers.Conv2D(filters, kernel_px, strides=stride, padding="same", use_bias=False, name=name)
    return _normalized(convolution(values), name)


def _normalized(values: Any, name: str) -> Any:
    from keras import layers

    return layers.BatchNormalization(epsilon=_EPSILON, name=f"{name}_bn")(values)
