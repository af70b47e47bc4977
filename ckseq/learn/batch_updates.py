"""A gradient step on a batch: computed at once, or with gradient accumulation over parts of the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError
from ckseq.learn.backend import load_keras
from ckseq.learn.multi_label import is_multi_label

if TYPE_CHECKING:
    import keras

BatchUpdate = Callable[[Any, NDArray[np.float32]], tuple[float, float]]
"""Takes a batch of sequences and its targets (n, n_classes); returns the mean loss and accuracy."""


def full_batch(model: keras.Model, step: Callable[..., dict[str, Any]]) -> BatchUpdate:
    """Return the function that computes a batch at once.

    It is traced once for batches of any size. Keras's ``train_on_batch`` traces the first size, and everything again
    for a last batch that is smaller, which takes seconds.

    Parameters
    ----------
    model : keras.Model
        Compiled.
    step : callable
        Its ``train_step`` or ``test_step``.
    """
    import tensorflow as tf

    @tf.function(input_signature=signature_of(model), autograph=False)
    def on_batch(x: Any, targets: Any) -> dict[str, Any]:
        return step((x, targets))

    def update(x: Any, targets: NDArray[np.float32]) -> tuple[float, float]:
        model.reset_metrics()
        logs = on_batch(np.asarray(x, np.float32), targets)
        return float(logs["loss"]), float(logs["accuracy"])

    return update


def signature_of(model: keras.Model) -> list[Any]:
    """Return the specifications of a batch of any size and of its targets."""
    import tensorflow as tf

    return [tf.TensorSpec((None, *shape[1:]), tf.float32) for shape in (model.input_shape, model.output_shape)]


def accumulated(model: keras.Model, size: int) -> BatchUpdate:
    """Return the gradient step that computes ``size`` sequences at a time and accumulates their gradients.

    Except for rounding and dropout, it changes the weights as the full batch at once would: the mean loss of the batch
    is the mean of the parts' losses, each weighted by its share of the batch, and so is the gradient.

    Parameters
    ----------
    model : keras.Model
        Compiled, its optimizer built.
    size : int

    Raises
    ------
    CallError
        The network normalizes over the batch, so that the parts would not add up to the batch.
    """
    if normalizes_over_batch(model):
        raise CallError(
            "training.micro_batch_size would change the result of a network with batch normalization",
            fix='leave it at "whole", and lower training.batch_size to save memory',
        )
    import tensorflow as tf

    independent = is_multi_label(model)
    weights = [variable.value for variable in model.trainable_variables]
    sums = [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in weights]

    # one trace for parts of any size
    @tf.function(input_signature=[*signature_of(model), tf.TensorSpec((), tf.float32)], autograph=False)
    def add(x: Any, targets: Any, share: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            predicted = model(x, training=True)
            loss = model.compute_loss(x, targets, predicted, training=True)
            part_of_loss = share * loss
        for total, gradient in zip(sums, tape.gradient(part_of_loss, weights), strict=True):
            total.assign_add(gradient)
        return loss, batch_accuracy(predicted, targets, independent=independent)

    # compiled, since the optimizer's formula would otherwise hold more arrays as large as the weights
    @tf.function(autograph=False, jit_compile=True)
    def apply() -> None:
        model.optimizer.apply(list(sums), model.trainable_variables)

    def update(x: Any, targets: NDArray[np.float32]) -> tuple[float, float]:
        sum_of_both = np.zeros(2)
        for begin in range(0, len(x), size):
            part = slice(begin, begin + size)
            share = len(targets[part]) / len(targets)
            sum_of_both += share * np.array(add(np.asarray(x[part], np.float32), targets[part], share), np.float64)
        apply()
        for total in sums:
            total.assign(tf.zeros_like(total))
        loss, accuracy = sum_of_both
        return float(loss), float(accuracy)

    return update


def batch_accuracy(predicted: Any, targets: Any, *, independent: bool) -> Any:
    """Return the accuracy of a batch, a scalar tensor of float32; of independent labels that of all decisions."""
    import tensorflow as tf

    if independent:
        return tf.reduce_mean(tf.cast(tf.equal(predicted >= 0.5, targets >= 0.5), tf.float32))
    correct = tf.equal(tf.argmax(predicted, -1), tf.argmax(targets, -1))
    return tf.reduce_mean(tf.cast(correct, tf.float32))


def normalizes_over_batch(model: keras.Model) -> bool:
    """Whether the output for a sequence depends, in training, on the others of its batch."""
    kind = load_keras().layers.BatchNormalization
    return any(isinstance(layer, kind) for layer in layers_of(model))


def layers_of(model: keras.Model) -> Iterator[Any]:
    """Yield the layers of a network, including those of nested networks."""
    for layer in model.layers:
        yield layer
        yield from layers_of(layer) if hasattr(layer, "layers") else ()
