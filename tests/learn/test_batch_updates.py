"""Gradient accumulation against the same full batches."""

import numpy as np
import pytest

from ckseq.errors import CallError
from ckseq.learn import backend
from ckseq.learn.batch_updates import accumulated, full_batch

SHAPE = (4, 2, 5, 1)


def network(*between, smoothing=0.0):
    backend.start(3)
    keras = backend.load_keras()
    stages = [keras.layers.Input(SHAPE), keras.layers.Flatten(), keras.layers.Dense(6, activation="tanh")]
    regularized = keras.layers.Dense(3, activation="softmax", kernel_regularizer=keras.regularizers.L2(0.1))
    model = keras.Sequential([*stages, *between, regularized])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    model.compile(keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"], jit_compile=False)
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("size", [1, 4, 5, 16])
def test_parts_add_up_to_the_batch(size):
    """Also where the last part is smaller, and with what regularization adds to the loss."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 11, *SHAPE)).astype(np.float32)
    targets = np.eye(3, dtype=np.float32)[rng.integers(0, 3, (2, 11))]
    at_once, parted = network(smoothing=0.1), network(smoothing=0.1)
    steps = full_batch(at_once, at_once.train_step), accumulated(parted, size)
    for batch in range(2):  # the second shows that nothing is left over from the first
        results = [step(x[batch], targets[batch]) for step in steps]
        np.testing.assert_allclose(*results, rtol=1e-5)
    for one, other in zip(at_once.get_weights(), parted.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert not np.allclose(at_once.get_weights()[0], network().get_weights()[0], atol=1e-3)


def test_what_depends_on_the_whole_batch_is_refused():
    layers = backend.load_keras().layers
    nested = backend.load_keras().Sequential([layers.BatchNormalization()])
    with pytest.raises(CallError, match="batch normalization; leave it at"):
        accumulated(network(nested), 2)
