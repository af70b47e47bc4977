"""What every model must do, whatever it is: one test over all files of the room."""

import keras
import numpy as np
import pytest

from ckseq import registry
from ckseq.learn.fit import Labeled, TrainingConfig
from ckseq.learn.learner import prepare
from ckseq.learn.predict import load_network, probabilities
from ckseq.signal.augment import AugmentConfig

INPUT_SHAPE = (9, 2, 12, 1)
IMAGE_SHAPE = (32, 32, 1)
N_CLASSES = 3
MODELS = registry.names("models")
TRAINING = TrainingConfig(epochs=12, batch_size=12, learning_rate=0.003, validation="none")


def reads_images(name):
    return getattr(registry.load("models", name), "READS", "sequences") == "images"


def data_for(name):
    """Three classes, each with its light at another place, twelve of each."""
    generator = np.random.default_rng(3)
    codes = np.repeat(np.arange(N_CLASSES), 12)
    images = reads_images(name)
    x = generator.random((len(codes), *(IMAGE_SHAPE if images else INPUT_SHAPE)), dtype=np.float32) * 0.2
    for code in range(N_CLASSES):
        if images:
            x[codes == code, :, 10 * code : 10 * code + 10] += 0.5
        else:
            x[codes == code, :, :, 4 * code : 4 * code + 4] += 0.5
    x = (255 * x).astype(np.uint8) if images else x
    return Labeled(x, codes, tuple(f"S{i % 6}" for i in range(len(codes))))


@pytest.fixture(scope="module", autouse=True)
def backbone(tmp_path_factory):
    """A small network that transfer stands on, in a file: nothing is fetched in a test."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(8, 5, strides=3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(2)]
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Sequential(layers).save(path)
    CONFIGS["transfer"] = {"backbone": str(path), "weights": "own", "hidden": (16,)}


CONFIGS = {"cnn_five_blocks": {"width": 0.125, "momentum": 0.8, "dropout": 0.1}}


def prepared(name, *, seed=1, input_shape=None, n_classes=N_CLASSES):
    module = registry.load("models", name)
    config = module.Config(**CONFIGS.get(name, {}))
    input_shape = input_shape or (IMAGE_SHAPE if reads_images(name) else INPUT_SHAPE)
    shape = {"input_shape": input_shape, "n_classes": n_classes}
    return prepare(module, config, TRAINING, augmentation=AugmentConfig(), seed=seed, **shape)


@pytest.fixture(scope="module", params=MODELS)
def learned(request):
    return request.param, prepared(request.param).learn(train=data_for(request.param), watched=None)


@pytest.fixture(scope="module")
def sequences(learned):
    return data_for(learned[0])


@pytest.mark.parametrize("name", MODELS)
class TestModel:
    def test_every_field_of_the_config_is_explained(self, name):
        for field in registry.load("models", name).Config.model_fields.values():
            assert field.description

    def test_has_a_model_card(self, name):
        card = registry.load("models", name).__doc__
        for heading in ("Idea", "Source", "Input", "Parameters", "Cost"):
            assert f"\n{heading}\n" in card

    def test_same_seed_same_network(self, name):
        first, second = (prepared(name).model for _ in range(2))
        if isinstance(first, keras.Model):
            for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)


class TestLearned:
    def test_gives_probabilities(self, learned, sequences):
        rows = learned[1].probabilities(sequences.x)
        assert (rows.shape, rows.dtype) == ((36, N_CLASSES), np.float32)
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows.sum(1), 1, atol=1e-5)

    def test_a_sequence_without_motion_gets_numbers_too(self, learned, sequences):
        assert np.isfinite(learned[1].probabilities(0 * sequences.x[:2])).all()

    def test_learns(self, learned, sequences):
        assert (learned[1].probabilities(sequences.x).argmax(1) == sequences.codes).mean() > 0.6

    def test_what_it_learned_is_kept(self, learned, sequences, tmp_path):
        learned[1].save(tmp_path)
        (path,) = tmp_path.iterdir()
        assert path.name == ("model.keras" if isinstance(learned[1].model, keras.Model) else "model.skops")
        expected = learned[1].probabilities(sequences.x)
        np.testing.assert_allclose(probabilities(load_network(tmp_path), sequences.x), expected, atol=1e-6)

    def test_the_same_seed_learns_the_same(self, learned, sequences):
        name, one = learned
        other = prepared(name).learn(train=sequences, watched=None)
        np.testing.assert_array_equal(one.probabilities(sequences.x), other.probabilities(sequences.x))


@pytest.mark.parametrize("name", [name for name in MODELS if not reads_images(name)])
def test_the_size_of_real_projections_fits(name):
    model = prepared(name, input_shape=(24, 2, 267, 2), n_classes=7).model
    if isinstance(model, keras.Model):
        assert model.input_shape == (None, 24, 2, 267, 2)
        assert model.output_shape == (None, 7)
