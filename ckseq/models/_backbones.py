"""Networks that were trained before: found, checked, cut, and set behind the preparation of pixels that they need."""

from __future__ import annotations

import contextlib
import hashlib
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from ckseq.config import Config as _Config
from ckseq.errors import CallError, DataError

if TYPE_CHECKING:
    import keras


class BackboneConfig(_Config):
    """A network that reads images, and how much of it is used."""

    backbone: str = Field(
        "MobileNetV2", description="a network of keras.applications by its name, or the path of a .keras file"
    )
    weights: str = Field(
        "imagenet",
        description="imagenet, fetched by Keras where they are not there yet; own, of a .keras file; the path of a "
        "file of weights; or random, which knows nothing and is for tests",
    )
    sha256: str = Field("", description="what the named file must hash to; not checked where empty")
    side_px: int = Field(0, ge=0, description="images are resized to this side before it; 0 leaves them as they are")
    preprocessing: Literal["own", "none", "vggface2"] = Field(
        "own",
        description="of the pixels: what the network of keras.applications was trained with (a .keras file has it "
        "inside); none; or that of the VGGFace2 networks",
    )
    cut_after: str = Field(
        "", description="layer after which the rest is left out; empty leaves out only the part that names classes"
    )
    pool: Literal["mean", "max", "none"] = Field(
        "mean", description="of the maps that the cut leaves: the mean or maximum of each, or the maps as they are"
    )


def features(config: BackboneConfig, images: Any) -> Any:
    """Return what a backbone makes of images: (n, d), or (n, h, w, d) where the maps are kept.

    The backbone is a layer of the name ``backbone``, at rest where it was loaded and nothing else was said.

    Parameters
    ----------
    config : BackboneConfig
    images : Keras tensor (n, h, w, channels)
        From 0 to 255.

    Raises
    ------
    CallError
        The config names no such network or layer, or does not say which weights; the images have other channels than
        it reads, or are too small.
    DataError
        The weights cannot be fetched, or a file is not what it should be.
    """
    from keras import layers

    side_px = config.side_px or images.shape[1]
    is_file = config.backbone.endswith(".keras")
    if not is_file:
        _named(config.backbone)
        # before anything is fetched
        _check_channels(config, 3, images.shape[-1])
    whole = _from_file(config) if is_file else _application(config, side_px)
    wanted = whole.input_shape[1:]
    _check_channels(config, wanted[-1], images.shape[-1])
    sides = tuple(side or side_px for side in wanted[:2])
    if images.shape[1:3] != sides:
        images = layers.Resizing(*sides, name="resized")(images)
    backbone = _cut(whole, config, is_file)
    values = backbone(_prepared(images, config, is_file))
    if len(values.shape) != 4 or config.pool == "none":
        return values
    pooling = layers.GlobalAveragePooling2D if config.pool == "mean" else layers.GlobalMaxPooling2D
    return pooling(name="pooled")(values)


def _check_channels(config: BackboneConfig, wanted: int, given: int) -> None:
    if wanted != given:
        colors = {1: "gray", 3: "rgb"}.get(wanted, f"{wanted} channels")
        raise CallError(
            f"{config.backbone} reads {wanted} channels, and the images have {given}",
            fix=f"set the pipeline's faces.color to {colors}",
        )


def extractor(config: BackboneConfig, *, input_shape: tuple[int, ...]) -> keras.Model:
    """Return a network from images, (h, w, channels) of 0 to 255, to features; nothing of it learns."""
    from keras import Input, Model

    images = Input(input_shape, name="images")
    network = Model(images, features(config, images), name="extractor")
    network.trainable = False
    return network


