"""Adversarial regularization: a network must also be right a small step away, in the direction that hurts it most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ckseq.learn.batch_updates import Step

if TYPE_CHECKING:
    import keras

Norm = Literal["l2", "infinity"]


def adversarial(model: keras.Model, *, multiplier: float, step: float, norm: Norm) -> Step:
    """Return the training step that adds the loss at the moved input: L(x) + multiplier L(x + step n(g)).

    ``g`` is the gradient of L at x by x, one sequence or image at a time, and ``n`` brings it to length 1: to the
    Euclidean length under ``l2``, to its signs under ``infinity``. The moved input counts as given: no gradient goes
    through it. What the step returns is L(x), to be compared with what is measured on other data.

    Parameters
    ----------
    model : keras.Model
        Compiled, its optimizer built.
    multiplier : float
    step : float
        In the units of the input: of images 255 is the way from black to white.
    norm : str

    References
    ----------
    Goodfellow, I., Shlens, J. & Szegedy, C. (2015). Explaining and harnessing adversarial examples. ICLR. Weighted and
    normalized as in Neural Structured Learning (Gopalan et al., 2021).
    """
    import tensorflow as tf

    signature = [tf.TensorSpec((None, *shape[1:]), tf.float32) for shape in (model.input_shape, model.output_shape)]

    @tf.function(input_signature=signature, autograph=False)
    def on_batch(x: Any, targets: Any) -> tuple[Any, Any]:
        weights = [weight.value for weight in model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            answers = model(x, training=True)
            loss = model.compute_loss(x, targets, answers, training=True)
        # one way back for both: a second one for the input alone would take a fifth longer
        by_x, *there = tape.gradient(loss, [x, *weights])
        with tf.GradientTape() as tape:
            moved_answers = model(x + step * normalized(by_x, norm=norm), training=True)
            more = multiplier * model.compute_loss(x, targets, moved_answers, training=True)
        sums = [one + other for one, other in zip(there, tape.gradient(more, weights), strict=True)]
        model.optimizer.apply(sums, model.trainable_variables)
        right = tf.equal(tf.argmax(answers, -1), tf.argmax(targets, -1))
        return loss, tf.reduce_mean(tf.cast(right, tf.float32))

    def take(x: Any, targets: NDArray[np.float32]) -> tuple[float, float]:
        loss, accuracy = on_batch(np.asarray(x, np.float32), targets)
        return float(loss), float(accuracy)

    return take


def white(x: Any) -> float:
    """Return how far it is from black to white in the units of an input: 255 of images, 1 of everything else."""
    return 255.0 if getattr(x, "dtype", None) == np.uint8 else 1.0


def normalized(gradient: Any, *, norm: Norm) -> Any:
    """Return gradients (n, ...) of length 1, each by itself; one of zeros stays zero."""
    import tensorflow as tf

    if norm == "infinity":
        return tf.sign(gradient)
    axes = list(range(1, len(gradient.shape)))
    # a gradient of a mean over pixels of 0 to 255 is small: scaled first, its squares do not vanish
    scaled = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient), axis=axes, keepdims=True))
    squares = tf.reduce_sum(tf.square(scaled), axis=axes, keepdims=True)
    return tf.math.divide_no_nan(scaled, tf.sqrt(squares))
