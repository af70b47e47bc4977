"""Training: a network learns epoch by epoch, repeatably, and can go on from any epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ckseq.config import Config
from ckseq.errors import CkseqError, DataError
from ckseq.learn.adversarial import adversarial, white
from ckseq.learn.augmentation import Augmentation, Vary, in_batches, sequences_of_an_epoch, times
from ckseq.learn.backend import load_keras
from ckseq.learn.batch_updates import Step, in_parts, whole
from ckseq.learn.fine_tuning import TwoStep
from ckseq.learn.schedule import learning_rate
from ckseq.storage.history import Epoch

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
    optimizer: Literal["adam", "nadam", "rmsprop", "sgd"] = Field("adam", description="the rule of the steps")
    learning_rate: float = Field(0.001, gt=0, description="size of the steps")
    schedule: Literal["constant", "cosine", "step", "plateau"] = Field(
        "constant",
        description="of the learning rate; cosine: from learning_rate in the first epoch down to nothing; step: "
        "multiplied by decay every decay_epochs; plateau: whenever the watched loss saw no new low for so many epochs",
    )
    decay: float = Field(0.1, gt=0, lt=1, description="factor on the learning rate, of the schedules step and plateau")
    decay_epochs: int = Field(10, ge=1, description="epochs before each decay, of the schedules step and plateau")
    frozen_epochs: int = Field(
        0, ge=0, description="epochs at the start in which a backbone rests and only the layers behind it learn"
    )
    thawed_rate: float = Field(
        0.1, gt=0, le=1, description="factor on the learning rate after the frozen_epochs, when the backbone learns too"
    )
    weight_decay: float = Field(
        0.0, ge=0, description="part of each weight taken off it every step, per learning rate (AdamW); 0 is none"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="probability spread evenly over all classes in what training asks for"
    )
    class_weights: Literal["none", "balanced"] = Field(
        "none", description="balanced: the rarer its class, the more a sequence counts; all classes count the same"
    )
    adversarial_multiplier: float = Field(
        0.0, ge=0, description="weight of the loss at the input moved along its own gradient; 0 is none"
    )
    adversarial_step: float = Field(
        0.01, gt=0, description="how far that input is moved, where 1 is from black to white, or a mean from 0 to 1"
    )
    adversarial_norm: Literal["l2", "infinity"] = Field(
        "infinity", description="how far is measured: over all numbers of an input together, or for each number"
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

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.schedule == "plateau" and self.validation == "none":
            raise ValueError("schedule = plateau needs a loss to watch: validation may not be none")
        if self.adversarial_multiplier and self.micro_batch_size != "whole":
            raise ValueError('adversarial_multiplier needs micro_batch_size = "whole"')
        return self

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


class Labeled(NamedTuple):
    """Sequences or images, the places of their labels (n,) int, and who they show (n,)."""

    x: Sequences
    codes: NDArray[np.int_]
    subjects: tuple[str, ...]

    def take(self, rows: NDArray[np.int_]) -> Labeled:
        """Return the sequences in these rows."""
        return Labeled(self.x[rows], self.codes[rows], tuple(self.subjects[row] for row in rows))


@dataclass(frozen=True)
class State:
    """All that the next epoch depends on; whoever keeps it, keeps a copy of network and optimizer in memory.

    The epochs so far; every variable of network and optimizer; and, where the inner loss chooses, the variables of the
    network after the epoch that was best so far.
    """

    epochs: tuple[Epoch, ...]
    variables: tuple[NDArray[Any], ...]
    best: tuple[NDArray[Any], ...] = ()


def fit(
    model: keras.Model,
    config: TrainingConfig,
    *,
    augmentation: Augmentation,
    train: Labeled,
    watched: Labeled | None,
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
    augmentation : Augmentation
        Of the training sequences or images, anew in each epoch.
    train : Labeled
    watched : Labeled or None
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
        ``micro_batch_size`` is set, and the network normalizes over the batch; or ``frozen_epochs`` are asked for, and
        there is no backbone.
    CkseqError
        The loss is no longer a number.
    DataError
        The state is of another network, or the sequences cannot be varied.
    """
    state = resume or State((), ())
    two_step = TwoStep(model, config.frozen_epochs)
    two_step.enter(max(1, len(state.epochs)))
    _compile(model, config)
    if resume is not None:
        _restore(model, resume)
    step = _step(model, config, train)
    chooses = config.chooses
    epochs, best = state.epochs, state.best
    del state, resume  # which hold a network each
    while len(epochs) < config.epochs and not (chooses and _is_over(epochs, config.patience)):
        if two_step.enter(len(epochs) + 1):
            _compile(model, config)
            step = _step(model, config, train)
        epoch = _epoch(model, step, config, augmentation, train, watched, seed, epochs)
        epochs = (*epochs, epoch)
        if chooses and best_epoch(epochs) == epoch.epoch:
            best = _arrays(model.variables)
        on_epoch(State(epochs, _arrays(_variables(model)), best))
    for variable, array in zip(model.variables, best, strict=False):
        variable.assign(array)
    return epochs


