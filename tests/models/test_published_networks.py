"""The networks of the recipes against the sizes that the studies publish; shapes and counts also by hand."""

import json

import keras
import numpy as np
import pytest

from ckseq import registry
from ckseq.errors import DataError
from ckseq.experiment.recipe import load_experiment
from ckseq.models import _backbones, _resnet18, transfer
from ckseq.storage.safetensors import read_safetensors

# Xiao (2020), as drawn on the slides: filters, kernels and dropout of each block; dropout of the dense layer
XIAO = {
    "fer2013_adversarial": (
        [(32, [5, 5], 0.5), (64, [3] * 3, 0.5), (64, [3] * 4, 0.5), (128, [3] * 3, 0.5), (512, [3, 2, 2], 0.5)], 0.5),
    "fer2013_adversarial_3x3": (
        [(32, [3, 3], 0.5), (64, [3] * 3, 0.5), (64, [3] * 4, 0.5), (128, [3] * 3, 0.5), (512, [3] * 3, 0.5)], 0.5),
    "fer2013_adversarial_round1": ([(64, [5, 5], 0.4), (128, [3] * 3, 0.4), (256, [3] * 4, 0.5)], 0.6),
    "fer2013_adversarial_round2": ([(64, [5, 5], 0.4), (128, [3] * 3, 0.4), (256, [3] * 4, 0.5)], 0.6),
    "fer2013_adversarial_round3": (
        [(64, [5, 5], 0.4), (128, [3, 3], 0.4), (256, [3, 3], 0.5), (512, [3, 3], 0.5), (512, [3, 3], 0.5)], 0.6),
    "fer2013_adversarial_round4": (
        [(64, [3, 3], 0.5), (64, [3] * 3, 0.5), (128, [3] * 4, 0.5), (128, [3] * 3, 0.5), (512, [3, 2, 2], 0.5)], 0.5),
}  # fmt: skip
# epochs, batch size, images an epoch beyond the 28,709 of the first pass
ROUNDS = {
    "fer2013_adversarial_round1": (30, 50, 28_691),
    "fer2013_adversarial_round2": (100, 50, 28_691),
    "fer2013_adversarial_round3": (80, 42, 86_119),
    "fer2013_adversarial_round4": (50, 32, 86_139),
    "fer2013_adversarial": (32, 50, 86_141),
}


def built(name, *settings, n_classes=7):
    recipe = load_experiment(name, settings)
    side, channels = (48, 1) if "gray" in recipe.pipeline else (int(recipe.pipeline.split("_")[1]), 3)
    module = registry.load("models", recipe.model_kind)
    return module.build(recipe.model, input_shape=(side, side, channels), n_classes=n_classes)


def n_trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


def layers_of(model, kind):
    return [layer for layer in model.layers if type(layer).__name__ == kind]


@pytest.mark.parametrize("name", XIAO)
def test_every_round_builds_the_network_of_its_slide(name):
    blocks, dense_dropout = XIAO[name]
    model = built(name)
    convolutions = layers_of(model, "Conv2D")
    drawn = [(filters, kernel) for filters, kernels, _ in blocks for kernel in kernels]
    assert [(layer.filters, layer.kernel_size[0]) for layer in convolutions] == drawn
    assert {layer.activation.__name__ for layer in convolutions} == {"elu"}
    assert {type(layer.kernel_initializer).__name__ for layer in convolutions} == {"HeNormal"}
    assert [layer.rate for layer in layers_of(model, "Dropout")] == [*(rate for *_, rate in blocks), dense_dropout]
    assert len(layers_of(model, "BatchNormalization")) == len(convolutions)
    count, channels = 0, 1
    for filters, kernel in drawn:
        count += (kernel**2 * channels + 1) * filters + 4 * filters
        channels = filters
    side = 48 // 2 ** len(blocks)
    assert model.count_params() == count + (side**2 * channels + 1) * 128 + 129 * 7


@pytest.mark.parametrize("name", ROUNDS)
def test_every_round_trains_as_long_as_stated(name):
    epochs, batch_size, beyond = ROUNDS[name]
    recipe = load_experiment(name)
    training, passes = recipe.training, recipe.image_augmentation.passes
    assert (training.epochs, training.batch_size) == (epochs, batch_size)
    assert round(28_709 * passes / batch_size) * batch_size - 28_709 == beyond
    assert (training.optimizer, training.learning_rate, training.schedule) == ("adam", 0.001, "plateau")
    assert not training.selects_epoch
    adversarial = (training.adversarial_multiplier, training.adversarial_step, training.adversarial_norm)
    assert adversarial == (0.3, 0.01, "l2")


def test_mobilenet_trains_all_of_it():
    model = built("fer2013_mobilenet", "model.weights=random")
    assert n_trainable(model) == 2_396_551
    assert model.count_params() - n_trainable(model) == 34_112  # the moving averages of batch normalization
    assert model.get_layer("pooled").output.shape == (None, 1280)
    assert [layer.units for layer in layers_of(model, "Dense")] == [128, 64, 7]


def test_the_small_networks_have_the_published_shapes():
    small, own = built("fer2013_small"), built("color_faces")
    assert (small.count_params(), own.count_params()) == (318_407, 67_487_879)
    assert small.get_layer("flatten").output.shape == (None, 4096)
    assert own.get_layer("flatten").output.shape == (None, 65_536)


