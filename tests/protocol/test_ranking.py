import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from ckseq.errors import DataError
from ckseq.protocol.ranking import Ranking, alike, rank


@pytest.mark.parametrize(("k", "q"), [(3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_demsars(k, q):
    """Table 5 of the paper, for a confidence of 95 %."""
    found = rank(np.random.default_rng(0).random((14, k)), confidence=0.95)
    assert found.critical_difference == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * 14)), abs=1e-3)


def test_ranks_by_hand_and_friedman_by_scipy():
    accuracies = np.array([[0.9, 0.8, 0.7], [0.6, 0.6, 0.5], [0.3, 0.4, 0.2]])
    found = rank(accuracies, confidence=0.95)
    assert found.mean_ranks.tolist() == pytest.approx([(1 + 1.5 + 2) / 3, (2 + 1.5 + 1) / 3, 3])
    assert found.p_value == pytest.approx(friedmanchisquare(*accuracies.T).pvalue, abs=1e-12)
    assert found.n_blocks == 3


def test_equal_models_are_equal():
    found = rank(np.full((4, 3), 0.5), confidence=0.95)
    assert found.p_value == 1
    assert alike(found) == [(0, 1, 2)]


def test_groups_that_are_not_told_apart():
    found = Ranking(np.array([1.0, 3.2, 1.8, 4.0]), 0.01, 1.5, 10)
    assert alike(found) == [(0, 2), (2, 1), (1, 3)]


@pytest.mark.parametrize("shape", [(5, 2), (1, 3), (0, 3)])
def test_too_few_are_refused(shape):
    with pytest.raises(DataError, match="cannot be ranked"):
        rank(np.ones(shape), confidence=0.95)
