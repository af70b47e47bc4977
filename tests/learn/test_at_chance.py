"""Networks that did not learn."""

import math

import numpy as np
import pytest

from ckseq.learn.at_chance import at_chance, class_frequency_loss
from ckseq.learn.fit import class_weights
from ckseq.storage.history import Epoch

SEVEN = np.repeat(np.arange(7), 5)


def ended(loss, accuracy):
    return (Epoch(1, 9.0, 0.1, math.nan, math.nan, 0.1), Epoch(2, loss, accuracy, math.nan, math.nan, 0.1))


def test_the_loss_of_the_class_frequencies():
    assert class_frequency_loss(SEVEN, np.ones(7)) == pytest.approx(math.log(7))
    # three quarters and a quarter
    expected = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert class_frequency_loss(np.array([2, 2, 2, 5]), np.ones(6)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["none", "balanced", "frequency"])
def test_the_loss_with_class_weights_is_the_lowest_of_a_constant_prediction(kind):
    codes = np.repeat([0, 1, 2], [7, 2, 1])
    weights = class_weights(codes, 3, kind)
    # by trying: the loss as the history has it, of the same probabilities for every input
    tried = np.random.default_rng(0).dirichlet(np.ones(3), 200_000)
    losses = -np.average(np.log(tried)[:, codes], axis=1, weights=weights[codes])
    assert class_frequency_loss(codes, weights) == pytest.approx(losses.min(), rel=1e-3)
    assert class_frequency_loss(codes, weights) <= losses.min() + 1e-6


@pytest.mark.parametrize(
    ("loss", "accuracy", "expected"),
    [(math.log(7), 1 / 7, True), (1.95, 0.15, True), (1.8, 0.15, False), (1.95, 0.3, False), (0.01, 1.0, False)],
)
def test_a_dead_network_and_one_that_learned(loss, accuracy, expected):
    assert at_chance(ended(loss, accuracy), SEVEN, np.ones(7)) == expected


def test_without_epochs_there_is_nothing_to_say():
    assert not at_chance((), SEVEN, np.ones(7))
