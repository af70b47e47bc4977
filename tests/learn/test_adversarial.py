import keras
import numpy as np
import pytest

from ckseq.learn.adversarial import adversarial, input_range, normalized
from ckseq.learn.fit import Labeled, fit
from ckseq.learn.training_config import TrainingConfig
from ckseq.signal.augment import AugmentConfig

W = np.array([[0.5, -0.3], [0.2, 0.8], [-0.6, 0.1]], np.float32)
X = np.array([[1.0, 2.0, -1.0], [0.5, -1.5, 0.3]], np.float32)
Y = np.eye(2, dtype=np.float32)


def linear(rate=1.0):
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, activation="softmax", use_bias=False)])
    model.set_weights([W])
    rule = keras.optimizers.SGD(rate)
    model.compile(rule, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    rule.build(model.trainable_variables)
    return model


def softmax(scores):
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)


def by_hand(multiplier, step, norm):
    """One step of gradient descent on L(x) + multiplier L(x + step n), of cross-entropy on a linear map."""
    w, x = W.astype(float), X.astype(float)
    error = softmax(x @ w) - Y
    loss = -np.log((softmax(x @ w) * Y).sum(axis=1)).mean()
    towards = error @ w.T
    unit = np.sign(towards) if norm == "infinity" else towards / np.linalg.norm(towards, axis=1, keepdims=True)
    moved = x + step * unit
    moved_error = softmax(moved @ w) - Y
    gradient = (x.T @ error + multiplier * moved.T @ moved_error) / len(x)
    return loss, w - gradient


@pytest.mark.parametrize("norm", ["l2", "infinity"])
@pytest.mark.parametrize(("multiplier", "step"), [(0.3, 0.01), (1.0, 0.5), (2.0, 3.0)])
def test_one_step_on_a_linear_model_is_the_one_computed_by_hand(multiplier, step, norm):
    model = linear()
    loss, accuracy = adversarial(model, multiplier=multiplier, step=step, norm=norm)(X, Y)
    expected_loss, expected = by_hand(multiplier, step, norm)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert accuracy == (softmax(X @ W).argmax(1) == Y.argmax(1)).mean()
    np.testing.assert_allclose(model.get_weights()[0], expected, atol=1e-6)


def test_without_weight_it_is_plain_gradient_descent():
    plain, regularized = linear(), linear()
    plain.train_on_batch(X, Y)
    adversarial(regularized, multiplier=0.0, step=1.0, norm="l2")(X, Y)
    np.testing.assert_allclose(regularized.get_weights()[0], plain.get_weights()[0], atol=1e-7)


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
def test_directions_have_length_one_however_small_the_gradient(scale):
    gradient = np.array([[[3.0], [4.0]], [[0.0], [0.0]]], np.float32) * np.float32(scale)
    np.testing.assert_allclose(normalized(gradient, norm="l2"), [[[0.6], [0.8]], [[0], [0]]], rtol=1e-5)
    np.testing.assert_array_equal(normalized(gradient, norm="infinity"), [[[1], [1]], [[0], [0]]])


def test_it_makes_a_network_less_sensitive_to_the_worst_small_step():
    """On sequences: after training, the loss a step away is lower with it than without."""
    rng = np.random.default_rng(0)
    codes = np.arange(24) % 2
    x = rng.normal(size=(24, 4, 2, 6, 1)).astype(np.float32)
    x[:, :, 0, 0, 0] += 2 * codes[:, None]
    data = Labeled(x, codes, tuple(map(str, range(24))))

    def loss_a_step_away(multiplier):
        keras.utils.set_random_seed(1)
        layers = keras.layers
        model = keras.Sequential([layers.Input((4, 2, 6, 1)), layers.Flatten(), layers.Dense(2, activation="softmax")])
        config = TrainingConfig(
            epochs=30, batch_size=12, learning_rate=0.02, validation="none",
            adversarial_multiplier=multiplier, adversarial_step=0.5,
        )  # fmt: skip
        fit(model, config, augmentation=AugmentConfig(), train=data, validation=None, seed=1, resume=None,
            on_epoch=lambda state: None)  # fmt: skip
        w = model.get_weights()[0]
        error = softmax(x.reshape(24, -1) @ w + model.get_weights()[1]) - np.eye(2)[codes]
        moved = x.reshape(24, -1) + 0.5 * np.sign(error @ w.T)
        return model.evaluate(moved.reshape(x.shape), np.eye(2)[codes], verbose=0)[0]

    assert loss_a_step_away(1.0) < loss_a_step_away(0.0) - 0.02


def test_input_range():
    assert (input_range(np.zeros(2, np.uint8)), input_range(np.zeros(2, np.float32))) == (255, 1)
