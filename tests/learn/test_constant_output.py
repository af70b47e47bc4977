"""Networks that predict much the same for everything."""

import math

import numpy as np
import pytest

from ckseq.learn.constant_output import class_frequency_loss, is_constant
from ckseq.storage.history import Epoch

SEVEN = np.repeat(np.arange(7), 5)


def ended(loss, accuracy):
    return (Epoch(1, 9.0, 0.1, math.nan, math.nan, 0.1), Epoch(2, loss, accuracy, math.nan, math.nan, 0.1))


def test_the_loss_of_the_class_frequencies():
    assert class_frequency_loss(SEVEN) == pytest.approx(math.log(7))
    # three quarters and a quarter
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert class_frequency_loss(np.array([2, 2, 2, 5])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "accuracy", "constant"),
    [(math.log(7), 1 / 7, True), (1.95, 0.15, True), (1.8, 0.15, False), (1.95, 0.3, False), (0.01, 1.0, False)],
)
def test_a_dead_network_is_told_from_one_that_learned(loss, accuracy, constant):
    assert is_constant(ended(loss, accuracy), SEVEN) == constant


def test_without_epochs_there_is_nothing_to_say():
    assert not is_constant((), SEVEN)
