"""The training loop of a network: epoch by epoch, reproducible, resumable after every epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CkseqError, DataError
from ckseq.learn.adversarial import adversarial, input_range
from ckseq.learn.augmentation import Augmentation, BatchAugmenter, augment_epoch, batch_augmenter, passes_per_epoch
from ckseq.learn.backend import load_keras
from ckseq.learn.batch_updates import BatchUpdate, accumulated, full_batch
from ckseq.learn.fine_tuning import FineTuning
from ckseq.learn.multi_label import is_multi_label
from ckseq.learn.read_ahead import batches
from ckseq.learn.schedule import learning_rate
from ckseq.learn.training_config import TrainingConfig
from ckseq.storage.history import Epoch

if TYPE_CHECKING:
    import keras


class Sequences(Protocol):
    """Sequences (n, t, h, w, channels) float32, or images (n, h, w, channels) uint8, from 0 to 255.

    An array, or an object that ``numpy.asarray`` reads and whose rows can be selected.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""

    def __len__(self) -> int:
        """Return n."""

    def __getitem__(self, rows: Any) -> Any:
        """Select rows by a slice or their numbers; nothing is read yet."""


class Labeled(NamedTuple):
    """Labeled data: sequences or images, the codes of their classes (n,) int, and their subjects (n,).

    Where labels do not exclude each other, as action units, the codes are (n, n_labels), 0 or 1. ``augmented``
    (n, k, ...) holds k augmented versions of each, which are trained on instead; None where there are none, or where
    augmentation takes place in training.
    """

    x: Sequences
    codes: NDArray[np.int_]
    subjects: tuple[str, ...]
    augmented: NDArray[Any] | None = None

    def select(self, rows: NDArray[np.int_]) -> Labeled:
        """Return the data in these rows."""
        augmented = None if self.augmented is None else self.augmented[rows]
        return Labeled(self.x[rows], self.codes[rows], tuple(self.subjects[row] for row in rows), augmented)

    def to_train_on(self) -> Labeled:
        """Return the data with every augmented version as a row of its own, in place of the originals."""
        if self.augmented is None:
            return self
        n, k = self.augmented.shape[:2]
        subjects = tuple(subject for subject in self.subjects for _ in range(k))
        return Labeled(
            self.augmented.reshape(n * k, *self.augmented.shape[2:]), np.repeat(self.codes, k, axis=0), subjects
        )


@dataclass(frozen=True)
class TrainingState:
    """Everything that the next epoch depends on; it holds a copy of network and optimizer in memory.

    The epochs so far; every variable of network and optimizer; where the validation loss selects the epoch, the
    variables of the network after the best epoch so far; and how often the training was started again before.
    """

    epochs: tuple[Epoch, ...]
    variables: tuple[NDArray[Any], ...]
    best: tuple[NDArray[Any], ...] = ()
    restarts: int = 0


