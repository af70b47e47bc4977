import dataclasses
import random
from functools import cache

import numpy as np
import pytest

from ckseq.config import Config
from ckseq.errors import CallError, DataError
from ckseq.learn import backend
from ckseq.learn.checkpoint import read_checkpoint, write_checkpoint
from ckseq.learn.fit import Labeled, best_epoch
from ckseq.learn.trainer import build_trainer, validation_split
from ckseq.learn.training_config import TrainingConfig
from ckseq.models._spec import ModelSpec
from ckseq.signal.augment import AugmentConfig

SHAPE = (6, 2, 9, 1)
PLAIN, VARIED = AugmentConfig(), AugmentConfig(shift_px=2.0, mirror=0.5, gain=0.3, dropped_frames=0.1)


def build_network(config, *, input_shape, n_classes):
    layers = backend.load_keras().layers
    stages = [layers.Input(input_shape), layers.Flatten(), layers.Dropout(0.3), layers.Dense(n_classes)]
    return backend.load_keras().Sequential([*stages, layers.Softmax()])


def build_estimator(config, *, input_shape, n_classes):
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.pipeline import make_pipeline

    from ckseq.models._features import Vectors

    vectors = Vectors(input_shape, pool=1, root=False, parts=2)
    return make_pipeline(vectors, ExtraTreesClassifier(n_estimators=5))


NETWORK = ModelSpec(name="made", kind="network", config=Config, build=build_network)
ESTIMATOR = ModelSpec(name="made", kind="estimator", config=Config, build=build_estimator)


def material(n, *, seed, spread=0.1, subjects=7):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    x = (rng.random((n, *SHAPE), dtype=np.float32) * spread + 0.2).astype(np.float32)
    for code in range(3):
        x[codes == code, :, :, 3 * code : 3 * code + 3] += 0.4
    return Labeled(x, codes, tuple(f"S{i % subjects}" for i in range(n)))


TRAIN, TEST = material(42, seed=1), material(12, seed=2)


def trainer(spec=NETWORK, *, augmentation=PLAIN, seed=4, n_classes=3, **training):
    config = TrainingConfig(**{"epochs": 5, "batch_size": 8, **training})
    shape = {"input_shape": SHAPE, "n_classes": n_classes}
    return build_trainer(spec, Config(), config, augmentation=augmentation, seed=seed, **shape)


def trained(*args, train=TRAIN, validation_data=TEST, resume=None, **kwargs):
    states = []
    made = trainer(*args, **kwargs).fit(train=train, validation=validation_data, resume=resume, on_epoch=states.append)
    return made, states


@cache
def once(**training):
    """Return what `trained` does of the same settings, which several tests compare with."""
    return trained(**training)


def weights(made):
    return np.concatenate([array.ravel() for array in made.model.get_weights()])


def test_subjects_are_set_apart_whole_and_every_class_stays():
    kept, apart = validation_split(TRAIN, share=0.3, seed=5)
    assert not set(kept.subjects) & set(apart.subjects)
    assert set(kept.codes.tolist()) == {0, 1, 2}
    assert len(kept.x) + len(apart.x) == 42
    assert 8 <= len(apart.x) <= 17
    assert {one.tobytes() for one in np.concatenate([kept.x, apart.x])} == {one.tobytes() for one in TRAIN.x}
    again = validation_split(TRAIN, share=0.3, seed=5)
    np.testing.assert_array_equal(again[0].x, kept.x)
    assert {validation_split(TRAIN, share=0.3, seed=seed)[1].subjects for seed in range(4)} != {apart.subjects}


def test_one_subject_cannot_be_divided():
    with pytest.raises(DataError, match="one subject"):
        trained(train=material(12, seed=0, subjects=1), validation="inner")


@pytest.mark.parametrize("validation", ["inner", "none"])
def test_the_test_sequences_are_never_looked_at(validation):
    """With or without them, the same; and where they are measured, measuring changes no weight."""
    with_test, _ = once(validation=validation)
    without, _ = trained(validation=validation, validation_data=None)
    np.testing.assert_array_equal(weights(with_test), weights(without))
    one, other = (np.array([epoch[:5] for epoch in made.epochs]) for made in (with_test, without))
    np.testing.assert_array_equal(one, other)
    assert np.isnan(with_test.epochs[-1].val_loss) == (validation == "none")


def test_measuring_changes_nothing():
    np.testing.assert_array_equal(weights(trained()[0]), weights(once(validation="none")[0]))


def test_the_inner_loss_chooses_the_epoch_and_ends_the_training():
    # steps this large make the loss go up again soon
    made, states = trained(validation="inner", epochs=40, patience=3, learning_rate=2.0)
    losses = [epoch.val_loss for epoch in made.epochs]
    best = int(np.argmin(losses))
    assert made.chosen_epoch == best_epoch(made.epochs) == best + 1
    assert len(losses) == best + 1 + 3 < 40
    expected = states[best].variables[: len(made.model.variables)]
    for variable, array in zip(made.model.variables, expected, strict=True):
        np.testing.assert_array_equal(variable, array)


@pytest.mark.parametrize("after", [1, 3, -1])
def test_going_on_ends_in_the_same_bits_whatever_is_switched_on(tmp_path, after):
    training = {
        "validation": "inner",
        "schedule": "cosine",
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "epochs": 12,
        "patience": 3,
        "learning_rate": 0.3,
        "augmentation": VARIED,
    }
    made, states = once(**training)
    write_checkpoint(tmp_path, states[after], made_from="m")
    again, _ = trained(**training, resume=read_checkpoint(tmp_path, made_from="m"))
    np.testing.assert_array_equal(weights(again), weights(made))
    assert [epoch[:5] for epoch in again.epochs] == [epoch[:5] for epoch in made.epochs]
    assert again.chosen_epoch == made.chosen_epoch