@pytest.mark.parametrize(
    ("name", "n_features", "trained"),
    [
        ("color_faces_resnet18", 512, 11_176_512 + 513 * 256 + 257 * 7),
        ("color_faces_vgg19", 25_088, 25_089 * 256 + 257 * 7),
        ("color_faces_resnet50", 2048, 2049 * 256 + 257 * 7),
    ],
)
def test_backbones_give_as_many_features_and_train_as_much_as_published(name, n_features, trained):
    model = built(name, "model.weights=random")
    first = model.get_layer("dense_1")
    assert first.kernel.shape == (n_features, 256)
    assert first.activation.__name__ == "relu"
    assert model.get_layer("dropout_1").rate == 0.2
    assert n_trainable(model) == trained


def test_resnet18_has_the_published_shapes_and_counts():
    model = _resnet18.build(224, n_classes=1000)
    assert n_trainable(model) == 11_689_512
    ends = ["conv1", "maxpool", *(f"layer{stage}.1.add" for stage in (1, 2, 3, 4))]
    shapes = [model.get_layer(name).output.shape[1:] for name in ends]
    assert shapes == [(112, 112, 64), (56, 56, 64), (56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
    # 18 layers with weights, besides the three that fit sizes
    assert len(layers_of(model, "Conv2D") + layers_of(model, "Dense")) == 18 + 3


def save_as_torchvision(path, network):
    """Weights as PyTorch names and turns them, in a file written by hand."""
    kinds = {1: ["weight"], 2: ["weight", "bias"], 4: ["weight", "bias", "running_mean", "running_var"]}
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for layer in network.layers:
        weights = layer.get_weights()
        for kind, array in zip(kinds.get(len(weights), []), weights, strict=True):
            turned = np.moveaxis(array, (0, 1, 2, 3), (2, 3, 1, 0)) if array.ndim == 4 else array.T
            raw = np.ascontiguousarray(turned).astype("<f4").tobytes()
            place = [len(data), len(data) + len(raw)]
            header[f"{layer.name}.{kind}"] = {"dtype": "F32", "shape": list(turned.shape), "data_offsets": place}
            data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A ResNet18 whose every weight is random, and its file."""
    network = _resnet18.build(64, n_classes=10)
    rng = np.random.default_rng(0)
    for layer in network.layers:
        layer.set_weights([rng.uniform(0.5, 1.5, weight.shape) / weight[..., 0].size for weight in layer.get_weights()])
    return network, save_as_torchvision(tmp_path_factory.mktemp("w") / "resnet18.safetensors", network)


def test_resnet18_reads_weights_in_the_layout_of_torchvision(published):
    network, path = published
    model = built("color_faces_resnet18", f"model.weights={path}", f"model.sha256={_backbones.sha256_of(path)}")
    x = np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3)).astype(np.float32)
    standardized = (x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    expected = keras.Model(network.inputs, network.get_layer("avgpool").output)(standardized, training=False)
    found = keras.Model(model.inputs, model.get_layer("pooled").output)(x, training=False)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    kernel = read_safetensors(path)["layer2.0.downsample.0.weight"]
    assert kernel.shape == (128, 64, 1, 1)
    ours = model.get_layer("backbone").get_layer("layer2.0.downsample.0").kernel
    assert kernel[5, 7, 0, 0] == ours[0, 0, 7, 5]


def test_weights_that_are_not_resnet18s_are_refused(published, tmp_path):
    network, path = published
    arrays = read_safetensors(path)
    with pytest.raises(ValueError, match=r"layer1\.0\.conv1\.weight is missing"):
        _resnet18.load_published(network, {k: v for k, v in arrays.items() if k != "layer1.0.conv1.weight"})
    with pytest.raises(ValueError, match=r"fc\.bias has the shape \(3,\)"):
        _resnet18.load_published(network, {**arrays, "fc.bias": np.zeros(3)})
    other = tmp_path / "other.safetensors"
    other.write_bytes((2).to_bytes(8, "little") + b"{}")
    config = transfer.TransferConfig(backbone="ResNet18", weights=str(other))
    with pytest.raises(DataError, match=r"other.safetensors: the weights do not fit ResNet18: conv1.weight is missing"):
        transfer.build(config, input_shape=(64, 64, 3), n_classes=2)


def adaptive_by_hand(maps, side):
    """Adaptive average pooling as the documentation of PyTorch defines it, cell by cell."""
    _, height, width, _ = maps.shape
    cells = np.empty((len(maps), side, side, maps.shape[-1]))
    for i in range(side):
        for j in range(side):
            rows = slice(int(np.floor(i * height / side)), int(np.ceil((i + 1) * height / side)))
            columns = slice(int(np.floor(j * width / side)), int(np.ceil((j + 1) * width / side)))
            cells[:, i, j] = maps[:, rows, columns].mean(axis=(1, 2))
    return cells


@pytest.mark.parametrize("shape", [(2, 2), (7, 7), (9, 3), (16, 21)])
def test_adaptive_pooling_is_that_of_the_definition(shape, tmp_path):
    maps = np.random.default_rng(0).random((2, *shape, 3), dtype=np.float32)
    inputs = keras.Input(maps.shape[1:])
    pooled = _backbones.adaptive_mean(inputs, side=7)
    model = keras.Model(inputs, keras.layers.Flatten()(pooled))
    model.save(tmp_path / "m.keras")
    found = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True).predict_on_batch(maps)
    np.testing.assert_allclose(found.reshape(2, 7, 7, 3), adaptive_by_hand(maps, 7), rtol=1e-5)
