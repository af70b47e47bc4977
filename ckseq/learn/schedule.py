"""Learning rate schedules."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ckseq.learn.training_config import TrainingConfig
from ckseq.storage.history import Epoch


def learning_rate(config: TrainingConfig, epochs: Sequence[Epoch]) -> float:
    """Return the learning rate of the next epoch; it depends only on the config and the epochs so far.

    Parameters
    ----------
    config : TrainingConfig
    epochs : sequence of Epoch
        The completed ones.
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
    """Count how often a loss reached no new minimum for ``wait`` epochs; the count restarts after each.

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
