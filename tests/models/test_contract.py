"""What every model must do, whatever it is: one test over all files of the room."""

import keras
import numpy as np
import pytest
import skops.io
from made_litert import make_litert, sha256_of

from ckseq import registry
from ckseq.learn.fit import Labeled
from ckseq.learn.predict import load_trained_model, probabilities
from ckseq.learn.trainer import build_trainer
from ckseq.learn.training_config import TrainingConfig
from ckseq.models._spec import ModelSpec
from ckseq.signal.augment import AugmentConfig

INPUT_SHAPE = (9, 2, 12, 1)
IMAGE_SHAPE = (32, 32, 1)
LABELS = ("anger", "fear", "surprise")
N_CLASSES = len(LABELS)
MODELS = registry.names("models")
TRAINING = TrainingConfig(epochs=12, batch_size=12, learning_rate=0.003, validation="none")


def spec_of(name):
    return registry.load("models", name).SPEC


def reads_images(name):
    return spec_of(name).reads == "images"


def reads_crops(name):
    return spec_of(name).inputs == ("crops",)


def shape_for(name):
    if reads_crops(name):
        return (9, *IMAGE_SHAPE)
    if spec_of(name).inputs == ("fused",):
        return (9, 2, 12 + 147 + 256, 1)
    return IMAGE_SHAPE if reads_images(name) else INPUT_SHAPE


def data_for(name):
    """Three classes, each with its light at another place, twelve of each."""
    generator = np.random.default_rng(3)
    codes = np.repeat(np.arange(N_CLASSES), 12)
    *_, width, _ = shape = shape_for(name)
    x = generator.random((len(codes), *shape), dtype=np.float32) * 0.2
    part = width // N_CLASSES
    for code in range(N_CLASSES):
        x[codes == code, ..., part * code : part * code + part, :] += 0.5
    x = (255 * x).astype(np.uint8) if reads_images(name) or reads_crops(name) else x
    return Labeled(x, codes, tuple(f"S{i % 6}" for i in range(len(codes))))


@pytest.fixture(scope="module", autouse=True)
def backbone(tmp_path_factory):
    """Small networks in files, that transfer and peer_fer stand on: nothing is fetched in a test."""
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input(IMAGE_SHAPE), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.Conv2D(8, 5, strides=3, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(2)]
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Sequential(layers).save(path)
    CONFIGS["transfer"] = {"backbone": str(path), "weights": "own", "hidden": (16,)}
    tiny = make_litert(path.with_name("tiny.tflite"))
    CONFIGS["peer_fer"] = {"file": str(tiny), "sha256": sha256_of(tiny)}


CONFIGS = {"cnn_five_blocks": {"width": 0.125, "momentum": 0.8, "dropout": 0.1}}


def trainer(name, *, seed=1, input_shape=None, n_classes=N_CLASSES):
    config = spec_of(name).config(**CONFIGS.get(name, {}))
    shape = {"input_shape": input_shape or shape_for(name), "n_classes": n_classes, "labels": LABELS[:n_classes]}
    return build_trainer(spec_of(name), config, TRAINING, augmentation=AugmentConfig(), seed=seed, **shape)


@pytest.fixture(scope="module", params=MODELS)
def trained(request):
    return request.param, trainer(request.param).fit(train=data_for(request.param), validation=None)


@pytest.fixture(scope="module")
def sequences(trained):
    return data_for(trained[0])


@pytest.mark.parametrize("name", MODELS)
class TestModel:
    def test_every_field_of_the_config_is_explained(self, name):
        for field in spec_of(name).config.model_fields.values():
            assert field.description

    def test_has_a_spec(self, name):
        spec = spec_of(name)
        assert isinstance(spec, ModelSpec)
        assert spec.name == name
        assert isinstance(trainer(name).model, keras.Model) == (spec.kind == "network")
        if spec.footprint is not None:
            footprint = spec.footprint(spec.config(), input_shape=INPUT_SHAPE, n_classes=N_CLASSES)
            assert footprint.n_parameters == trainer(name).n_parameters

    def test_has_a_model_card(self, name):
        card = registry.load("models", name).__doc__
        for heading in ("Idea", "Source", "Input", "Parameters", "Cost"):
            assert f"\n{heading}\n" in card

    def test_same_seed_same_network(self, name):
        first, second = (trainer(name).model for _ in range(2))
        if isinstance(first, keras.Model):
            for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
                np.testing.assert_array_equal(one, other)


class TestTrainedModel:
    def test_gives_probabilities(self, trained, sequences):
        rows = trained[1].probabilities(sequences.x)
        assert (rows.shape, rows.dtype) == ((36, N_CLASSES), np.float32)
        assert (rows >= 0).all()
        np.testing.assert_allclose(rows.sum(1), 1, atol=1e-5)

    def test_a_sequence_without_motion_gets_numbers_too(self, trained, sequences):
        assert np.isfinite(trained[1].probabilities(0 * sequences.x[:2])).all()

    def test_learns_unless_it_is_ready_made(self, trained, sequences):
        if spec_of(trained[0]).ready_made:
            lines = spec_of(trained[0]).ready_made(spec_of(trained[0]).config(**CONFIGS[trained[0]]), LABELS)
            assert "a ready-made model, not trained on these people" in lines[0]
            return
        assert (trained[1].probabilities(sequences.x).argmax(1) == sequences.codes).mean() > 0.6

    def test_a_saved_model_loads_unchanged(self, trained, sequences, tmp_path):
        trained[1].save(tmp_path)
        (path,) = tmp_path.iterdir()
        assert path.name == ("model.keras" if isinstance(trained[1].model, keras.Model) else "model.skops")
        expected = trained[1].probabilities(sequences.x)
        np.testing.assert_allclose(probabilities(load_trained_model(tmp_path), sequences.x), expected, atol=1e-6)

    def test_a_saved_estimator_contains_the_types_that_its_spec_names(self, trained, tmp_path):
        name, made = trained
        if spec_of(name).kind == "estimator":
            made.save(tmp_path)
            assert sorted(spec_of(name).trusted_types) == skops.io.get_untrusted_types(file=tmp_path / "model.skops")

    def test_the_same_seed_trains_the_same_model(self, trained, sequences):
        name, one = trained
        other = trainer(name).fit(train=sequences, validation=None)
        np.testing.assert_array_equal(one.probabilities(sequences.x), other.probabilities(sequences.x))


@pytest.mark.parametrize("name", [name for name in MODELS if not reads_images(name) and not reads_crops(name)])
def test_the_size_of_real_projections_fits(name):
    width = 267 + 147 + 256 if spec_of(name).inputs == ("fused",) else 267
    model = trainer(name, input_shape=(24, 2, width, 2), n_classes=7).model
    if isinstance(model, keras.Model):
        assert model.input_shape == (None, 24, 2, 267, 2)
        assert model.output_shape == (None, 7)