def fit(
    model: keras.Model,
    config: TrainingConfig,
    *,
    augmentation: Augmentation,
    train: Labeled,
    validation: Labeled | None,
    seed: int,
    resume: TrainingState | None,
    on_epoch: Callable[[TrainingState], None],
) -> tuple[Epoch, ...]:
    """Train a network.

    The order of the batches and the augmentation depend on the seed and the number of the epoch alone, and the state of
    dropout is among the variables; so a resumed training ends in the same bits as an uninterrupted one.

    Parameters
    ----------
    model : keras.Model
        Not compiled; it is modified. Build it after ``backend.start(seed)``.
    config : TrainingConfig
    augmentation : Augmentation
        Of the training data, drawn anew in each epoch.
    train : Labeled
    validation : Labeled or None
        Measured after every epoch. Under ``validation = "inner"`` or ``"given"`` it also stops the training early and
        selects the epoch whose weights the network has in the end, unless ``early_stopping`` is false; it must then be
        no part of the test data.
    seed : int
        Of the order of the batches and of the augmentation.
    resume : TrainingState or None
        Where to resume.
    on_epoch : callable
        Called with the state after every epoch. An exception in it, or Ctrl-C, ends the training.

    Returns
    -------
    tuple of Epoch
        The whole history, including the epochs before ``resume``. With class weights, a training loss is the weighted
        mean over the samples: divided by their mean weight, so that it compares with the validation loss.

    Raises
    ------
    CallError
        ``micro_batch_size`` is set for a network that normalizes over the batch, or ``frozen_epochs`` for a network
        without a trainable backbone.
    CkseqError
        The loss is not finite.
    DataError
        The state is of another network, or the data cannot be augmented.
    """
    state = resume or TrainingState((), ())
    fine_tuning = FineTuning(model, config.frozen_epochs)
    fine_tuning.enter(max(1, len(state.epochs)))
    _compile(model, config)
    if resume is not None:
        _restore(model, resume)
    update, evaluate = _batch_update(model, config, train), full_batch(model, model.test_step)
    epochs, best = state.epochs, state.best
    del state, resume  # each holds a copy of the network
    while len(epochs) < config.epochs and not (config.selects_epoch and _stops_early(epochs, config.patience)):
        if fine_tuning.enter(len(epochs) + 1):
            _compile(model, config)
            update, evaluate = _batch_update(model, config, train), full_batch(model, model.test_step)
        epoch = _train_epoch(model, update, evaluate, config, augmentation, train, validation, seed, epochs)
        epochs = (*epochs, epoch)
        if config.selects_epoch and best_epoch(epochs) == epoch.epoch:
            best = _arrays(model.variables)
        on_epoch(TrainingState(epochs, _arrays(_variables(model)), best))
    for variable, array in zip(model.variables, best, strict=False):
        variable.assign(array)
    return epochs


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """Return the number of the epoch with the lowest validation loss, the first of equals."""
    return min(epochs, key=lambda epoch: epoch.val_loss).epoch


def _stops_early(epochs: Sequence[Epoch], patience: int) -> bool:
    return bool(epochs) and epochs[-1].epoch - best_epoch(epochs) >= patience


def _train_epoch(
    model: keras.Model,
    update: BatchUpdate,
    evaluate: BatchUpdate,
    config: TrainingConfig,
    augmentation: Augmentation,
    train: Labeled,
    validation: Labeled | None,
    seed: int,
    before: tuple[Epoch, ...],
) -> Epoch:
    start = time.perf_counter()
    number = len(before) + 1
    model.optimizer.learning_rate.assign(learning_rate(config, before))
    rng = np.random.default_rng([seed, number])
    order = np.concatenate([rng.permutation(len(train.x)) for _ in range(passes_per_epoch(augmentation))])
    # a target of w for its class makes the loss w times the cross-entropy
    weights = class_weights(train.codes, model.output_shape[-1], config.class_weights)
    targets = _targets(model, train) * weights
    augmented = augment_epoch(train.x, augmentation, rng=np.random.default_rng([seed, number, 1]))
    augment_batch = batch_augmenter(train.x, augmentation, seed=(seed, number, 1))
    loss, accuracy = _run_batches(update, augmented, targets, order, config.batch_size, augment_batch)
    # the mean over the weighted samples: on the scale of the validation loss, which is not weighted
    loss /= mean_weight(train.codes, weights)
    if not math.isfinite(loss):
        raise CkseqError(f"the loss is not a number after epoch {number}", fix="lower training.learning_rate")
    val_loss, val_accuracy = math.nan, math.nan
    if validation is not None:
        order = np.arange(len(validation.x))
        size = config.batch_size if config.micro_batch_size == "whole" else config.micro_batch_size
        val_loss, val_accuracy = _run_batches(evaluate, validation.x, _targets(model, validation), order, size)
    return Epoch(number, loss, accuracy, val_loss, val_accuracy, time.perf_counter() - start)


def class_weights(codes: NDArray[np.int_], n_classes: int, kind: str) -> NDArray[np.float32]:
    """Return the weight of each class in the loss, (n_classes,) float32.

    >>> codes = np.array([0, 0, 0, 1])
    >>> class_weights(codes, 2, "balanced").tolist(), class_weights(codes, 2, "frequency").tolist()
    ([0.6666666865348816, 2.0], [0.75, 0.25])
    """
    counts = label_counts(codes, n_classes)
    if kind == "balanced":
        weights = len(codes) / (n_classes * np.maximum(counts, 1))
    else:
        weights = counts / len(codes) if kind == "frequency" else np.ones(n_classes)
    return weights.astype(np.float32)


