"""Adversarial regularization: the loss on adversarial examples is added to the training loss."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ckseq.learn.batch_updates import BatchUpdate, batch_accuracy, signature_of
from ckseq.learn.multi_label import is_multi_label

if TYPE_CHECKING:
    import keras

Norm = Literal["l2", "infinity"]


def adversarial(model: keras.Model, *, multiplier: float, step: float, norm: Norm) -> BatchUpdate:
    """Return the gradient step on L(x) + multiplier L(x + step n(g)).

    ``g`` is the gradient of L with respect to x, per sequence or image, and ``n`` normalizes it: to Euclidean length 1
    under ``l2``, to its signs under ``infinity``. The perturbation is a constant: no gradient flows through it. The
    reported loss is L(x), comparable with that on other data.

    Parameters
    ----------
    model : keras.Model
        Compiled, its optimizer built.
    multiplier : float
    step : float
        Size of the perturbation, in the units of the input: the range of images is 255.
    norm : str

    References
    ----------
    Goodfellow, I., Shlens, J. & Szegedy, C. (2015). Explaining and harnessing adversarial examples. ICLR. Weighted and
    normalized as in Neural Structured Learning (Gopalan et al., 2021).
    """
    import tensorflow as tf

    independent = is_multi_label(model)

    @tf.function(input_signature=signature_of(model), autograph=False)
    def on_batch(x: Any, targets: Any) -> tuple[Any, Any]:
        weights = [weight.value for weight in model.trainable_variables]
        with tf.GradientTape() as tape:
            tape.watch(x)
            predicted = model(x, training=True)
            loss = model.compute_loss(x, targets, predicted, training=True)
        # one backward pass for both: a second one for the input alone would be a fifth slower
        by_x, *at_x = tape.gradient(loss, [x, *weights])
        with tf.GradientTape() as tape:
            perturbed_predicted = model(x + step * normalized(by_x, norm=norm), training=True)
            more = multiplier * model.compute_loss(x, targets, perturbed_predicted, training=True)
        sums = [one + other for one, other in zip(at_x, tape.gradient(more, weights), strict=True)]
        model.optimizer.apply(sums, model.trainable_variables)
        return loss, batch_accuracy(predicted, targets, independent=independent)

    def update(x: Any, targets: NDArray[np.float32]) -> tuple[float, float]:
        loss, accuracy = on_batch(np.asarray(x, np.float32), targets)
        return float(loss), float(accuracy)

    return update


def input_range(x: Any) -> float:
    """Return the range of the values of an input: 255 for images, 1 for everything else."""
    return 255.0 if getattr(x, "dtype", None) == np.uint8 else 1.0


def normalized(gradient: Any, *, norm: Norm) -> Any:
    """Return gradients (n, ...), each normalized to length 1; a zero gradient stays zero."""
    import tensorflow as tf

    if norm == "infinity":
        return tf.sign(gradient)
    axes = list(range(1, len(gradient.shape)))
    # a gradient of a mean over pixels of 0 to 255 is small: scaled first, its squares do not vanish
    scaled = tf.math.divide_no_nan(gradient, tf.reduce_max(tf.abs(gradient), axis=axes, keepdims=True))
    squares = tf.reduce_sum(tf.square(scaled), axis=axes, keepdims=True)
    return tf.math.divide_no_nan(scaled, tf.sqrt(squares))
