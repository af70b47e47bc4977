"""What the model cards of the networks for images promise."""

import keras
import numpy as np
import pytest

from ckseq import registry
from ckseq.errors import CallError, DataError
from ckseq.learn.predict import load_trained_model, save_network
from ckseq.models import _backbones, cnn_five_blocks, cnn_small, dense_net, mean_frame, transfer

GRAY, RGB = (48, 48, 1), (48, 48, 3)
D = {"filters": (64, 128, 256), "padding": "same", "dense": 1024, "dropout": 0.2}


@pytest.mark.parametrize(
    ("module", "config", "shape", "n_parameters"),
    [
        (cnn_small, {}, GRAY, 318_407),
        (cnn_small, D, (64, 64, 3), 67_487_879),
        (cnn_five_blocks, {}, GRAY, 3_400_871),
        (cnn_five_blocks, {"dense_normalization": False}, GRAY, 3_400_359),
        (dense_net, {}, (1, 1, 1280, 1), 329_735),
        (mean_frame, {}, (24, 1, 1280, 1), 8_967),
    ],
)
def test_the_size_is_that_of_the_card(module, config, shape, n_parameters):
    model = module.build(module.SPEC.config(**config), input_shape=shape, n_classes=7)
    assert model.count_params() == n_parameters
    assert f"{n_parameters:,}" in module.__doc__
    assert module.SPEC.export(model) is model


@pytest.mark.parametrize(("module", "least"), [(cnn_small, 18), (cnn_five_blocks, 32)])
def test_the_least_side_is_the_least(module, least):
    with pytest.raises(
        CallError, match=f"needs images of at least {least} pixels a side, not 40x{least - 1}"
    ) as caught:
        module.build(module.SPEC.config(), input_shape=(least - 1, 40, 1), n_classes=3)
    assert "faces.side_px" in caught.value.fix
    module.build(module.SPEC.config(), input_shape=(least, least, 1), n_classes=3)


