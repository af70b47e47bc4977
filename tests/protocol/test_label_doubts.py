"""Confident learning: flipped labels are found, and nothing is doubted without a reason."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ckseq.protocol.label_doubts import label_doubts


def test_worked_by_hand():
    # mean probability of the own class: 0.55 of class 0, 0.5 of class 1, 0.8 of class 2
    truth = np.array([0, 0, 1, 1, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]])
    found = label_doubts(truth, probabilities)
    # both have a margin of -0.3, so they stay in order
    assert [(one.row, one.suggested) for one in found] == [(1, 1), (2, 0)]
    assert (found[0].p_label, found[0].p_suggested) == (0.3, 0.6)


def test_a_probability_below_what_is_usual_for_a_class_is_no_doubt():
    truth = np.array([0, 1, 1])
    # the first is called 1, but less surely than sequences of 1 usually are
    assert label_doubts(truth, np.array([[0.45, 0.55], [0.1, 0.9], [0.2, 0.8]])) == ()


def test_flipped_labels_are_found():
    rng = np.random.default_rng(0)
    real = rng.integers(0, 4, 200)
    probabilities = rng.dirichlet(np.ones(4), 200) * 0.4
    probabilities[np.arange(200), real] += 0.6
    flipped = rng.choice(200, 12, replace=False)
    # as sure as half of the others of the class, which is what the threshold asks for
    probabilities[flipped] = 0.05
    probabilities[flipped, real[flipped]] = 0.85
    label = real.copy()
    label[flipped] = (real[flipped] + 1) % 4
    found = label_doubts(label, probabilities)
    assert {one.row for one in found} == set(flipped.tolist())
    assert all(one.suggested == real[one.row] for one in found)


@given(arrays(float, st.tuples(st.integers(1, 30), st.just(3)), elements=st.floats(0.01, 1)), st.data())
def test_no_doubt_agrees_with_its_label_and_the_most_doubtful_come_first(weights, data):
    probabilities = weights / weights.sum(axis=1, keepdims=True)
    truth = np.array(data.draw(st.lists(st.integers(0, 2), min_size=len(weights), max_size=len(weights))))
    found = label_doubts(truth, probabilities)
    assert all(one.suggested != truth[one.row] for one in found)
    margins = []
    for one in found:
        others = np.delete(probabilities[one.row], truth[one.row])
        margins.append(probabilities[one.row, truth[one.row]] - others.max())
    assert margins == pytest.approx(sorted(margins))
