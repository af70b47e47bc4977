"""Pretrained networks: loaded, verified, truncated, and preceded by the preprocessing that they need."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError, DataError

if TYPE_CHECKING:
    import keras


# what keras.applications does not have: a module with build(side_px), preprocess_input, load_published and READERS
_OWN = {"ResNet18": "ckseq.models._resnet18", "SENet50": "ckseq.models._senet50"}
_KERAS_SUFFIX = ".weights.h5"


class BackboneConfig(Config):
    """A pretrained network for images, and which part of it is used."""

    backbone: str = Field(
        "MobileNetV2",
        description="name of a network of keras.applications; ResNet18; SENet50; or the path of a .keras file",
    )
    weights: str = Field(
        "imagenet",
        description="imagenet, downloaded by Keras unless cached; own, those of a .keras file; the path of a weights "
        "file (for ResNet18 also torchvision's as .safetensors, for SENet50 that of keras-vggface as .h5); or random, "
        "not pretrained",
    )
    sha256: str = Field("", description="expected SHA-256 of the file; not checked where empty")
    side_px: int = Field(
        0, ge=0, le=4096, description="side to which images are resized before the network; 0 does not resize"
    )
    preprocessing: Literal["own", "none", "vggface2"] = Field(
        "own",
        description="preprocessing of the pixels: own, that of the network of keras.applications (a .keras file "
        "contains its own); none; or vggface2, that of the VGGFace2 networks",
    )
    cut_after: str = Field("", description="name of the last layer to use; empty uses all but the classification layer")
    pool: Literal["mean", "max", "flatten", "none"] = Field(
        "mean",
        description="what becomes of the feature maps: mean or max, global pooling; flatten, a vector of all their "
        "values; none, they stay maps",
    )
    pool_side: int = Field(
        0,
        ge=0,
        le=64,
        description="adaptive average pooling of the feature maps to this side, before pool; 0 is none (torchvision's "
        "VGG networks: 7)",
    )


def features(config: BackboneConfig, images: Any) -> Any:
    """Return the features of images: (n, d), or feature maps (n, h, w, d) where ``pool`` is none.

    Except for the backbone itself, nothing in them has weights.

    The backbone is one layer, named ``backbone``.

    Parameters
    ----------
    config : BackboneConfig
    images : Keras tensor (n, h, w, channels)
        From 0 to 255.

    Raises
    ------
    CallError
        The config names an unknown network or layer, or no weights; the images have the wrong number of channels, or
        are too small.
    DataError
        The weights cannot be downloaded, or a file is damaged or of another kind.
    """
    from keras import layers

    side_px = config.side_px or images.shape[1]
    is_file = config.backbone.endswith(".keras")
    if not is_file:
        _module_of(config.backbone)
        # before anything is downloaded
        _check_channels(config, 3, images.shape[-1])
    full = _from_file(config) if is_file else _application(config, side_px)
    wanted = full.input_shape[1:]
    _check_channels(config, wanted[-1], images.shape[-1])
    sides = tuple(side or side_px for side in wanted[:2])
    if images.shape[1:3] != sides:
        images = layers.Resizing(*sides, name="resized")(images)
    backbone = _truncated(full, config, is_file)
    values = backbone(_preprocessed(images, config, is_file))
    if len(values.shape) != 4:
        return values
    if config.pool_side:
        values = adaptive_mean(values, side=config.pool_side)
    if config.pool == "none":
        return values
    if config.pool == "flatten":
        return layers.Flatten(name="flattened")(values)
    pooling = layers.GlobalAveragePooling2D if config.pool == "mean" else layers.GlobalMaxPooling2D
    return pooling(name="pooled")(values)


def adaptive_mean(maps: Any, *, side: int) -> Any:
    """Return feature maps (n, side, side, d): means over equal parts of maps (n, h, w, d), as PyTorch computes them.

    Part i of ``side`` reaches from ``floor(i h / side)`` to ``ceil((i + 1) h / side)``; parts of few pixels overlap.
    """
    from keras import ops

    for axis in (1, 2):
        n = maps.shape[axis]
        if n == side:
            continue
        parts = [(i * n // side, -(-(i + 1) * n // side)) for i in range(side)]
        slices = [maps[:, begin:end] if axis == 1 else maps[:, :, begin:end] for begin, end in parts]
        maps = ops.stack([ops.mean(part, axis=axis) for part in slices], axis=axis)
    return maps


def _check_channels(config: BackboneConfig, wanted: int, given: int) -> None:
    if wanted != given:
        colors = {1: "gray", 3: "rgb"}.get(wanted, f"{wanted} channels")
        raise CallError(
            f"{config.backbone} reads {wanted} channels, and the images have {given}",
            fix=f"set the pipeline's faces.color to {colors}",
        )


def extractor(config: BackboneConfig, *, input_shape: tuple[int, ...]) -> keras.Model:
    """Return a network from images, (h, w, channels) of 0 to 255, to features; all of it frozen."""
    from keras import Input, Model

    images = Input(input_shape, name="images")
    network = Model(images, features(config, images), name="extractor")
    network.trainable = False
    return network


def announcement(config: BackboneConfig) -> list[str]:
    """Return the messages to show before a backbone is built: what is downloaded, or that its weights are random."""
    if config.weights == "random":
        return [f"the weights of {config.backbone} are random: it is not pretrained"]
    if config.weights != "imagenet" or config.backbone.endswith(".keras"):
        return []
    _check_obtainable(config)
    return [
        f"{config.backbone} with weights pretrained on ImageNet: downloaded from {_address(config.backbone)} "
        "unless they are cached in ~/.keras/models"
    ]


def files_of(config: BackboneConfig) -> list[Path]:
    """Return the files that a config names."""
    weights = [] if config.weights in ("imagenet", "own", "random") else [Path(config.weights)]
    return [Path(config.backbone), *weights] if config.backbone.endswith(".keras") else weights


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, 64 hexadecimal digits.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror}", path, "check the path") from None


def _check(config: BackboneConfig) -> None:
    files = files_of(config)
    if config.sha256 and not files:
        raise CallError("sha256 needs a file", fix="name one with backbone or weights")
    for path in files[-1:]:
        found = sha256_of(path)
        if config.sha256 and found != config.sha256.lower():
            raise DataError(f"has the SHA-256 {found}, not the expected one", path, "download the file again")


def _from_file(config: BackboneConfig) -> keras.Model:
    if config.weights != "own":
        raise CallError(
            f'the file {config.backbone} contains its own weights, and weights = "{config.weights}" names others',
            fix='set weights = "own"',
        )
    _check(config)
    import keras

    try:
        return keras.saving.load_model(config.backbone, compile=False, safe_mode=True)
    except Exception as error:  # what Keras raises on a damaged file depends on where the damage is
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot be loaded: {reason}", config.backbone, "name a network saved by Keras 3") from None


def _application(config: BackboneConfig, side_px: int) -> keras.Model:
    if config.weights == "own":
        raise CallError(f"{config.backbone} is not a file with weights of its own", fix='set weights = "imagenet"')
    _check(config)
    if config.backbone in _OWN:
        _check_obtainable(config)
        network = _module_of(config.backbone).build(side_px)
    else:
        network = _of_keras(config, side_px)
    for path in files_of(config):
        try:
            if config.backbone in _OWN and not path.name.endswith(_KERAS_SUFFIX):
                own = _module_of(config.backbone)
                own.load_published(network, _reader(config, path)(path))
            else:
                network.load_weights(path)
        except DataError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            fix = f"name weights of {config.backbone} without its classification layer"
            raise DataError(f"the weights do not fit {config.backbone}: {reason}", path, fix) from None
    return network


def _reader(config: BackboneConfig, path: Path) -> Any:
    readers = _module_of(config.backbone).READERS
    if path.suffix not in readers:
        known = " or ".join([*readers, _KERAS_SUFFIX])
        raise DataError(f"is not a weights file of {config.backbone}", path, f"name a file that ends in {known}")
    return readers[path.suffix]


def _of_keras(config: BackboneConfig, side_px: int) -> keras.Model:
    """Return a network of keras.applications, with the weights that Keras downloads or with random ones."""
    make = getattr(_module_of(config.backbone), config.backbone)
    weights = "imagenet" if config.weights == "imagenet" else None
    try:
        # Keras prints its download progress, which is no result
        with contextlib.redirect_stdout(sys.stderr):
            return make(include_top=False, weights=weights, input_shape=(side_px, side_px, 3))
    except ValueError as error:
        raise CallError(
            f"{config.backbone} cannot be built: {str(error).splitlines()[0]}", fix="set side_px higher"
        ) from None
    except Exception as error:  # of a failed download Keras raises a plain Exception
        # Keras names the address, ours to name below, before the reason
        reason = str(error).splitlines()[0].rpartition(" -- ")[2]
        raise DataError(
            f"the weights of {config.backbone} could not be downloaded: {reason}",
            _address(config.backbone),
            "connect to the internet once, or name a weights file; random weights are not used instead",
        ) from None


def _check_obtainable(config: BackboneConfig) -> None:
    if config.backbone in _OWN and config.weights == "imagenet":
        raise CallError(
            f"Keras has no weights of {config.backbone} to download",
            fix=f"name a file by weights, which ends in {' or '.join(_module_of(config.backbone).READERS)}; or random",
        )


def _module_of(name: str) -> Any:
    """Return the module with the constructor of a network and its preprocessing."""
    from keras import applications

    if name in _OWN:
        return import_module(_OWN[name])
    known = sorted([*(each for each in dir(applications) if each[0].isupper()), *_OWN])
    if name not in known:
        near = ", ".join(get_close_matches(name, known, n=3)) or ", ".join(known)
        raise CallError(
            f"there is no {name!r} among the networks of keras.applications",
            fix=f"name one of these: {near}; or the path of a .keras file with any other network and its weights",
        )
    return sys.modules[getattr(applications, name).__module__]


def _address(name: str) -> str:
    found = [
        value for value in vars(_module_of(name)).values() if isinstance(value, str) and value.startswith("https://")
    ]
    return found[0] if found else "https://storage.googleapis.com/tensorflow/keras-applications/"


def _truncated(full: keras.Model, config: BackboneConfig, is_file: bool) -> keras.Model:
    from keras import Model

    names = [layer.name for layer in full.layers]
    if config.cut_after and config.cut_after not in names:
        raise CallError(
            f"{config.backbone} has no layer {config.cut_after!r} (cut_after)", fix=nearest(config.cut_after, names)
        )
    if config.cut_after:
        output = full.get_layer(config.cut_after).output
    else:
        # the last layer of a full network is the output layer; one of keras.applications is built without it
        output = full.layers[-2].output if is_file else full.output
    return Model(full.inputs, output, name="backbone")


def nearest(name: str, layers: list[str]) -> str:
    """Return the layers with similar names, or the first and the last layers."""
    shown = get_close_matches(name, layers, n=3) or [*layers[:3], "...", *layers[-3:]]
    return f"its layers: {', '.join(shown)}"


def _preprocessed(images: Any, config: BackboneConfig, is_file: bool) -> Any:
    """Return images preprocessed as in the pretraining, by layers that are saved with the network."""
    if config.preprocessing == "vggface2":
        return _module_of("SENet50").preprocess_input(images)
    if config.preprocessing == "none" or is_file:
        return images
    return _module_of(config.backbone).preprocess_input(images)