@pytest.mark.parametrize("module", [cnn_small, cnn_five_blocks])
def test_white_is_one_and_channels_stay_in_order(module):
    model = module.build(module.SPEC.config(), input_shape=RGB, n_classes=3)
    image = np.random.default_rng(0).integers(0, 256, (1, *RGB)).astype(np.float32)
    first = next(layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    seen = keras.Model(model.inputs, first.input)(image).numpy()
    np.testing.assert_allclose(seen, image / 255, rtol=1e-6)


def test_pixels_are_standardized_channel_by_channel():
    mean, deviation = (0.5, 0.4, 0.3), (0.25, 0.2, 0.1)
    config = cnn_small.CNNSmallConfig(mean=mean, deviation=deviation)
    model = cnn_small.build(config, input_shape=RGB, n_classes=3)
    image = np.random.default_rng(0).integers(0, 256, (1, *RGB)).astype(np.float32)
    seen = keras.Model(model.inputs, model.get_layer("convolution_1").input)(image).numpy()
    np.testing.assert_allclose(seen, (image / 255 - mean) / deviation, atol=1e-5)
    with pytest.raises(CallError, match=r"model\.mean has 3 numbers, and the images have 1 channels"):
        cnn_small.build(config, input_shape=GRAY, n_classes=3)


def test_five_blocks_are_those_of_the_document():
    model = cnn_five_blocks.build(cnn_five_blocks.CNNFiveBlocksConfig(), input_shape=GRAY, n_classes=7)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    sizes = [(layer.filters, layer.kernel_size[0]) for layer in convolutions]
    assert sizes == [(32, 5)] * 2 + [(64, 3)] * 7 + [(128, 3)] * 3 + [(512, 3)] + [(512, 2)] * 2
    assert {layer.activation.__name__ for layer in convolutions} == {"elu"}
    assert {type(layer.kernel_initializer).__name__ for layer in convolutions} == {"HeNormal"}
    kinds = [type(layer).__name__ for layer in model.layers]
    assert (kinds.count("BatchNormalization"), kinds.count("MaxPooling2D"), kinds.count("Dropout")) == (16, 5, 6)
    assert model.get_layer("flatten").output.shape == (None, 512)


def modules_of_applications():
    names = [name for name in dir(keras.applications) if name[0].isupper()]
    return sorted({_backbones._module_of(name).__name__: name for name in names}.items())


@pytest.mark.parametrize(("_module", "name"), modules_of_applications(), ids=lambda value: value.rpartition(".")[2])
def test_pixels_are_prepared_as_each_backbone_was_trained(_module, name, tmp_path):
    """Against Keras's own preprocess_input, and still so when the network is loaded again."""
    images = keras.Input(RGB)
    config = _backbones.BackboneConfig(backbone=name, weights="random")
    # one layer behind it, since a network of nothing but its input is none
    outputs = keras.layers.Activation("linear")(_backbones._preprocessed(images, config, False))
    save_network(tmp_path, keras.Model(images, outputs))
    x = np.random.default_rng(0).integers(0, 256, (2, *RGB)).astype(np.float32)
    expected = _backbones._module_of(name).preprocess_input(x.copy())
    np.testing.assert_allclose(load_trained_model(tmp_path)(x).numpy(), expected, atol=1e-4)


def test_vggface2_reads_blue_first_less_its_means():
    images = keras.Input(RGB)
    config = _backbones.BackboneConfig(preprocessing="vggface2")
    model = keras.Model(images, _backbones._preprocessed(images, config, True))
    red = np.zeros((1, *RGB), np.float32)
    red[..., 0] = 200
    np.testing.assert_allclose(model(red).numpy()[0, 0, 0], [-91.4953, -103.8827, 200 - 131.0912], atol=1e-4)


@pytest.fixture(scope="module")
def mobile():
    keras.utils.set_random_seed(1)
    config = transfer.TransferConfig(weights="random", side_px=64, fine_tune="block_15_add")
    return transfer.build(config, input_shape=RGB, n_classes=7)


def test_the_head_is_the_cards_and_only_what_was_named_learns(mobile):
    head = sum(int(np.prod(v.shape)) for layer in mobile.layers[-5:] for v in layer.trainable_variables)
    assert head == 172_679
    assert f"{head:,}" in transfer.__doc__
    backbone = mobile.get_layer("backbone")
    learning = [layer.name for layer in backbone.layers if layer.trainable_variables]
    assert learning == ["block_16_expand", "block_16_depthwise", "block_16_project", "Conv_1"]


def test_a_backbone_of_keras_is_used_as_it_is(mobile):
    """Resized, prepared, through the network, averaged: what one would write by hand."""
    x = np.random.default_rng(0).integers(0, 256, (2, *RGB)).astype(np.float32)
    plain = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(64, 64, 3))
    plain.set_weights(mobile.get_layer("backbone").get_weights())
    resized = keras.layers.Resizing(64, 64)(x)
    maps = plain(keras.applications.mobilenet_v2.preprocess_input(np.array(resized)), training=False)
    ours = keras.Model(mobile.inputs, mobile.get_layer("pooled").output)(x, training=False)
    np.testing.assert_allclose(ours, np.array(maps).mean(axis=(1, 2)), atol=1e-4)


def small_file(folder, shape=GRAY):
    keras.utils.set_random_seed(3)
    config = cnn_small.CNNSmallConfig(filters=(4, 4), dense=8)
    model = cnn_small.build(config, input_shape=shape, n_classes=3)
    save_network(folder, model)
    return str(folder / "model.keras"), model


