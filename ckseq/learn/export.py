"""Export of a trained network to other formats, with a description in the metadata of the file."""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError, DataError
from ckseq.learn.backend import load_keras
from ckseq.learn.predict import probabilities
from ckseq.learn.runtimes import KEY, open_litert, open_onnx
from ckseq.redirect import stderr_to_devnull

if TYPE_CHECKING:
    import keras


class Format(NamedTuple):
    """A file format: its suffix, what writes a network with a description, and what predicts with a file."""

    suffix: str
    write: Callable[[keras.Model, Path, str], None]
    predict: Callable[[Path, NDArray[np.float32]], NDArray[np.float32]]


def _write_keras(network: keras.Model, path: Path, description: str) -> None:
    """Write Keras's own format: a zip archive, whose ``metadata.json`` gets the description."""
    network.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(members["metadata.json"])
    del metadata["date_saved"]  # the same network gives the same bytes
    members["metadata.json"] = json.dumps({**metadata, KEY: json.loads(description)}).encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def _predict_keras(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    return probabilities(load_keras().saving.load_model(path, compile=False, safe_mode=True), x)


def _write_onnx(network: keras.Model, path: Path, description: str) -> None:
    """Write ONNX with Keras's exporter, for batches of any size."""
    onnx = _needed("onnx")
    _needed("tf2onnx")
    with stderr_to_devnull():
        network.export(path, format="onnx", verbose=False, input_signature=[_input(network, None)])
    model = onnx.load(path)
    model.doc_string = "made by ckseq; the metadata describes the preprocessing of the input"
    onnx.helper.set_model_props(model, {KEY: description})
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _predict_onnx(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    _needed("onnxruntime")
    return open_onnx(path).predict(x)


def _write_litert(network: keras.Model, path: Path, description: str) -> None:
    """Write LiteRT (TFLite) with built-in operations only, for batches of one: it runs wherever LiteRT does."""
    import tensorflow as tf
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    plain = load_keras().models.clone_model(network, clone_function=_with_builtin_operations)
    plain.set_weights(network.get_weights())
    with stderr_to_devnull():
        plain.export(
            path,
            format="litert",
            verbose=False,
            input_signature=[_input(network, 1)],
            target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]},
        )
    model = flatbuffer_utils.read_model(path)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(description.encode(), np.uint8)
    entry.name, entry.buffer = KEY, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    flatbuffer_utils.write_model(model, path)


def _with_builtin_operations(layer: Any) -> Any:
    """Return an equivalent layer of LiteRT's built-in operations, which have no pooling in three dimensions."""
    keras = load_keras()
    if not (isinstance(layer, keras.layers.AveragePooling3D) and tuple(layer.pool_size[:2]) == (1, 1)):
        return layer.__class__.from_config(layer.get_config())

    class PooledWidth(keras.layers.Layer):  # type: ignore[name-defined,misc,unused-ignore]
        def call(self, sequences: Any) -> Any:
            _, steps, rows, width, channels = sequences.shape
            pool = layer.pool_size[2]
            images = keras.ops.reshape(sequences, (-1, steps * rows, width, channels))
            pooled = keras.ops.average_pool(images, (1, pool), padding=layer.padding)
            return keras.ops.reshape(pooled, (-1, steps, rows, pooled.shape[2], channels))

    return PooledWidth(name=layer.name)


def _input(network: keras.Model, n_sequences: int | None) -> Any:
    import tensorflow as tf

    return tf.TensorSpec((n_sequences, *network.input_shape[1:]), tf.float32, name="sequences")


def _predict_litert(path: Path, x: NDArray[np.float32]) -> NDArray[np.float32]:
    return open_litert(path).predict(x)


FORMATS = {
    "onnx": Format(".onnx", _write_onnx, _predict_onnx),
    "litert": Format(".tflite", _write_litert, _predict_litert),
    "keras": Format(".keras", _write_keras, _predict_keras),
}


def with_backbone(extractor: keras.Model, network: keras.Model) -> keras.Model:
    """Return one network from images, or sequences of frames, to classes: a backbone, then what reads its features.

    Parameters
    ----------
    extractor : keras.Model
        From an image (h, w, channels) to features.
    network : keras.Model
        Reads the features of one image, or of each frame of a sequence. Frames that are all zero are padding: their
        features are zero, too.
    """
    keras = load_keras()
    layers, ops = keras.layers, keras.ops
    image, wanted = tuple(extractor.input_shape[1:]), tuple(network.input_shape[1:])
    n_frames = 1 if len(wanted) == 3 else wanted[0]
    if n_frames == 1:
        inputs = layers.Input(image, name="images")
        features = extractor(inputs)
    else:
        inputs = layers.Input((n_frames, *image), name="frames")
        features = layers.TimeDistributed(extractor, name="backbone")(inputs)
        seen = ops.any(ops.not_equal(inputs, 0.0), axis=(2, 3, 4))
        seen = ops.cast(ops.reshape(seen, (-1, n_frames, *(1,) * (len(features.shape) - 2))), "float32")
        features = features * seen
    return keras.Model(inputs, network(layers.Reshape(wanted, name="features")(features)), name="with_backbone")


def convert(network: keras.Model, path: Path, *, format: Format, description: str) -> None:
    """Write a network in another format.

    Parameters
    ----------
    network : keras.Model
        Of plain Keras layers only.
    path : Path
        With the suffix of the format.
    format : Format
        One of `FORMATS`.
    description : str
        JSON, for the metadata of the file.

    Raises
    ------
    CallError
        A package that writes the format is not installed.
    DataError
        The format cannot express the network, or the file cannot be written.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the converters, about their own dependencies
            format.write(network, path, description)
    except (CallError, OSError):
        raise
    except Exception as error:  # each converter has its own
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"the network cannot be converted: {reason}", fix="try another --format") from None


def largest_difference(
    network: keras.Model, path: Path, *, format: Format, sequences: Iterable[NDArray[np.float32]]
) -> float:
    """Return the largest difference between the probabilities of a written file and those of the network.

    Parameters
    ----------
    network : keras.Model
    path : Path
        Written by `convert`.
    format : Format
    sequences : iterable of (t, h, w, channels) float32

    Raises
    ------
    CallError
        A package that reads the format is not installed.
    """
    x = np.stack(list(sequences))
    return float(np.abs(format.predict(path, x) - probabilities(network, x)).max())


def _needed(name: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise CallError(f"this format needs the package {error.name}", fix="pip install 'ckseq[export]'") from None
