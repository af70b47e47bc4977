"""The fast network against the same network of plain Keras layers."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckseq.errors import CallError
from ckseq.learn import backend
from ckseq.models import _conv_lstm_layer
from ckseq.models.conv_lstm import ConvLSTMConfig, build, build_plain, export

SHAPE = (6, 3, 11, 2)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    # several blocks even of the few small sequences of a test
    monkeypatch.setattr(_conv_lstm_layer, "BLOCK_POSITIONS", 40)


def made(n=7, shape=SHAPE, seed=0):
    """Sequences of which some are empty in front, some at the end, one everywhere, and one in one row."""
    x = np.random.default_rng(seed).normal(size=(n, *shape)).astype(np.float32)
    x[0] = 0
    x[1, :3] = 0
    x[2, :2] = x[2, 4:] = 0
    x[3, :, 1] = 0
    return x


def pair(**fields):
    config = ConvLSTMConfig(filters=8, dense=10, **fields)
    networks = []
    for make in (build, build_plain):
        keras.utils.set_random_seed(4)
        networks.append(make(config, input_shape=SHAPE, n_classes=3))
    return networks


def assert_close(one, other, tolerance):
    scale = max(float(np.abs(other).max()), 1e-12)
    np.testing.assert_allclose(one / scale, other / scale, atol=tolerance)


def gradients(model, x, codes, *, training, traced=True):
    def run(x):
        with tf.GradientTape() as tape:
            wrong = keras.losses.sparse_categorical_crossentropy(codes, model(x, training=training))
        return tape.gradient(wrong, [variable.value for variable in model.trainable_variables])

    return [gradient.numpy() for gradient in (tf.function(run) if traced else run)(tf.constant(x))]


@pytest.mark.parametrize(("n_classes", "expected"), [(7, 3_442_983), (4, 3_442_680)])
def test_parameters_of_the_paper(n_classes, expected):
    model = build(ConvLSTMConfig(), input_shape=(39, 2, 267, 1), n_classes=n_classes)
    lstm = 4 * 64 * (3 * 1 + 3 * 64 + 1)
    assert lstm == 50_176
    assert lstm + (2 * 265 * 64 + 1) * 100 + 101 * n_classes == expected
    assert model.count_params() == expected


def test_same_weights_as_plain_keras_for_the_same_seed():
    fast, plain = pair()
    assert [v.path for v in fast.weights] == [v.path for v in plain.weights]
    for one, other in zip(fast.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("kernel", "activation", "recompute"),
    [
        ((1, 3), "relu", False),
        ((2, 4), "tanh", False),
        ((3, 11), "relu", False),
        ((3, 3), "tanh", True),
    ],
)
def test_same_results_and_gradients_as_plain_keras(kernel, activation, recompute):
    fast, plain = pair(kernel=kernel, activation=activation, dropout=0.0, recompute=recompute)
    x, codes = made(), np.array([0, 1, 2, 0, 1, 2, 0])
    # Keras's own layers need no tracing, which takes longer than these few steps
    assert_close(fast.predict(x, verbose=0), plain(x, training=False).numpy(), 1e-5)
    expected = gradients(plain, x, codes, training=True, traced=False)
    for one, other in zip(gradients(fast, x, codes, training=True), expected, strict=True):
        assert_close(one, other, 1e-5)


def test_a_gradient_outside_training_is_the_same():
    fast, _ = pair(dropout=0.0)
    x, codes = made(), np.array([0, 1, 2, 0, 1, 2, 0])
    for one, other in zip(
        gradients(fast, x, codes, training=False), gradients(fast, x, codes, training=True), strict=True
    ):
        assert_close(one, other, 1e-6)


def test_any_batch_size_gives_the_same():
    fast, _ = pair()
    x = made(9)
    whole = fast.predict(x, verbose=0)
    for size in (1, 2, 5):
        np.testing.assert_allclose(fast.predict(x, batch_size=size, verbose=0), whole, atol=1e-6)


def test_adam_takes_the_same_way_as_plain_keras():
    x, codes = made(12), np.arange(12) % 3
    weights = []
    for model in reversed(pair()):
        keras.utils.set_random_seed(5)
        eagerly = not weights  # Keras's own, without tracing
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False, run_eagerly=eagerly)
        for _ in range(5):
            model.train_on_batch(x, codes)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        assert_close(one, other, 1e-4)


def test_deterministic_training_is_equal_to_the_bit():
    x = np.random.default_rng(0).normal(size=(12, *SHAPE)).astype(np.float32)
    x[:4, :2] = 0
    results = []
    for _ in range(2):
        backend.start(5)
        model = build(ConvLSTMConfig(filters=8, dense=10), input_shape=SHAPE, n_classes=3)
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
        for _ in range(4):
            model.train_on_batch(x, np.arange(12) % 3)
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_saved_network_loads_where_ckseq_is_unknown(tmp_path):
    fast, _ = pair()
    x = made()
    export(fast).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    script = """
import sys, numpy as np, keras
model = keras.models.load_model("model.keras", safe_mode=True)
np.save("y.npy", model.predict(np.load("x.npy"), verbose=0))
sys.exit(any(name.split(".")[0] == "ckseq" for name in sys.modules))
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), fast.predict(x, verbose=0), atol=1e-5)


def test_weights_of_an_exported_network_go_back():
    fast, other = pair()[0], pair()[0]
    other.set_weights([np.zeros_like(weight) for weight in other.get_weights()])
    other.set_weights(export(fast).get_weights())
    x = made()
    np.testing.assert_array_equal(other.predict(x, verbose=0), fast.predict(x, verbose=0))


def test_more_dropout_where_it_is_asked_for():
    config = ConvLSTMConfig(filters=2, dense=3, dropout_input=0.1, dropout_dense=0.2)
    network = build(config, input_shape=(4, 2, 9, 1), n_classes=3)
    rates = [(layer.name, layer.rate) for layer in export(network).layers if "dropout" in layer.name]
    assert rates == [("dropout_input", 0.1), ("dropout", 0.5), ("dropout_dense", 0.2)]
    names = [layer.name for layer in network.layers]
    assert names == [
        "sequences",
        "dropout_input",
        "conv_lstm",
        "dropout",
        "flatten",
        "dense",
        "dropout_dense",
        "classes",
    ]
    without = build(ConvLSTMConfig(filters=2, dense=3), input_shape=(4, 2, 9, 1), n_classes=3)
    assert [layer.name for layer in without.layers if "dropout" in layer.name] == ["dropout"]


@pytest.mark.parametrize(
    ("shape", "kernel", "words"),
    [
        ((39, 2, 267), (1, 3), "reads (steps, rows, columns, channels)"),
        ((39, 2, 267, 1), (3, 3), "does not fit a frame of 2 rows"),
        ((39, 2, 267, 1), (0, 3), "does not fit"),
    ],
)
def test_impossible_shapes_are_explained(shape, kernel, words):
    with pytest.raises(CallError, match=None) as caught:
        build(ConvLSTMConfig(kernel=kernel), input_shape=shape, n_classes=3)
    assert words in str(caught.value)