def announcement(config: BackboneConfig) -> list[str]:
    """Return what a person should know before a backbone is built: what is fetched from where, or that it is random."""
    if config.weights == "random":
        return [f"the weights of {config.backbone} are random: it has learnt nothing before"]
    if config.weights != "imagenet" or config.backbone.endswith(".keras"):
        return []
    return [
        f"{config.backbone} with the weights learnt on ImageNet: fetched from {_address(config.backbone)} "
        "unless they lie in ~/.keras/models already"
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
        raise CallError("sha256 is of a file, and none is named", fix="name one with backbone or weights")
    for path in files[-1:]:
        found = sha256_of(path)
        if config.sha256 and found != config.sha256.lower():
            raise DataError(f"has the SHA-256 {found}, not the one asked for", path, "fetch the file again")


def _from_file(config: BackboneConfig) -> keras.Model:
    if config.weights != "own":
        raise CallError(
            f'the file {config.backbone} brings its own weights, and weights = "{config.weights}" asks for others',
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
    make, _ = _named(config.backbone)
    if config.weights == "own":
        raise CallError(f"{config.backbone} is no file with weights of its own", fix='set weights = "imagenet"')
    _check(config)
    fetched = "imagenet" if config.weights == "imagenet" else None
    try:
        # what Keras says while it fetches is no result
        with contextlib.redirect_stdout(sys.stderr):
            network = make(include_top=False, weights=fetched, input_shape=(side_px, side_px, 3))
    except ValueError as error:
        raise CallError(
            f"{config.backbone} cannot be built: {str(error).splitlines()[0]}", fix="set side_px higher"
        ) from None
    except Exception as error:  # of a failed download Keras raises a plain Exception
        # Keras names the address, ours to name below, before the reason
        reason = str(error).splitlines()[0].rpartition(" -- ")[2]
        raise DataError(
            f"the weights of {config.backbone} could not be fetched: {reason}",
            _address(config.backbone),
            "connect to the network once, or name a file of weights; nothing is trained on random weights instead",
        ) from None
    for path in files_of(config):
        try:
            network.load_weights(path)
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            fix = f"name weights of {config.backbone} without its top"
            raise DataError(f"the weights do not fit {config.backbone}: {reason}", path, fix) from None
    return network


def _named(name: str) -> tuple[Any, Any]:
    """Return what makes a network of keras.applications, and the module with its preprocessing."""
    from keras import applications

    known = sorted(each for each in dir(applications) if each[0].isupper())
    if name not in known:
        near = ", ".join(get_close_matches(name, known, n=3)) or ", ".join(known)
        raise CallError(
            f"there is no {name!r} among the networks of keras.applications",
            fix=f"name one of these: {near}; or the path of a .keras file with any other network, weights in it",
        )
    make = getattr(applications, name)
    return make, sys.modules[make.__module__]


def _address(name: str) -> str:
    _, module = _named(name)
    found = [value for value in vars(module).values() if isinstance(value, str) and value.startswith("https://")]
    return found[0] if found else "https://storage.googleapis.com/tensorflow/keras-applications/"


def _cut(whole: keras.Model, config: BackboneConfig, is_file: bool) -> keras.Model:
    from keras import Model

    names = [layer.name for layer in whole.layers]
    if config.cut_after and config.cut_after not in names:
        raise CallError(
            f"{config.backbone} has no layer {config.cut_after!r} to cut after", fix=nearest(config.cut_after, names)
        )
    if config.cut_after:
        output = whole.get_layer(config.cut_after).output
    else:
        # the last layer of a whole network names the classes; one of keras.applications comes without it
        output = whole.layers[-2].output if is_file else whole.output
    return Model(whole.inputs, output, name="backbone")


def nearest(name: str, layers: list[str]) -> str:
    """Return which layers may have been meant, or the first and the last there are."""
    shown = get_close_matches(name, layers, n=3) or [*layers[:3], "...", *layers[-3:]]
    return f"its layers: {', '.join(shown)}"


def _prepared(images: Any, config: BackboneConfig, is_file: bool) -> Any:
    """Return images as the network was trained with, in layers that are saved with it."""
    if config.preprocessing == "vggface2":
        from keras import layers, ops

        # blue, green, red, less the means of VGGFace2
        return layers.Rescaling(1.0, offset=[-91.4953, -103.8827, -131.0912], name="less_means")(
            ops.flip(images, axis=-1)
        )
    if config.preprocessing == "none" or is_file:
        return images
    return _named(config.backbone)[1].preprocess_input(images)