@pytest.mark.parametrize(("cut_after", "pool", "shape"), [
    ("", "mean", (2, 8)), ("convolution_2", "none", (2, 21, 21, 4)), ("convolution_2", "max", (2, 4)),
    ("flatten", "mean", (2, 1764)),
])  # fmt: skip
def test_a_file_is_cut_after_the_layer_that_was_named(tmp_path, cut_after, pool, shape):
    path, model = small_file(tmp_path)
    config = _backbones.BackboneConfig(backbone=path, weights="own", cut_after=cut_after, pool=pool)
    x = np.random.default_rng(0).integers(0, 256, (2, *GRAY)).astype(np.float32)
    found = _backbones.extractor(config, input_shape=GRAY)(x).numpy()
    assert found.shape == shape
    # without a name the cut is before the layer that names the classes
    expected = keras.Model(model.inputs, model.get_layer(cut_after or "dropout").output)(x).numpy()
    if len(expected.shape) > len(shape):
        expected = expected.max(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_weights_come_from_a_file_that_is_what_it_should_be(tmp_path):
    plain = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3))
    path = tmp_path / "mobile.weights.h5"
    plain.save_weights(path)
    config = {"weights": str(path), "side_px": 32, "sha256": _backbones.sha256_of(path)}
    network = transfer.build(transfer.TransferConfig(**config), input_shape=(32, 32, 3), n_classes=2)
    for ours, theirs in zip(network.get_layer("backbone").get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(DataError, match=r"mobile.weights.h5: has the SHA-256 [0-9a-f]{64}, not the expected"):
        transfer.build(transfer.TransferConfig(**{**config, "sha256": "0" * 64}), input_shape=(32, 32, 3), n_classes=2)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(DataError, match="the weights do not fit MobileNetV2"):
        transfer.build(transfer.TransferConfig(weights=str(path)), input_shape=(32, 32, 3), n_classes=2)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"backbone": "MobilNet", "weights": "random"}, "no 'MobilNet' among .*name one of these: MobileNet"),
        (
            {"backbone": "ResNet34"},
            "no 'ResNet34' among .*ResNet50, .*; or the path of a .keras file",
        ),
        ({"backbone": "ResNet18"}, "Keras has no weights of ResNet18 .*ends in .safetensors; or random"),
        ({"weights": "own"}, "is not a file with weights of its own"),
        ({"backbone": "a.keras"}, 'contains its own weights, and weights = "imagenet"'),
        ({"weights": "random", "sha256": "0"}, "sha256 needs a file; name one"),
        ({"weights": "random", "cut_after": "blok_1"}, r"has no layer 'blok_1' \(cut_after\); its layers: block_1"),
        ({"weights": "random", "fine_tune": "top"}, "no layer 'top'; its layers: .*; or none, or all"),
        ({"weights": "random", "side_px": 16}, "cannot be built: Input size must be at least 32x32"),
    ],
)
def test_a_call_that_is_wrong_is_one_line(config, says):
    with pytest.raises(CallError, match=says):
        transfer.build(transfer.TransferConfig(**config), input_shape=RGB, n_classes=2)


def test_gray_images_are_not_taken_for_colors(tmp_path):
    with pytest.raises(CallError, match=r"reads 3 channels, and the images have 1; .*color to rgb"):
        transfer.build(transfer.TransferConfig(weights="random"), input_shape=GRAY, n_classes=2)
    path, _ = small_file(tmp_path)
    with pytest.raises(CallError, match=r"reads 1 channels, and the images have 3; .*color to gray"):
        transfer.build(transfer.TransferConfig(backbone=path, weights="own"), input_shape=RGB, n_classes=2)


def test_offline_nothing_is_trained_on_random_weights_instead(monkeypatch):
    def no_network(*arguments, **more):
        raise Exception("URL fetch failure on https://x: None -- Name or service not known")

    monkeypatch.setattr("keras.src.utils.file_utils.get_file", no_network)
    monkeypatch.setattr("keras.src.applications.mobilenet_v2.file_utils.get_file", no_network)
    with pytest.raises(DataError, match=r"could not be downloaded: Name or service not known; ") as caught:
        transfer.build(transfer.TransferConfig(), input_shape=(96, 96, 3), n_classes=2)
    with pytest.raises(CallError, match="reads 3 channels"):  # told before anything is fetched
        transfer.build(transfer.TransferConfig(), input_shape=(96, 96, 1), n_classes=2)
    assert caught.value.where.startswith("https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2")
    (said,) = _backbones.announcement(transfer.TransferConfig())
    assert caught.value.where in said
    assert _backbones.announcement(transfer.TransferConfig(weights="random")) == [
        "the weights of MobileNetV2 are random: it is not pretrained"
    ]


@pytest.mark.parametrize("name", ["ResNet50", "VGG19", "EfficientNetB0", "NASNetMobile", "ConvNeXtTiny", "Xception"])
def test_every_backbone_says_where_it_is_fetched_from(name):
    (said,) = _backbones.announcement(_backbones.BackboneConfig(backbone=name))
    assert "https://" in said


def test_padded_frames_do_not_count_in_the_mean():
    keras.utils.set_random_seed(2)
    x = np.random.default_rng(0).random((3, 4, 1, 6, 1), dtype=np.float32)
    padded = np.concatenate([np.zeros_like(x), x], axis=1)
    module = registry.load("models", "mean_frame")
    short, long = (module.build(module.SPEC.config(), input_shape=y.shape[1:], n_classes=3) for y in (x, padded))
    long.set_weights(short.get_weights())
    np.testing.assert_allclose(long(padded).numpy(), short(x).numpy(), atol=1e-6)
    shuffled = short(x[:, [2, 0, 3, 1]]).numpy()
    np.testing.assert_allclose(shuffled, short(x).numpy(), atol=1e-6)
