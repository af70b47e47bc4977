"""What training does with images, with rare classes and with a backbone."""

import keras
import numpy as np
import pytest

from ckseq.errors import CallError
from ckseq.learn import backend
from ckseq.learn.augmentation import batch_augmenter, passes_per_epoch
from ckseq.learn.batch_updates import full_batch
from ckseq.learn.fit import Labeled, fit
from ckseq.learn.training_config import TrainingConfig
from ckseq.signal.augment import AugmentConfig
from ckseq.signal.augment_images import ImageAugmentConfig


def material(codes, seed=0):
    codes = np.asarray(codes)
    x = np.random.default_rng(seed).integers(0, 100, (len(codes), 6, 6, 1), dtype=np.uint8)
    x[np.arange(len(codes)), :, codes * 3] += 100
    return Labeled(x, codes, tuple(map(str, range(len(codes)))))


TRAIN = material(np.arange(12) % 2)


def network(seed=1):
    """A body and a head; the body is a network in the network, as a backbone is."""
    backend.start(seed)
    layers = keras.layers
    stages = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(4), layers.BatchNormalization()]
    body = keras.Sequential([layers.Input((6, 6, 1)), *stages], name="backbone")
    images = layers.Input((6, 6, 1))
    values = layers.Dropout(0.2)(body(images))
    return keras.Model(images, layers.Dense(2, activation="softmax", name="classes")(values))


def trained(model, config, *, train=TRAIN, augmentation=None, resume=None):
    states = []
    augmentation = augmentation or ImageAugmentConfig()
    fit(model, config, augmentation=augmentation, train=train, validation=None, seed=3, resume=resume,
        on_epoch=states.append)  # fmt: skip
    return states


def config(**values):
    return TrainingConfig(**{"epochs": 4, "batch_size": 5, "validation": "none", "learning_rate": 0.01, **values})


def weights_of(state, model, name):
    names = [variable.path for variable in model.variables]
    return [array for path, array in zip(names, state.variables, strict=False) if name in path]


def test_every_image_is_seen_as_often_as_there_are_passes(monkeypatch):
    seen = []

    def counting(model, step):
        update = full_batch(model, step)

        def counted(x, targets):
            seen.extend(np.asarray(x).reshape(len(x), -1).sum(axis=1).tolist())
            return update(x, targets)

        return counted

    monkeypatch.setattr("ckseq.learn.fit.full_batch", counting)
    trained(network(), config(epochs=1), augmentation=ImageAugmentConfig(passes=3))
    assert sorted(seen) == sorted(3 * TRAIN.x.reshape(12, -1).sum(axis=1).tolist())


def test_varied_images_give_another_training_and_the_same_seed_the_same():
    varied = ImageAugmentConfig(shift=0.2, passes=2)
    one, two = (trained(network(), config(epochs=1), augmentation=varied)[-1] for _ in range(2))
    for ours, theirs in zip(one.variables, two.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    plain = trained(network(), config(epochs=1), augmentation=ImageAugmentConfig(passes=2))[-1]
    assert plain.epochs[-1].loss != one.epochs[-1].loss


def test_batches_are_varied_by_epoch_and_place():
    varied = ImageAugmentConfig(shift=0.3)
    one, other = (batch_augmenter(TRAIN.x, varied, seed=(3, epoch, 1)) for epoch in (1, 2))
    assert (one(TRAIN.x, 0) != other(TRAIN.x, 0)).any()
    assert (one(TRAIN.x, 0) != one(TRAIN.x, 5)).any()
    np.testing.assert_array_equal(one(TRAIN.x, 5), one(TRAIN.x, 5))
    assert batch_augmenter(TRAIN.x, ImageAugmentConfig(passes=2), seed=(1,)) is None
    assert (passes_per_epoch(ImageAugmentConfig(passes=4)), passes_per_epoch(AugmentConfig())) == (4, 1)


@pytest.mark.parametrize("kind", ["none", "balanced", "frequency"])
def test_the_loss_with_class_weights_is_on_the_scale_of_the_validation_loss(kind):
    """A step so small that the network stays as it is, on three times as many of one class as of the other."""
    rare = material([0] * 9 + [1] * 3)
    backend.start(1)
    images = keras.layers.Input((6, 6, 1))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(images))
    model = keras.Model(images, keras.layers.Dense(2, activation="softmax")(flat))
    settings = {"optimizer": "sgd", "learning_rate": 1e-9, "epochs": 1, "batch_size": 5}
    p = np.asarray(model(rare.x.astype(np.float32)))[np.arange(12), rare.codes]
    (epoch,) = trained(model, config(class_weights=kind, **settings), train=rare)[-1].epochs
    weights = {"none": [1, 1], "balanced": [1, 3], "frequency": [3, 1]}[kind]
    assert epoch.loss == pytest.approx(np.average(-np.log(p), weights=np.take(weights, rare.codes)), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "weights"), [("balanced", {0: 12 / (2 * 9), 1: 12 / (2 * 3)}), ("frequency", {0: 9 / 12, 1: 3 / 12})]
)
def test_classes_weigh_as_with_kerass_own_class_weights(kind, weights):
    """One step on nine of one class and three of the other."""
    rare = material([0] * 9 + [1] * 3)
    ours, theirs = network(), network()
    settings = {"optimizer": "sgd", "learning_rate": 0.5, "epochs": 1, "batch_size": 12}
    state = trained(ours, config(class_weights=kind, **settings), train=rare)[-1]
    order = np.random.default_rng([3, 1]).permutation(12)
    theirs.compile(keras.optimizers.SGD(0.5), loss="categorical_crossentropy")
    theirs.train_on_batch(rare.x[order].astype(np.float32), np.eye(2)[rare.codes[order]],
                          class_weight=weights)  # fmt: skip
    for array, variable in zip(weights_of(state, ours, "classes"), theirs.get_layer("classes").variables, strict=True):
        np.testing.assert_allclose(array, variable.numpy(), atol=1e-6)


def test_the_backbone_rests_first_and_learns_then():
    model = network()
    before = [array.copy() for array in model.get_layer("backbone").get_weights()]
    states = trained(model, config(frozen_epochs=2))
    for state in states[:2]:
        for ours, first in zip(weights_of(state, model, "backbone"), before, strict=True):
            np.testing.assert_array_equal(ours, first)
    assert any(
        (ours != first).any() for ours, first in zip(model.get_layer("backbone").get_weights(), before, strict=True)
    )
    assert (weights_of(states[0], model, "classes")[0] != weights_of(states[1], model, "classes")[0]).any()


@pytest.fixture(scope="module")
def whole():
    return trained(network(), config(frozen_epochs=2))


@pytest.mark.parametrize("epoch", [2, 3])
def test_going_on_in_either_step_ends_in_the_same_bits(whole, epoch):
    resumed = trained(network(seed=9), config(frozen_epochs=2), resume=whole[epoch - 1])
    for ours, theirs in zip(resumed[-1].variables, whole[-1].variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_frozen_epochs_without_a_backbone_are_refused():
    layers = keras.layers
    plain = keras.Sequential([layers.Input((6, 6, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
    with pytest.raises(CallError, match="has no effect on a network without a backbone"):
        trained(plain, config(frozen_epochs=1))
    resting = network()
    resting.get_layer("backbone").trainable = False
    with pytest.raises(CallError, match="has no effect on a backbone that is never trained"):
        trained(resting, config(frozen_epochs=1))
