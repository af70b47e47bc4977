"""Networks with independent outputs: sigmoids, the binary cross-entropy, and what is measured of them."""

import numpy as np
import pytest
from made_models import TINY

from ckseq.errors import CallError, DataError
from ckseq.learn import backend
from ckseq.learn.at_chance import at_chance, class_frequency_loss
from ckseq.learn.fit import Labeled
from ckseq.learn.multi_label import is_multi_label, with_sigmoid
from ckseq.learn.predict import load_trained_model, probabilities
from ckseq.learn.trainer import build_trainer
from ckseq.learn.training_config import TrainingConfig
from ckseq.models import conv_lstm, conv_time_width
from ckseq.signal.augment import AugmentConfig
from ckseq.storage.history import Epoch

SHAPE = (6, 2, 12, 1)


@pytest.fixture(scope="module")
def material():
    rng = np.random.default_rng(0)
    y = (rng.random((48, 3)) < (0.5, 0.3, 0.4)).astype(int)
    x = rng.random((48, *SHAPE), dtype=np.float32) / 4
    for k in range(3):
        x[:, :, :, 4 * k : 4 * k + 4] += 0.4 * y[:, k, None, None, None, None]
    return Labeled(x, y, tuple(f"S{n % 8}" for n in range(48)))


def trainer(spec=TINY.SPEC, config=None, **training):
    named = {"epochs": 25, "batch_size": 12, "learning_rate": 0.02, "validation": "none", **training}
    return build_trainer(
        spec, config or TINY.SPEC.config(), TrainingConfig(**named), augmentation=AugmentConfig(), input_shape=SHAPE,
        n_classes=3, seed=1, multi_label=True,
    )  # fmt: skip


@pytest.mark.parametrize("more", [{}, {"micro_batch_size": 5}, {"adversarial_multiplier": 0.2}], ids=str)
def test_several_labels_at_once_are_learned(material, more, tmp_path):
    trained = trainer(**more).fit(train=material, validation=None)
    found = trained.probabilities(material.x)
    assert ((found >= 0.5) == material.codes).mean() > 0.95
    # sets of any size, so rows do not sum to 1
    assert {0, 1, 2} <= set((found >= 0.5).sum(axis=1).tolist())
    assert trained.epochs[-1].accuracy > 0.9
    assert trained.epochs[-1].loss < trained.epochs[0].loss
    trained.save(tmp_path)
    np.testing.assert_allclose(probabilities(load_trained_model(tmp_path), material.x), found, atol=1e-6)


def test_loss_and_accuracy_are_those_of_each_label(material):
    measured = trainer(epochs=1, validation="test").fit(train=material, validation=material)
    p = measured.probabilities(material.x).astype(float)
    expected = -np.where(material.codes, np.log(p), np.log(1 - p)).mean()
    assert measured.epochs[0].val_loss == pytest.approx(expected, rel=1e-4)
    assert measured.epochs[0].val_accuracy == pytest.approx(((p >= 0.5) == material.codes).mean(), rel=1e-6)


def test_an_exported_network_keeps_its_sigmoids():
    backend.start(0)
    model = conv_lstm.build(conv_lstm.SPEC.config(filters=2, dense=4), input_shape=SHAPE, n_classes=3)
    plain = with_sigmoid(conv_lstm.SPEC.export(with_sigmoid(model)))
    x = np.random.default_rng(0).random((4, *SHAPE), dtype=np.float32)
    np.testing.assert_allclose(plain.predict_on_batch(x), model.predict_on_batch(x), atol=1e-5)
    assert is_multi_label(plain)
    classes = conv_time_width.build(conv_time_width.SPEC.config(), input_shape=SHAPE, n_classes=3)
    assert not is_multi_label(classes)


def test_a_network_without_a_dense_end_is_refused():
    layers = backend.load_keras().layers
    with pytest.raises(CallError, match="does not end in a dense layer"):
        with_sigmoid(backend.load_keras().Sequential([layers.Input((3,)), layers.Dense(2), layers.Softmax()]))


def test_a_label_that_all_or_none_show_is_refused(material):
    for value in (0, 1):
        codes = material.codes.copy()
        codes[:, 1] = value
        with pytest.raises(DataError, match="1 of 3 action units have no training data"):
            trainer(epochs=1).fit(train=material._replace(codes=codes), validation=None)


def test_chance_is_the_entropy_of_each_label():
    codes = np.array([[1, 0], [0, 0], [1, 1], [0, 0]])
    chance = class_frequency_loss(codes, np.ones(2, np.float32))
    assert chance == pytest.approx((np.log(2) - 0.25 * np.log(0.25) - 0.75 * np.log(0.75)) / 2)
    # always predicting the more frequent value is right in 0.5 and 0.75
    assert at_chance([Epoch(1, chance, 0.63, np.nan, np.nan, 0.0)], codes, np.ones(2, np.float32))
    assert not at_chance([Epoch(1, chance / 2, 0.9, np.nan, np.nan, 0.0)], codes, np.ones(2, np.float32))
