import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from ckseq.errors import DataError
from ckseq.protocol.comparison import compare, holm, mcnemar, permutation


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (5, 0), (10, 3), (7, 8), (40, 21)])
def test_mcnemar_equals_statsmodels(counts):
    won, lost = counts
    theirs = 1.0 if won + lost == 0 else reference_mcnemar([[9, won], [lost, 4]], exact=True).pvalue
    assert mcnemar(won, lost) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_permutation_equals_scipys(seed):
    rng = np.random.default_rng(seed)
    gain = rng.integers(-2, 3, 9).astype(float)
    theirs = stats.permutation_test((gain,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    assert permutation(gain, n_draws=10, rng=rng) == pytest.approx(theirs, abs=1e-12)


def test_the_drawn_permutation_comes_near_scipys():
    rng = np.random.default_rng(3)
    gain = rng.integers(-2, 4, 30).astype(float)
    theirs = stats.permutation_test((gain,), np.sum, permutation_type="samples", n_resamples=50000, rng=rng).pvalue
    assert permutation(gain, n_draws=50000, rng=rng) == pytest.approx(theirs, abs=0.01)


@pytest.mark.parametrize("seed", range(4))
def test_holm_equals_statsmodels(seed):
    p = np.random.default_rng(seed).random(6) ** 3
    assert holm(p.tolist()) == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-12)


def test_a_difference_by_hand():
    first = np.array([1, 1, 0, 0, 0, 1.0])
    second = np.array([1, 1, 1, 1, 1, 0.0])
    found = compare(first, second, list("aabbcc"), n_draws=4000, confidence=0.95, rng=np.random.default_rng(0))
    assert (found.won, found.lost, found.n, found.n_subjects) == (3, 1, 6, 3)
    assert found.difference == pytest.approx(2 / 6)
    assert found.mcnemar == pytest.approx(0.625)
    assert found.permutation == 1  # gains 0, 2, 0: either sign is as far from nothing
    assert found.interval == pytest.approx((0, 1), abs=1e-9)


def test_equal_models_do_not_differ():
    same = np.array([1.0, 0, 1, 0])
    found = compare(same, same, list("aabb"), n_draws=100, confidence=0.95, rng=np.random.default_rng(0))
    assert (found.difference, found.mcnemar, found.permutation, found.interval) == (0, 1, 1, (0, 0))


def test_one_person_alone_proves_nothing_however_many_sequences():
    first, second = np.zeros(100), np.ones(100)
    found = compare(first, second, ["ann"] * 100, n_draws=100, confidence=0.95, rng=np.random.default_rng(0))
    assert found.mcnemar < 1e-20
    assert found.permutation == 1


def test_shares_over_seeds_have_no_mcnemar():
    found = compare(
        np.array([0.5, 1.0]), np.array([1.0, 1.0]), list("ab"), n_draws=10, confidence=0.9, rng=np.random.default_rng(0)
    )
    assert np.isnan(found.mcnemar)
    assert found.difference == 0.25


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="2 and 1 predictions cannot be compared"):
        compare(np.ones(2), np.ones(1), list("ab"), n_draws=1, confidence=0.9, rng=np.random.default_rng(0))
