import math
import os
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest

from ckseq.config import parse
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.learn import backend
from ckseq.learn.checkpoint import CHECKPOINT, read_checkpoint, write_checkpoint
from ckseq.learn.fit import Labeled, TrainingState, fit
from ckseq.learn.training_config import TrainingConfig
from ckseq.signal.augment import AugmentConfig

CONFIG = TrainingConfig(epochs=4, batch_size=8)
PLAIN = AugmentConfig()

# Trains as the tests below do, and dies in the middle of the third epoch.
KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_fit
from ckseq.learn import fit
from ckseq.learn.checkpoint import write_checkpoint

full_batch, steps = fit.full_batch, []

def dying(model, step):
    update = full_batch(model, step)

    def update_or_die(*batch):
        if step == model.train_step:
            steps.append(1)
            if len(steps) == 2 * 3 + 2:
                os.kill(os.getpid(), signal.SIGKILL)
        return update(*batch)

    return update_or_die

fit.full_batch = dying
network = test_fit.tiny_network(seed=5)
test_fit.trained(network, on_epoch=lambda state: write_checkpoint(Path({folder!r}), state, made_from="m"))
"""


def material(n, seed):
    rng = np.random.default_rng(seed)
    codes = np.arange(n) % 3
    x = rng.normal(size=(n, 5, 2, 6, 1)).astype(np.float32)
    x[:, :, 0, :3, 0] += codes[:, None, None]
    return Labeled(x, codes, tuple(f"S{i % 7}" for i in range(n)))


TRAIN, TEST = material(20, seed=1), material(9, seed=2)


def tiny_network(seed):
    backend.start(seed)
    layers = backend.load_keras().layers
    stages = [layers.Input((5, 2, 6, 1)), layers.Flatten(), layers.Dropout(0.5), layers.Dense(4, activation="relu")]
    return backend.load_keras().Sequential([*stages, layers.Dropout(0.3), layers.Dense(3, activation="softmax")])


def trained(network, *, config=CONFIG, augmentation=PLAIN, seed=5, resume=None, on_epoch=lambda state: None):
    states = []

    def keep(state):
        states.append(state)
        on_epoch(state)

    validation = None if config.validation == "none" else TEST
    fit(
        network,
        config,
        augmentation=augmentation,
        train=TRAIN,
        validation=validation,
        seed=seed,
        resume=resume,
        on_epoch=keep,
    )
    return states


def assert_equal(state: TrainingState, other: TrainingState):
    """To the bit, but for the clock."""
    assert [epoch[:5] for epoch in state.epochs] == [epoch[:5] for epoch in other.epochs]
    assert len(state.variables) == len(other.variables)
    for one, two in zip(state.variables, other.variables, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.fixture(scope="session")
def uninterrupted():
    return trained(tiny_network(seed=5))


def test_another_seed_gives_another_training(uninterrupted):
    assert trained(tiny_network(seed=6))[-1].epochs[-1].loss != uninterrupted[-1].epochs[-1].loss


def test_the_order_of_the_batches_follows_the_seed(uninterrupted):
    assert trained(tiny_network(seed=5), seed=6)[-1].epochs[-1].loss != uninterrupted[-1].epochs[-1].loss


def test_the_same_seed_gives_the_same_bits_and_the_history_is_that_of_keras(uninterrupted):
    """The last epoch's test figures, measured by Keras itself on the final network."""
    states = trained(network := tiny_network(seed=5))
    assert_equal(states[-1], uninterrupted[-1])
    loss, accuracy = network.evaluate(TEST.x, np.eye(3)[TEST.codes], verbose=0)
    last = states[-1].epochs[-1]
    assert [epoch.epoch for epoch in states[-1].epochs] == [1, 2, 3, 4]
    assert (last.val_loss, last.val_accuracy) == pytest.approx((loss, accuracy), rel=1e-5)
    assert all(0 <= epoch.accuracy <= 1 and epoch.seconds > 0 for epoch in states[-1].epochs)


def test_a_step_is_traced_once():
    network, traced = tiny_network(seed=5), []
    loss = network.compute_loss
    network.compute_loss = lambda *given, **named: traced.append(1) or loss(*given, **named)
    trained(network, config=TrainingConfig(epochs=2, batch_size=10, validation="none"))
    assert len(traced) == 1


def test_it_learns():
    last = trained(
        tiny_network(seed=5), config=TrainingConfig(epochs=20, batch_size=8, learning_rate=0.03, validation="none")
    )[-1]
    assert last.epochs[-1].loss < 0.7 * last.epochs[0].loss


def test_validation_without_early_stopping_is_a_curve_only(uninterrupted):
    """The same bits as when the same data is measured for the curve, and every epoch is trained."""
    given = CONFIG.model_copy(update={"validation": "given", "patience": 1, "early_stopping": False})
    network = tiny_network(seed=5)
    states = trained(network, config=given)
    assert not states[-1].best
    assert_equal(states[-1], uninterrupted[-1])
    for variable, last in zip(network.variables, states[-1].variables, strict=False):
        np.testing.assert_array_equal(variable.numpy(), last)


@pytest.mark.parametrize("epoch", [1, 4])
def test_going_on_from_an_epoch_ends_in_the_same_bits(uninterrupted, epoch):
    # another seed: whatever matters has to come from the state
    states = trained(tiny_network(seed=99), resume=uninterrupted[epoch - 1])
    assert len(states) == 4 - epoch
    if states:
        assert_equal(states[-1], uninterrupted[-1])