def mean_weight(codes: NDArray[np.int_], weights: NDArray[np.float32]) -> float:
    """Return the mean weight in the loss of samples with these codes; 1 where labels do not exclude each other.

    >>> mean_weight(np.array([0, 0, 0, 1]), np.array([0.75, 0.25], np.float32))
    0.625
    """
    return 1.0 if codes.ndim == 2 else float(weights[codes].mean(dtype=np.float64))


def label_counts(codes: NDArray[np.int_], n_labels: int) -> NDArray[np.int_]:
    """Return how often each label occurs in codes (n,) of classes, or (n, n_labels) of 0 and 1."""
    return codes.sum(axis=0) if codes.ndim == 2 else np.bincount(codes, minlength=n_labels)


def _targets(model: keras.Model, data: Labeled) -> NDArray[np.float32]:
    if data.codes.ndim == 2:
        return data.codes.astype(np.float32)
    return np.eye(model.output_shape[-1], dtype=np.float32)[data.codes]


def _batch_update(model: keras.Model, config: TrainingConfig, train: Labeled) -> BatchUpdate:
    """Return the gradient step on a batch; the model is compiled."""
    if config.adversarial_multiplier:
        return adversarial(
            model,
            multiplier=config.adversarial_multiplier,
            step=config.adversarial_step * input_range(train.x),
            norm=config.adversarial_norm,
        )
    size = config.micro_batch_size
    return full_batch(model, model.train_step) if size == "whole" else accumulated(model, size)


def _compile(model: keras.Model, config: TrainingConfig) -> None:
    keras = load_keras()
    optimizers = keras.optimizers
    classes = {"adam": optimizers.Adam, "nadam": optimizers.Nadam, "rmsprop": optimizers.RMSprop, "sgd": optimizers.SGD}
    optimizer = classes[config.optimizer](
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay or None,
        global_clipnorm=config.clip_norm or None,
    )
    if config.weight_decay:
        # as usual, biases and the scales of normalization do not decay
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    independent = is_multi_label(model)
    loss_of = keras.losses.BinaryCrossentropy if independent else keras.losses.CategoricalCrossentropy
    accuracy = keras.metrics.BinaryAccuracy(name="accuracy") if independent else "accuracy"
    loss = loss_of(label_smoothing=config.label_smoothing)
    # XLA takes far longer to compile recurrent convolutions than it then saves
    model.compile(optimizer, loss=loss, metrics=[accuracy], jit_compile=False)
    optimizer.build(model.trainable_variables)
    # metrics create their variables at the first values; within a step, TensorFlow would trace the step twice
    nothing = np.zeros((1, *model.output_shape[1:]), np.float32)
    model.compute_metrics(None, nothing, nothing)
    model.reset_metrics()


def _run_batches(
    update: BatchUpdate,
    x: Any,
    targets: NDArray[np.float32],
    order: NDArray[np.int_],
    batch_size: int,
    augment_batch: BatchAugmenter | None = None,
) -> tuple[float, float]:
    """Go through all batches once and return the mean loss and accuracy per sequence.

    Measured: one batch at a time costs 50 ms per epoch of small batches, ``model.fit`` per epoch 250 ms.
    """
    sums = np.zeros(2)
    begins = range(0, len(order), batch_size)
    rows_of_all = [order[begin : begin + batch_size] for begin in begins]
    for begin, rows, read in zip(begins, rows_of_all, batches(x, rows_of_all), strict=True):
        batch = read if augment_batch is None else augment_batch(np.asarray(read), begin)
        sums += len(rows) * np.array(update(batch, targets[rows]), np.float64)
    loss, accuracy = sums / len(order)
    return float(loss), float(accuracy)


def _variables(model: keras.Model) -> list[Any]:
    # model.variables, unlike model.weights, holds the state of dropout's random numbers
    return [*model.variables, *model.optimizer.variables]


def _arrays(variables: Sequence[Any]) -> tuple[NDArray[Any], ...]:
    # views of TensorFlow's memory: it puts a variable's next value elsewhere as long as an array of it is in use
    return tuple(np.asarray(memoryview(variable.value.read_value())) for variable in variables)


def _restore(model: keras.Model, state: TrainingState) -> None:
    variables = _variables(model)
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in state.variables]:
        raise DataError("the checkpoint is of another network", fix="train again with --overwrite")
    for variable, array in zip(variables, state.variables, strict=True):
        variable.assign(array)
