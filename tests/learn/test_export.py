"""A network in other formats, x with the formats' own runtimes and read with their own readers."""

import json
import zipfile

import keras
import numpy as np
import onnx
import pytest
from tensorflow.lite.python import schema_py_generated as schema

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.learn import backend
from ckseq.learn import export as module
from ckseq.learn.export import FORMATS, convert, largest_difference
from ckseq.learn.predict import probabilities

SHAPE = (9, 2, 12, 2)
IMAGE_SHAPE = (32, 32, 3)
CONFIGS = {"cnn_five_blocks": {"blocks": ({"filters": 4, "kernels_px": (5,)}, {"filters": 8, "kernels_px": (3, 2)})}}
DESCRIPTION = {"labels": ["anger", "joy"], "note": "größer \u2603"}


def built(name, folder=None):
    backend.start(5)
    spec = registry.load("models", name).SPEC
    if name == "transfer":
        CONFIGS[name] = {"backbone": str(folder / "small.keras"), "weights": "own"}
        layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Conv2D(4, 5), keras.layers.Flatten()]
        keras.Sequential(layers).save(folder / "small.keras")
    shape = IMAGE_SHAPE if spec.reads == "images" else SHAPE
    if spec.kind == "estimator":
        return None
    model = spec.build(spec.config(**CONFIGS.get(name, {})), input_shape=shape, n_classes=2)
    return spec.export(model)


@pytest.fixture(scope="module")
def network():
    return built("conv_time_width")


@pytest.fixture(scope="module")
def sequences():
    drawn = np.random.default_rng(0).random((4, *SHAPE), dtype=np.float32)
    drawn[0] = 0
    drawn[1, :5] = 0
    return drawn


def metadata(path):
    """What a file says of itself, read without ckseq."""
    if path.suffix == ".onnx":
        return json.loads({entry.key: entry.value for entry in onnx.load(path).metadata_props}["ckseq"])
    if path.suffix == ".tflite":
        model = schema.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
        (place,) = [entry.buffer for entry in model.metadata if entry.name == b"ckseq"]
        return json.loads(bytes(model.buffers[place].data))
    with zipfile.ZipFile(path) as archive:
        return json.loads(archive.read("metadata.json"))["ckseq"]


@pytest.mark.parametrize("name", registry.names("models"))
def test_every_network_becomes_onnx_and_litert_of_builtin_operations(name, sequences, tmp_path):
    model = built(name, tmp_path)
    if model is None:
        pytest.skip("an estimator")
    images = np.random.default_rng(1).integers(0, 256, (4, *IMAGE_SHAPE)).astype(np.float32)
    x = images if model.input_shape[1:] == IMAGE_SHAPE else sequences
    for format in (FORMATS["onnx"], FORMATS["litert"]):
        path = tmp_path / f"m{format.suffix}"
        convert(model, path, format=format, description="{}")
        assert largest_difference(model, path, format=format, sequences=x) < 1e-5


@pytest.mark.parametrize("name", FORMATS)
def test_the_description_stands_in_the_file(name, network, tmp_path):
    path = tmp_path / f"m{FORMATS[name].suffix}"
    convert(network, path, format=FORMATS[name], description=json.dumps(DESCRIPTION))
    assert metadata(path) == DESCRIPTION


def test_kerass_own_loads_as_any_other_and_its_bytes_repeat(network, sequences, tmp_path):
    paths = [tmp_path / "one.keras", tmp_path / "two.keras"]
    for path in paths:
        convert(network, path, format=FORMATS["keras"], description="{}")
    loaded = keras.saving.load_model(paths[0], safe_mode=True)
    np.testing.assert_array_equal(probabilities(loaded, sequences), probabilities(network, sequences))
    with zipfile.ZipFile(paths[0]) as one, zipfile.ZipFile(paths[1]) as two:
        assert one.read("metadata.json") == two.read("metadata.json")


def test_a_file_of_another_network_is_told_apart(network, sequences, tmp_path):
    path = tmp_path / "m.keras"
    convert(network, path, format=FORMATS["keras"], description="{}")
    changed = keras.models.clone_model(network)  # of new weights
    assert largest_difference(changed, path, format=FORMATS["keras"], sequences=sequences) > 1e-3


def test_a_missing_package_is_named(network, tmp_path, monkeypatch):
    def nothing(name):
        raise ModuleNotFoundError(name=name)

    monkeypatch.setattr("importlib.import_module", nothing)
    with pytest.raises(CallError, match=r"needs the package onnx; pip install 'ckseq\[export\]'"):
        convert(network, tmp_path / "m.onnx", format=FORMATS["onnx"], description="{}")


def test_what_a_format_cannot_express_is_one_line(network, tmp_path):
    def fails(*_):
        raise ValueError("no such operation\nand a long story")

    format = module.Format(".onnx", fails, FORMATS["onnx"].predict)
    with pytest.raises(DataError, match="cannot be converted: no such operation; try another --format"):
        convert(network, tmp_path / "m.onnx", format=format, description="{}")
