"""The learning rate of each epoch, as the epochs before it tell it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ckseq.storage.history import Epoch

if TYPE_CHECKING:
    from ckseq.learn.fit import TrainingConfig


def learning_rate(config: TrainingConfig, epochs: Sequence[Epoch]) -> float:
    """Return the learning rate of the next epoch; it depends on nothing but the config and the epochs so far.

    Parameters
    ----------
    config : TrainingConfig
    epochs : sequence of Epoch
        Those that are done.
    """
    done = len(epochs)
    thawed = bool(config.frozen_epochs) and done >= config.frozen_epochs
    rate = config.learning_rate * (config.thawed_rate if thawed else 1)
    match config.schedule:
        case "cosine":
            return rate * (1 + math.cos(math.pi * done / config.epochs)) / 2
        case "step":
            return rate * config.decay ** (done // config.decay_epochs)
        case "plateau":
            return rate * config.decay ** plateaus([epoch.val_loss for epoch in epochs], wait=config.decay_epochs)
        case _:
            return rate


def plateaus(losses: Sequence[float], *, wait: int) -> int:
    """Count how often a loss did not reach a new low for so many epochs; the count starts anew after each.

    >>> plateaus([3, 2, 2, 2, 2, 2, 1], wait=2)
    2
    """
    lowest, waited, found = math.inf, 0, 0
    for loss in losses:
        waited += 1
        if loss < lowest:
            lowest, waited = loss, 0
        if waited == wait:
            found, waited = found + 1, 0
    return found