def best_epoch(epochs: Sequence[Epoch]) -> int:
    """Return the number of the epoch with the lowest watched loss, the first of equals."""
    return min(epochs, key=lambda epoch: epoch.val_loss).epoch


def _is_over(epochs: Sequence[Epoch], patience: int) -> bool:
    return bool(epochs) and epochs[-1].epoch - best_epoch(epochs) >= patience


def _epoch(
    model: keras.Model,
    step: Step,
    config: TrainingConfig,
    augmentation: Augmentation,
    train: Labeled,
    watched: Labeled | None,
    seed: int,
    before: tuple[Epoch, ...],
) -> Epoch:
    start = time.perf_counter()
    number = len(before) + 1
    model.optimizer.learning_rate.assign(learning_rate(config, before))
    rng = np.random.default_rng([seed, number])
    order = np.concatenate([rng.permutation(len(train.x)) for _ in range(times(augmentation))])
    targets = _targets(model, train)
    if config.class_weights == "balanced":
        # a target of w for its class makes the loss w times the cross-entropy
        targets *= len(train.codes) / (targets.shape[1] * np.maximum(targets.sum(axis=0), 1))
    varied = sequences_of_an_epoch(train.x, augmentation, rng=np.random.default_rng([seed, number, 1]))
    vary = in_batches(augmentation, seed=(seed, number, 1))
    loss, accuracy = _pass(step, varied, targets, order, config.batch_size, vary)
    if not math.isfinite(loss):
        raise CkseqError(f"the loss is not a number after epoch {number}", fix="lower training.learning_rate")
    val_loss, val_accuracy = math.nan, math.nan
    if watched is not None:
        in_turn = np.arange(len(watched.x))
        at_once = config.batch_size if config.micro_batch_size == "whole" else config.micro_batch_size
        measure = whole(model, model.test_on_batch)
        val_loss, val_accuracy = _pass(measure, watched.x, _targets(model, watched), in_turn, at_once)
    return Epoch(number, loss, accuracy, val_loss, val_accuracy, time.perf_counter() - start)


def _targets(model: keras.Model, data: Labeled) -> NDArray[np.float32]:
    return np.eye(model.output_shape[-1], dtype=np.float32)[data.codes]


def _step(model: keras.Model, config: TrainingConfig, train: Labeled) -> Step:
    """Return how a batch is learnt from; the model is compiled."""
    if config.adversarial_multiplier:
        return adversarial(
            model,
            multiplier=config.adversarial_multiplier,
            step=config.adversarial_step * white(train.x),
            norm=config.adversarial_norm,
        )
    size = config.micro_batch_size
    return whole(model, model.train_on_batch) if size == "whole" else in_parts(model, size)


def _compile(model: keras.Model, config: TrainingConfig) -> None:
    keras = load_keras()
    optimizers = keras.optimizers
    rules = {"adam": optimizers.Adam, "nadam": optimizers.Nadam, "rmsprop": optimizers.RMSprop, "sgd": optimizers.SGD}
    rule = rules[config.optimizer](learning_rate=config.learning_rate, weight_decay=config.weight_decay or None)
    if config.weight_decay:
        # offsets and scales are no sign of learning by heart
        rule.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing)
    # XLA compiles recurrent convolutions far slower than it then runs them
    model.compile(rule, loss=loss, metrics=["accuracy"], jit_compile=False)
    rule.build(model.trainable_variables)


def _pass(
    step: Step,
    x: Any,
    targets: NDArray[np.float32],
    order: NDArray[np.int_],
    batch_size: int,
    vary: Vary | None = None,
) -> tuple[float, float]:
    """Take every batch once, a step each, and return the mean loss and accuracy per sequence.

    Measured: a step at a time costs 50 ms an epoch of small batches, ``model.fit`` per epoch 250 ms.
    """
    sums = np.zeros(2)
    for begin in range(0, len(order), batch_size):
        rows = order[begin : begin + batch_size]
        batch = x[rows] if vary is None else vary(np.asarray(x[rows]), begin)
        sums += len(rows) * np.array(step(batch, targets[rows]), np.float64)
    loss, accuracy = sums / len(order)
    return float(loss), float(accuracy)


def _variables(model: keras.Model) -> list[Any]:
    # model.variables, unlike model.weights, holds the state of dropout's random numbers
    return [*model.variables, *model.optimizer.variables]


def _arrays(variables: Sequence[Any]) -> tuple[NDArray[Any], ...]:
    # TensorFlow's own memory: it puts a variable's next value elsewhere as long as somebody holds an array of it
    return tuple(np.asarray(memoryview(variable.value.read_value())) for variable in variables)


def _restore(model: keras.Model, state: State) -> None:
    variables = _variables(model)
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in state.variables]:
        raise DataError("the checkpoint is of another network", fix="train again with --overwrite")
    for variable, array in zip(variables, state.variables, strict=True):
        variable.assign(array)
