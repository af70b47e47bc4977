import math

import pytest

from ckseq.config import parse
from ckseq.errors import CallError
from ckseq.learn.schedule import learning_rate, plateaus
from ckseq.learn.training_config import TrainingConfig
from ckseq.storage.history import Epoch


def epochs(*losses):
    return tuple(Epoch(number, 1.0, 0.5, loss, 0.5, 1.0) for number, loss in enumerate(losses, start=1))


def rates(n, losses=None, **values):
    config = TrainingConfig(epochs=n, learning_rate=1.0, **values)
    losses = losses or [1.0] * n
    return [learning_rate(config, epochs(*losses[:done])) for done in range(n)]


def test_constant():
    assert rates(3) == [1, 1, 1]


def test_cosine_falls_from_the_whole_rate():
    assert rates(4, schedule="cosine") == pytest.approx([(1 + math.cos(math.pi * i / 4)) / 2 for i in range(4)])


def test_step():
    assert rates(6, schedule="step", decay=0.5, decay_epochs=2) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_plateau_is_that_of_keras():
    import keras

    losses = [5, 4, 4.5, 4.2, 4.1, 3, 3.1, 3.2, 3.3, 3.4, 2.9]
    optimizer = keras.optimizers.SGD(1.0)
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer, loss="mse")
    theirs, callback = [], keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=2, min_delta=0)
    callback.set_model(model)
    callback.on_train_begin()
    for number, loss in enumerate(losses):
        theirs.append(float(optimizer.learning_rate))
        callback.on_epoch_end(number, {"val_loss": loss})
    assert rates(len(losses), losses, schedule="plateau", decay=0.5, decay_epochs=2) == theirs
    assert plateaus(losses, wait=2) == 3


def test_after_the_frozen_epochs_the_rate_is_lower():
    assert rates(4, frozen_epochs=2, thawed_rate=0.25) == [1, 1, 0.25, 0.25]


def test_plateau_needs_a_validation_loss():
    with pytest.raises(CallError, match="plateau needs a validation loss"):
        parse(TrainingConfig, {"schedule": "plateau", "validation": "none"}, where="a.toml [training]")
