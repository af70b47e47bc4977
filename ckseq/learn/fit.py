"""Training: a network learns epoch by epoch, repeatably, and can go on from any epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CkseqError, DataError
from ckseq.learn.backend import load_keras
from ckseq.learn.step import Step, in_parts, whole
from ckseq.signal.augment import Config as AugmentConfig
from ckseq.signal.augment import augment
from ckseq.storage.runs import Epoch

if TYPE_CHECKING:
    import keras


class TrainingConfig(Config):
    """How a network is trained; the loss is the categorical cross-entropy. Estimators know nothing of it."""

    epochs: int = Field(100, ge=1, description="how often all training sequences are seen, at most")
    batch_size: int = Field(64, ge=1, description="sequences per step")
    micro_batch_size: Annotated[int, Field(ge=1)] | Literal["whole"] = Field(
        "whole",
        description="sequences computed at once, to save memory: the gradients of several such parts add up to that "
        "of the batch; whole is all of the batch at once",
    )
    optimiser: Literal["adam", "nadam", "rmsprop", "sgd"] = Field("adam", description="the rule of the steps")
    learning_rate: float = Field(0.001, gt=0, description="size of the steps")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="of the learning rate; cosine: from learning_rate in the first epoch down to nothing"
    )
    weight_decay: float = Field(
        0.0, ge=0, description="part of each weight taken off it every step, per learning rate (AdamW); 0 is none"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="probability spread evenly over all classes in what training asks for"
    )
    validation: Literal["test", "inner", "given", "none"] = Field(
        "test",
        description="what is measured after every epoch beside the training data: test, which never chooses anything "
        "(the paper); inner, some subjects of the training data, not trained on, which choose the epoch to keep; "
        "given, which does the same with the data set's own validation part; none",
    )
    inner_share: float = Field(
        0.2, gt=0, lt=1, description="share of the training sequences, by subject, where validation is inner"
    )
    patience: int = Field(
        20, ge=1, description="epochs without a lower inner loss after which training ends, where validation is inner"
    )

    @property
    def chooses(self) -> bool:
        """Whether what is measured after every epoch chooses the epoch to keep."""
        return self.validation in ("inner", "given")


class Sequences(Protocol):
    """Sequences (n, t, h, w, channels) float32, or images (n, h, w, channels) uint8, from 0 to 255.

    An array, or what ``numpy.asarray`` reads and rows can be taken of.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array."""

    def __len__(self) -> int:
        """Return n."""

    def __getitem__(self, rows: Any) -> Any:
        """Choose rows by a slice or their numbers; what is to be read is not read yet."""


class Labelled(NamedTuple):
    """Sequences or images, the places of their labels (n,) int, and who they show (n,)."""

    x: Sequences
    codes: NDArray[np.int_]
    subjects: tuple[str, ...]

    def take(self, rows: NDArray[np.int_]) -> Labelled:
        """Return the sequences in these rows."""
        return Labelled(self.x[rows], self.codes[rows], tuple(self.subjects[row] for row in rows))


@dataclass(frozen=True)
class State:
    """All that the next epoch depends on.

    The epochs so far; every variable of network and optimiser; and, where the inner loss chooses, the variables of the
    network after the epoch that was best so far.
    """

    epochs: tuple[Epoch, ...]
    variables: tuple[NDArray[Any], ...]
    best: tuple[NDArray[Any], ...] = ()


def fit(
    model: keras.Model,
    config: TrainingConfig,
    *,
    augmentation: AugmentConfig,
    train: Labelled,
    watched: Labelled | None,
    seed: int,
    resume: State | None,
    on_epoch: Callable[[State], None],
) -> tuple[Epoch, ...]:
    """Train a network.

    The order of the batches and the variation of the sequences follow from the seed and the number of the epoch alone,
    and the state of dropout is among the variables; so training that goes on from a state ends in the same bits as
    training that never stopped.

    Parameters
    ----------
    model : keras.Model
        Not compiled; it is changed. Build it after ``backend.start(seed)``.
    config : TrainingConfig
    augmentation : ckseq.signal.augment.Config
        Of the training sequences, anew in each epoch.
    train : Labelled
    watched : Labelled or None
        Measured after every epoch. Under ``validation = "inner"`` or ``"given"`` it also ends the training and chooses
        the epoch whose weights the network has in the end; it must then be no part of the test sequences.
    seed : int
        Of the order of the batches and of the variation.
    resume : State or None
        Where to go on.
    on_epoch : callable
        Is given the state after every epoch. An exception in it, or Ctrl-C, ends the training.

    Returns
    -------
    tuple of Epoch
        The whole history, also of the epochs before ``resume``.

    Raises
    ------
    CallError
        ``micro_batch_size`` is set, and the network normalises over the batch.
    CkseqError
        The loss is no longer a number.
    DataError
        The state is of another network, or the sequences cannot be varied.
    """
    _compile(model, config)
    state = State((), ())
    if resume is not None:
        _restore(model, resume)
        state = resume
    size = config.micro_batch_size
    step = whole(model, model.train_on_batch) if size == "whole" else in_parts(model, size)
    chooses = config.chooses
    while len(state.epochs) < config.epochs and not (chooses and _is_over(state.epochs, config.patience)):
        epoch = _epoch(model, step, config, augmentation, train, watched, seed, len(state.epochs) + 1)
        epochs = (*state.epochs, epoch)
        best = _copied(model.variables) if chooses and best_epoch(epochs) == epoch.epoch else state.best
        state = State(epochs, _copied(_variables(model)), best)
        on_epoch(state)
    for variable, array in zip(model.variables, state.best, strict=False):
        variable.assign(array)
    return state.epochs


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """Return the number of the epoch with the lowest watched loss, the first of equals."""
    return min(epochs, key=lambda epoch: epoch.val_loss).epoch


def _is_over(epochs: Sequence[Epoch], patience: int) -> bool:
    return bool(epochs) and epochs[-1].epoch - best_epoch(epochs) >= patience


def _epoch(
    model: keras.Model,
    step: Step,
    config: TrainingConfig,
    augmentation: AugmentConfig,
    train: Labelled,
    watched: Labelled | None,
    seed: int,
    number: int,
) -> Epoch:
    start = time.perf_counter()
    n_classes = model.output_shape[-1]
    if config.schedule == "cosine":
        share = (number - 1) / config.epochs
        model.optimizer.learning_rate.assign(config.learning_rate * (1 + math.cos(math.pi * share)) / 2)
    order = np.random.default_rng([seed, number]).permutation(len(train.x))
    # what is read batch by batch are frames, which cannot be varied: augment tells it from their shape
    x = cast(NDArray[np.float32], train.x)
    varied = train._replace(x=augment(x, augmentation, rng=np.random.default_rng([seed, number, 1])))
    loss, accuracy = _pass(step, varied, order, config.batch_size, n_classes)
    if not math.isfinite(loss):
        raise CkseqError(f"the loss is not a number after epoch {number}", fix="lower training.learning_rate")
    val_loss, val_accuracy = math.nan, math.nan
    if watched is not None:
        in_turn = np.arange(len(watched.x))
        at_once = config.batch_size if config.micro_batch_size == "whole" else config.micro_batch_size
        val_loss, val_accuracy = _pass(whole(model, model.test_on_batch), watched, in_turn, at_once, n_classes)
    return Epoch(number, loss, accuracy, val_loss, val_accuracy, time.perf_counter() - start)


def _compile(model: keras.Model, config: TrainingConfig) -> None:
    keras = load_keras()
    optimisers = keras.optimizers
    rules = {"adam": optimisers.Adam, "nadam": optimisers.Nadam, "rmsprop": optimisers.RMSprop, "sgd": optimisers.SGD}
    rule = rules[config.optimiser](learning_rate=config.learning_rate, weight_decay=config.weight_decay or None)
    if config.weight_decay:
        # offsets and scales are no sign of learning by heart
        rule.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    # XLA compiles recurrent convolutions far slower than it then runs them
    model.compile(rule, loss=loss, metrics=["accuracy"], jit_compile=False)
    rule.build(model.trainable_variables)


def _pass(
    step: Step,
    data: Labelled,
    order: NDArray[np.int_],
    batch_size: int,
    n_classes: int,
) -> tuple[float, float]:
    """Take every batch once, a step each, and return the mean loss and accuracy per sequence.

    Measured: a step at a time costs 50 ms an epoch of small batches, ``model.fit`` per epoch 250 ms.
    """
    targets = np.eye(n_classes, dtype=np.float32)[data.codes]
    sums = np.zeros(2)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        sums += len(rows) * np.array(step(data.x[rows], targets[rows]), np.float64)
    loss, accuracy = sums / len(order)
    return float(loss), float(accuracy)


def _variables(model: keras.Model) -> list[Any]:
    # model.variables, unlike model.weights, holds the state of dropout's random numbers
    return [*model.variables, *model.optimizer.variables]


def _copied(variables: Sequence[Any]) -> tuple[NDArray[Any], ...]:
    to_numpy = load_keras().ops.convert_to_numpy
    # copied, since what TensorFlow gives may be its own memory
    return tuple(np.array(to_numpy(variable)) for variable in variables)


def _restore(model: keras.Model, state: State) -> None:
    variables = _variables(model)
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in state.variables]:
        raise DataError("the checkpoint is of another network", fix="train again with --overwrite")
    for variable, array in zip(variables, state.variables, strict=True):
        variable.assign(array)