def test_going_on_after_a_kill_ends_in_the_same_bits(uninterrupted, tmp_path):
    code = KILLED.format(tests=os.path.dirname(__file__), folder=str(tmp_path))  # noqa: PTH120
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert done.stderr == ""
    assert sorted(os.listdir(tmp_path)) == [CHECKPOINT]  # noqa: PTH208
    state = read_checkpoint(tmp_path, made_from="m")
    assert_equal(state, uninterrupted[1])
    assert_equal(trained(tiny_network(seed=99), resume=state)[-1], uninterrupted[-1])


def test_another_optimizer_goes_on_in_the_same_bits():
    config = TrainingConfig(epochs=2, batch_size=8, optimizer="nadam")
    states = trained(tiny_network(seed=5), config=config)
    assert_equal(trained(tiny_network(seed=6), config=config, resume=states[0])[-1], states[1])


def test_ctrl_c_passes_and_leaves_the_epochs_before_it():
    states = []

    def interrupt(state):
        states.append(state)
        if len(states) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tiny_network(seed=5), on_epoch=interrupt)
    assert len(states[-1].epochs) == 2


def test_without_validation_nothing_is_measured_and_the_training_is_the_same(uninterrupted):
    states = trained(tiny_network(seed=5), config=CONFIG.model_copy(update={"validation": "none"}))
    assert math.isnan(states[-1].epochs[-1].val_loss)
    assert math.isnan(states[-1].epochs[-1].val_accuracy)
    assert states[-1].epochs[-1].loss == uninterrupted[-1].epochs[-1].loss


def test_steps_in_parts_go_on_in_the_same_bits():
    config = TrainingConfig(epochs=2, batch_size=8, micro_batch_size=3)
    states = trained(tiny_network(seed=5), config=config)
    assert_equal(trained(tiny_network(seed=6), config=config, resume=states[0])[-1], states[1])


class Unread:
    """Sequences that are made when they are asked for."""

    def __init__(self, rows, shape):
        self.rows, self.shape = rows, (len(rows), *shape)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        return Unread(self.rows[rows], self.shape[1:])

    def __array__(self, dtype=None, copy=None):
        return np.broadcast_to(self.rows[:, None, None, None, None], self.shape).astype(np.float32)


def test_memory_does_not_grow_with_the_number_of_sequences():
    """Of 4 sequences as of 64, no more is held than the parts of a batch, and one that is read ahead."""
    shape = (5, 20, 600, 1)
    layers = backend.load_keras().layers
    stages = [layers.Input(shape), layers.GlobalAveragePooling3D(), layers.Dense(3, activation="softmax")]
    network = backend.load_keras().Sequential(stages)
    peaks = []
    for n in (4, 4, 64):  # the first makes what is made once
        data = Labeled(Unread(np.arange(n), shape), np.arange(n) % 3, tuple(map(str, range(n))))
        tracemalloc.start()
        config = TrainingConfig(epochs=1, batch_size=4, micro_batch_size=2)
        fit(
            network,
            config,
            augmentation=PLAIN,
            train=data,
            validation=data,
            seed=5,
            resume=None,
            on_epoch=lambda _: None,
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    part = 2 * 5 * 20 * 600 * 4
    assert part < peaks[1]
    assert max(peaks[1:]) < 7 * part  # the 64 sequences are 32 parts


def test_a_loss_that_is_no_number_ends_the_training():
    with pytest.raises(CkseqError, match=r"not a number after epoch \d+; lower training.learning_rate"):
        trained(tiny_network(seed=5), config=TrainingConfig(epochs=9, optimizer="sgd", learning_rate=1e30))


def test_a_state_of_another_network_is_refused(uninterrupted):
    state = TrainingState(uninterrupted[0].epochs, uninterrupted[0].variables[1:])
    with pytest.raises(DataError, match="of another network"):
        trained(tiny_network(seed=5), resume=state)


def test_checkpoints_are_read_as_written(uninterrupted, tmp_path):
    assert read_checkpoint(tmp_path, made_from="m") is None
    write_checkpoint(tmp_path, uninterrupted[2], made_from="m")
    read = read_checkpoint(tmp_path, made_from="m")
    assert_equal(read, uninterrupted[2])
    assert read.epochs == uninterrupted[2].epochs
    assert [array.dtype for array in read.variables] == [array.dtype for array in uninterrupted[2].variables]


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"{}" * 99])
def test_a_damaged_checkpoint_is_told(uninterrupted, tmp_path, damage):
    write_checkpoint(tmp_path, uninterrupted[0], made_from="m")
    (tmp_path / CHECKPOINT).write_bytes(damage((tmp_path / CHECKPOINT).read_bytes()))
    with pytest.raises(DataError, match=r"checkpoint.npz: is cut short or not a checkpoint.*--overwrite"):
        read_checkpoint(tmp_path, made_from="m")


def test_a_checkpoint_of_another_training_is_refused(uninterrupted, tmp_path):
    write_checkpoint(tmp_path, uninterrupted[0], made_from="one")
    with pytest.raises(DataError, match="is that of another training"):
        read_checkpoint(tmp_path, made_from="another")


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(CallError, match="out of range"):
        backend.start(seed)


@pytest.mark.parametrize("values", [{"epochs": 0}, {"batch_size": 0}, {"optimizer": "adamw"}, {"learning_rate": 0.0}])
def test_impossible_values_name_the_key(values):
    with pytest.raises(CallError, match=next(iter(values))):
        parse(TrainingConfig, values, where="a.toml [training]")
