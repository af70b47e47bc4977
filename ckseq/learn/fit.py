"""Training: a network learns epoch by epoch, repeatably, and can go on from any epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CkseqError, DataError
from ckseq.learn.backend import load_keras
from ckseq.storage.runs import Epoch

if TYPE_CHECKING:
    import keras


class TrainingConfig(Config):
    """How a network is trained; the loss is the categorical cross-entropy."""

    epochs: int = Field(100, ge=1, description="how often all training sequences are seen")
    batch_size: int = Field(64, ge=1, description="sequences per step")
    optimiser: Literal["adam", "nadam", "rmsprop", "sgd"] = Field("adam", description="the rule of the steps")
    learning_rate: float = Field(0.001, gt=0, description="size of the steps")
    validation: Literal["test", "none"] = Field(
        "test", description="what is measured after every epoch beside the training data; it is never used to choose"
    )


class Labelled(NamedTuple):
    """Sequences (n, t, h, w, channels) float32 and the places of their labels (n,) int."""

    x: NDArray[np.float32]
    codes: NDArray[np.int_]


@dataclass(frozen=True)
class State:
    """All that the next epoch depends on: the epochs so far, and every variable of network and optimiser."""

    epochs: tuple[Epoch, ...]
    variables: tuple[NDArray[Any], ...]


def fit(
    model: keras.Model,
    config: TrainingConfig,
    *,
    train: Labelled,
    test: Labelled | None,
    seed: int,
    resume: State | None,
    on_epoch: Callable[[State], None],
) -> tuple[Epoch, ...]:
    """Train a network.

    The order of the batches follows from the seed and the number of the epoch alone, and the state of dropout is among
    the variables; so training that goes on from a state ends in the same bits as training that never stopped.

    Parameters
    ----------
    model : keras.Model
        Not compiled; it is changed. Build it after ``backend.start(seed)``.
    config : TrainingConfig
    train, test : Labelled
        ``test`` is only measured, and only where ``validation`` is ``test``.
    seed : int
        Of the order of the batches.
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
    CkseqError
        The loss is no longer a number.
    DataError
        The state is of another network.
    """
    _compile(model, config)
    epochs: tuple[Epoch, ...] = ()
    if resume is not None:
        _restore(model, resume)
        epochs = resume.epochs
    n_classes = model.output_shape[-1]
    measured = test if config.validation == "test" else None
    for number in range(len(epochs) + 1, config.epochs + 1):
        start = time.perf_counter()
        order = np.random.default_rng([seed, number]).permutation(len(train.x))
        loss, accuracy = _pass(model.train_on_batch, model, train, order, config.batch_size, n_classes)
        if not math.isfinite(loss):
            raise CkseqError(f"the loss is not a number after epoch {number}", fix="lower training.learning_rate")
        val_loss, val_accuracy = math.nan, math.nan
        if measured is not None:
            in_turn = np.arange(len(measured.x))
            val_loss, val_accuracy = _pass(model.test_on_batch, model, measured, in_turn, config.batch_size, n_classes)
        seconds = time.perf_counter() - start
        epochs = (*epochs, Epoch(number, loss, accuracy, val_loss, val_accuracy, seconds))
        on_epoch(_state(model, epochs))
    return epochs


def _compile(model: keras.Model, config: TrainingConfig) -> None:
    optimisers = load_keras().optimizers
    rules = {"adam": optimisers.Adam, "nadam": optimisers.Nadam, "rmsprop": optimisers.RMSprop, "sgd": optimisers.SGD}
    rule = rules[config.optimiser](learning_rate=config.learning_rate)
    # XLA compiles recurrent convolutions far slower than it then runs them
    model.compile(rule, loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    rule.build(model.trainable_variables)


def _pass(
    step: Callable[..., dict[str, float]],
    model: keras.Model,
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
        model.reset_metrics()
        logs = step(data.x[rows], targets[rows], return_dict=True)
        sums += len(rows) * np.array([logs["loss"], logs["accuracy"]], np.float64)
    loss, accuracy = sums / len(order)
    return float(loss), float(accuracy)


def _variables(model: keras.Model) -> list[Any]:
    # model.variables, unlike model.weights, holds the state of dropout's random numbers
    return [*model.variables, *model.optimizer.variables]


def _state(model: keras.Model, epochs: tuple[Epoch, ...]) -> State:
    to_numpy = load_keras().ops.convert_to_numpy
    # copied, since what TensorFlow gives may be its own memory
    return State(epochs, tuple(np.array(to_numpy(variable)) for variable in _variables(model)))


def _restore(model: keras.Model, state: State) -> None:
    variables = _variables(model)
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in state.variables]:
        raise DataError("the checkpoint is of another network", fix="train again with --overwrite")
    for variable, array in zip(variables, state.variables, strict=True):
        variable.assign(array)
