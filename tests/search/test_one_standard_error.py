"""Selecting among finalists, with numbers checked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import sem

from ckseq.errors import DataError
from ckseq.search.one_standard_error import gain_over, select

BASELINE = [0.5, 0.5, 0.5, 0.5]


def test_the_gain_is_the_mean_of_the_differences_with_its_standard_error():
    # differences 0.0, 0.2, 0.1, 0.3: mean 0.15, squared deviations 0.0225 + 0.0025 + 0.0025 + 0.0225 = 0.05
    mean, error = gain_over([0.5, 0.7, 0.6, 0.8], BASELINE, test_train_ratio=0)
    assert mean == pytest.approx(0.15)
    assert error == pytest.approx(math.sqrt(0.05 / 3) / 2)
    assert error == pytest.approx(sem([0.0, 0.2, 0.1, 0.3]))
    # folds whose training sets overlap: (1 / 4 + 1 / 2) instead of 1 / 4
    mean, shared = gain_over([0.5, 0.7, 0.6, 0.8], BASELINE, test_train_ratio=0.5)
    assert mean == pytest.approx(0.15)
    assert shared == pytest.approx(math.sqrt(0.05 / 3 * 0.75))


def test_the_best_wins_where_it_is_better_by_more_than_one_standard_error():
    choice = select({3: BASELINE, 7: [0.5, 0.7, 0.6, 0.8], 9: [0.5, 0.5, 0.5, 0.6]}, baseline=3, test_train_ratio=0.5)
    assert (choice.selected, choice.best) == (7, 7)
    assert choice.gain == gain_over([0.5, 0.7, 0.6, 0.8], BASELINE, test_train_ratio=0.5)


def test_within_one_standard_error_the_baseline_is_selected():
    # differences 0.4, -0.2, 0.0, 0.0: mean 0.05, standard error 0.126
    choice = select({3: BASELINE, 7: [0.9, 0.3, 0.5, 0.5]}, baseline=3, test_train_ratio=0)
    assert (choice.selected, choice.best) == (3, 7)
    assert choice.gain.mean == pytest.approx(0.05)
    assert choice.gain.standard_error == pytest.approx(0.1258, abs=1e-4)


def test_a_gain_of_just_one_standard_error_is_not_more():
    # differences 1, 0, 0, 0: mean 1/4, standard error sqrt(3/4 / 3) / 2 = 1/4, without rounding
    assert select({0: [0.0, 0.0, 0.0, 0.0], 1: [1.0, 0.0, 0.0, 0.0]}, baseline=0, test_train_ratio=0).selected == 0


def test_of_equals_the_first_is_the_best():
    assert select({3: BASELINE, 7: BASELINE}, baseline=3, test_train_ratio=0.5) == (3, 3, (0, 0))
    assert select({7: BASELINE, 3: BASELINE}, baseline=None, test_train_ratio=0.5) == (7, 7, None)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=5).map(
        lambda rows: dict(enumerate(rows))
    )
)
def test_the_selected_one_is_never_worse_than_the_baseline(scores):
    selected = select(scores, baseline=0, test_train_ratio=0.5).selected
    assert selected == 0 or np.mean(scores[selected]) > np.mean(scores[0])
    best = select(scores, baseline=0, test_train_ratio=0.5).best
    assert select(scores, baseline=None, test_train_ratio=0.5).selected == best


def test_scores_of_other_folds_are_refused():
    with pytest.raises(DataError, match="no candidates to select from"):
        select({}, baseline=None, test_train_ratio=0.5)
    with pytest.raises(DataError, match="3 and 4 folds cannot be compared"):
        select({0: BASELINE, 1: [1.0, 1.0, 1.0]}, baseline=0, test_train_ratio=0.5)