def test_the_cosine_goes_from_the_whole_rate_to_nearly_nothing():
    rates = []
    made = trainer(schedule="cosine", epochs=4, learning_rate=0.5)
    made.fit(
        train=TRAIN, validation=None, on_epoch=lambda state: rates.append(float(made.model.optimizer.learning_rate))
    )
    assert rates == pytest.approx([0.5, 0.5 * (1 + 0.5**0.5) / 2, 0.25, 0.5 * (1 - 0.5**0.5) / 2], rel=1e-5)


def test_weight_decay_shrinks_the_weights_and_spares_the_offsets():
    # without a gradient, what is left is the decay: (1 - rate * decay) every step
    flat = Labeled(np.zeros_like(TRAIN.x), TRAIN.codes, TRAIN.subjects)
    made = trainer(optimizer="sgd", weight_decay=0.5, learning_rate=0.1, epochs=1, batch_size=42, validation="none")
    kernel, bias = (array.copy() for array in made.model.get_weights())
    fitted = made.fit(train=flat, validation=None)
    np.testing.assert_allclose(fitted.model.get_weights()[0], kernel * (1 - 0.1 * 0.5), rtol=1e-5)
    np.testing.assert_allclose(fitted.model.get_weights()[1], bias, atol=1e-4)


def test_clipping_bounds_the_norm_of_all_gradients_together():
    before = {"optimizer": "sgd", "learning_rate": 1.0, "epochs": 1, "batch_size": 42, "validation": "none"}

    def moved(**settings):
        made = trainer(**before, **settings)
        start = [array.copy() for array in made.model.get_weights()]
        ended = made.fit(train=TRAIN, validation=None).model.get_weights()
        return np.concatenate([(one - other).ravel() for one, other in zip(ended, start, strict=True)])

    free, clipped = moved(), moved(clip_norm=0.01)
    assert np.linalg.norm(free) > 0.02
    np.testing.assert_allclose(clipped, free * (0.01 / np.linalg.norm(free)), rtol=1e-3, atol=1e-6)


def test_the_layers_are_those_of_keras():
    layers = trainer().fit(train=TRAIN, validation=TEST).layers
    assert [(one.kind, one.output_shape, one.n_parameters) for one in layers] == [
        ("Flatten", (108,), 0),
        ("Dropout", (108,), 0),
        ("Dense", (3,), 109 * 3),
        ("Softmax", (3,), 0),
    ]
    assert [one.n_trainable for one in layers] == [one.n_parameters for one in layers]
    assert trainer(ESTIMATOR).fit(train=TRAIN, validation=None).layers == ()


def test_label_smoothing_is_that_of_its_definition():
    made = trainer(label_smoothing=0.3, learning_rate=1e-12)
    p = made.model.predict_on_batch(TEST.x)
    wanted = np.eye(3)[TEST.codes] * 0.7 + 0.1
    fitted = made.fit(train=TRAIN, validation=TEST)
    assert fitted.epochs[0].val_loss == pytest.approx(-(wanted * np.log(p)).sum(1).mean(), rel=1e-4)


def test_augmentation_changes_what_is_learnt_and_follows_the_seed():
    one, two, other = (weights(trained(augmentation=a)[0]) for a in (VARIED, VARIED, PLAIN))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_an_estimator_learns_in_one_step_and_repeatably():
    noisy = {"train": material(42, seed=1, spread=2), "validation_data": None}
    made, states = trained(ESTIMATOR, **noisy)
    assert (made.epochs, made.chosen_epoch, states) == ((), None, [])
    assert made.seconds > 0
    rows = made.probabilities(noisy["train"].x)
    assert (rows.argmax(1) == TRAIN.codes).mean() > 0.8
    tested = material(12, seed=2, spread=2).x
    rows = made.probabilities(tested)
    np.testing.assert_array_equal(trained(ESTIMATOR, **noisy)[0].probabilities(tested), rows)
    assert not np.array_equal(trained(ESTIMATOR, seed=9, **noisy)[0].probabilities(tested), rows)
    assert (trainer(ESTIMATOR).n_epochs, trainer(ESTIMATOR).n_parameters) == (0, None)
    assert trainer(NETWORK).n_parameters == 6 * 2 * 9 * 3 + 3


@pytest.mark.parametrize("spec", [NETWORK, ESTIMATOR])
def test_a_class_with_nothing_to_train_on_is_told(spec):
    with pytest.raises(DataError, match="1 of 4 classes have no training data"):
        trained(spec, n_classes=4)


@pytest.mark.parametrize("spec", [NETWORK, ESTIMATOR])
def test_a_seed_out_of_range_is_refused(spec):
    with pytest.raises(CallError, match="out of range"):
        trainer(spec, seed=-1)


def test_layers_get_the_seeds_of_the_training_whatever_other_threads_draw():
    def weights(draws):
        def build(config, *, input_shape, n_classes):
            for _ in range(draws):  # as another thread would, between the seed and the layers
                random.random()
            return build_network(config, input_shape=input_shape, n_classes=n_classes)

        return trainer(dataclasses.replace(NETWORK, build=build)).model.get_weights()

    for one, other in zip(weights(0), weights(3), strict=True):
        np.testing.assert_array_equal(one, other)


def test_keras_follows_its_own_seed_again_after_a_training():
    keras = backend.load_keras()
    trainer(seed=4)
    kernels = []
    for _ in range(2):
        keras.utils.set_random_seed(1)
        kernels.append(keras.initializers.RandomUniform()((2, 3)))
    np.testing.assert_array_equal(*kernels)
