import zipfile

import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.learn import backend
from ckseq.learn.predict import NETWORK, load_trained_model, probabilities, save_network


@pytest.fixture(scope="module")
def network():
    backend.start(3)
    layers = backend.load_keras().layers
    stages = [layers.Input((4, 2, 6, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")]
    return backend.load_keras().Sequential(stages)


@pytest.fixture
def kept(network, tmp_path):
    save_network(tmp_path, network)
    return tmp_path


def sequences(n):
    return np.random.default_rng(4).random((n, 4, 2, 6), dtype=np.float32)


@pytest.mark.parametrize("n", [1, 32, 70])
def test_probabilities_are_those_of_the_layers_with_or_without_a_channel(network, n):
    x = sequences(n)
    weights, bias = network.layers[-1].get_weights()
    raised = np.exp(x.reshape(n, -1) @ weights + bias)
    expected = raised / raised.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(network, x), expected, rtol=1e-5)
    np.testing.assert_array_equal(probabilities(network, x), probabilities(network, x[..., np.newaxis]))


def test_a_network_is_loaded_as_it_was_kept(network, kept):
    assert [path.name for path in kept.iterdir()] == [NETWORK]
    np.testing.assert_array_equal(
        probabilities(load_trained_model(kept), sequences(5)), probabilities(network, sequences(5))
    )


def test_another_shape_is_refused(network):
    with pytest.raises(DataError, match=r"\(5, 2, 6, 1\) do not fit a network that reads \(4, 2, 6, 1\)"):
        probabilities(network, np.zeros((2, 5, 2, 6), np.float32))


def test_a_missing_network_is_told(tmp_path):
    with pytest.raises(DataError, match=r"there is no model.keras and no model.skops; name a complete run"):
        load_trained_model(tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"keras" * 99])
def test_a_damaged_network_is_told_in_one_line(kept, damage):
    (kept / NETWORK).write_bytes(damage((kept / NETWORK).read_bytes()))
    with pytest.raises(DataError, match="cannot be loaded") as caught:
        load_trained_model(kept)
    assert "\n" not in str(caught.value)


def test_code_in_a_network_is_not_run(tmp_path):
    keras = backend.load_keras()
    with_code = keras.Sequential([keras.layers.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])
    save_network(tmp_path, with_code)
    assert zipfile.is_zipfile(tmp_path / NETWORK)
    with pytest.raises(DataError, match="cannot be loaded"):
        load_trained_model(tmp_path)


def test_a_folder_that_cannot_be_written_is_told(network, tmp_path):
    with pytest.raises(DataError, match=r"model.keras: cannot be written"):
        save_network(tmp_path / "gone", network)


def test_the_device_and_versions_are_told():
    assert backend.device().startswith(("CPU, ", "GPU, "))
    assert {"python", "numpy", "tensorflow", "keras"} <= backend.versions().keys()
