"""SENet50 against the published sizes, by hand, and the layout of its published weights."""

import h5py
import numpy as np
import pytest

from ckseq.errors import CallError, DataError
from ckseq.models import _backbones, _senet50
from ckseq.storage.keras_weights import read_keras_weights

CONFIG = {"backbone": "SENet50", "pool": "mean"}


@pytest.fixture(scope="module")
def network():
    return _senet50.build(224)


def by_hand(n_classes=0):
    """The trainable parameters: convolutions without bias, their normalization, squeeze and excitation."""

    def convolution(kernel_px, n_in, n_out):
        return kernel_px**2 * n_in * n_out + 2 * n_out

    count, n_in = convolution(7, 3, 64), 64
    for n_blocks, filters in zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True):
        for block in range(n_blocks):
            n_out, squeezed = 4 * filters, 4 * filters // 16
            count += convolution(1, n_in, n_out) if block == 0 else 0
            count += convolution(1, n_in, filters) + convolution(3, filters, filters) + convolution(1, filters, n_out)
            count += (n_out + 1) * squeezed + (squeezed + 1) * n_out
            n_in = n_out
    return count + (2049 * n_classes if n_classes else 0)


def test_the_numbers_of_parameters_are_the_published_ones(network):
    trainable = sum(int(np.prod(one.shape)) for one in network.trainable_variables)
    assert trainable == by_hand() == 26_039_024
    assert by_hand(1000) == 28_088_024  # of ImageNet, Hu, Shen and Sun: 28.1 million
    assert network.count_params() == 26_092_144  # with the running means and variances


def test_the_maps_have_the_published_shapes(network):
    shapes = {name: network.get_layer(name).output.shape[1:] for name in ("conv1_7x7_s2", "conv3_4_output")}
    assert shapes == {"conv1_7x7_s2": (112, 112, 64), "conv3_4_output": (28, 28, 512)}
    assert network.output_shape == (None, 7, 7, 2048)
    outputs = [layer.name for layer in network.layers if layer.name.endswith("_output")]
    assert outputs == [
        f"conv{stage}_{n}_output" for stage, k in ((2, 3), (3, 4), (4, 6), (5, 3)) for n in range(1, k + 1)
    ]
    excitation = network.get_layer("conv5_3_1x1_down")
    assert (excitation.filters, excitation.use_bias) == (128, True)


def write_published(path, network, change=lambda arrays: arrays):
    """Write a file in the layout of Keras 2: a group per layer, its name with slashes, and the names as attributes."""
    rng = np.random.default_rng(0)
    arrays = {}
    for layer in network.layers:
        for weight in layer.weights:
            arrays[f"{_senet50.published_name(layer.name)}/{weight.name}"] = rng.random(weight.shape, np.float32)
    arrays = change(arrays)
    by_layer = {}
    for name, array in arrays.items():
        layer, _, kind = name.rpartition("/")
        by_layer.setdefault(layer, {})[f"{layer}/{kind}:0"] = array
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in ("input_1", *by_layer)]
        file.create_group("input_1").attrs["weight_names"] = np.array([], "S1")
        for layer, weights in by_layer.items():
            group = file.require_group(layer)
            group.attrs["weight_names"] = [name.encode() for name in weights]
            for name, array in weights.items():
                group[name] = array
    return arrays


def test_published_weights_are_converted(tmp_path, network):
    written = write_published(tmp_path / "senet50.h5", network)
    read = read_keras_weights(tmp_path / "senet50.h5")
    assert read.keys() == written.keys()
    assert {"conv1/7x7_s2/kernel", "conv1/7x7_s2/bn/moving_variance", "conv4_6_1x1_up/bias"} <= read.keys()
    config = _backbones.BackboneConfig(**CONFIG, weights=str(tmp_path / "senet50.h5"))
    made = _backbones.extractor(config, input_shape=(224, 224, 3))
    assert made.output_shape == (None, 2048)
    backbone = made.get_layer("backbone")
    for ours, published in (("conv1_7x7_s2", "conv1/7x7_s2"), ("conv5_3_1x1_increase_bn", "conv5_3_1x1_increase/bn")):
        layer = backbone.get_layer(ours)
        for weight in layer.weights:
            np.testing.assert_array_equal(weight.numpy(), written[f"{published}/{weight.name}"])
    assert len([layer for layer in backbone.layers if layer.weights]) * 2 < len(written)


def renamed(arrays):
    return {name.replace("conv3_2_3x3/kernel", "conv3_2_3by3/kernel"): array for name, array in arrays.items()}


def reshaped(arrays):
    return {name: array[..., :5] if name == "conv2_1_3x3/bn/gamma" else array for name, array in arrays.items()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (renamed, "do not fit SENet50: conv3_2_3x3/kernel is missing"),
        (reshaped, r"do not fit SENet50: conv2_1_3x3/bn/gamma has the shape \(5,\), not \(64,\)"),
    ],
)
def test_other_weights_are_refused(tmp_path, network, change, message):
    write_published(tmp_path / "other.h5", network, change)
    config = _backbones.BackboneConfig(**CONFIG, weights=str(tmp_path / "other.h5"))
    with pytest.raises(DataError, match=message):
        _backbones.extractor(config, input_shape=(224, 224, 3))


def test_what_is_no_weights_file_is_refused(tmp_path):
    (tmp_path / "text.h5").write_text("no weights")
    h5py.File(tmp_path / "bare.h5", "w").close()
    for name, message in (("text.h5", "is not a weights file of Keras 2"), ("bare.h5", "layer_names is missing")):
        with pytest.raises(DataError, match=message):
            read_keras_weights(tmp_path / name)
    for weights, message in (("imagenet", "no weights of SENet50 to download"), ("w.pth", r"ends in \.h5 or \.hdf5")):
        (tmp_path / "w.pth").write_bytes(b"")
        config = _backbones.BackboneConfig(
            **CONFIG, weights=weights if weights == "imagenet" else str(tmp_path / weights)
        )
        with pytest.raises((CallError, DataError), match=message):
            _backbones.extractor(config, input_shape=(224, 224, 3))


def test_pixels_are_blue_first_minus_the_means():
    pixels = np.array([[[[200.0, 100.0, 50.0]]]], np.float32)
    expected = [50 - 91.4953, 100 - 103.8827, 200 - 131.0912]
    np.testing.assert_allclose(np.asarray(_senet50.preprocess_input(pixels))[0, 0, 0], expected, atol=1e-4)
