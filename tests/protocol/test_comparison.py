import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.multitest import multipletests

from ckseq.errors import DataError
from ckseq.protocol.comparison import compare, compare_pairs, holm, mcnemar


@pytest.mark.parametrize("counts", [(0, 0), (1, 0), (5, 0), (10, 3), (7, 8), (40, 21)])
def test_mcnemar_equals_statsmodels(counts):
    won, lost = counts
    theirs = 1.0 if won + lost == 0 else reference_mcnemar([[9, won], [lost, 4]], exact=True).pvalue
    assert mcnemar(won, lost) == pytest.approx(theirs, abs=1e-12)


def of_gains(gain, n_each):
    """Two models and subjects of so many sequences each, on which the second gains so much."""
    first, second, subjects = [], [], []
    for number, (one, n) in enumerate(zip(gain, n_each, strict=True)):
        first += [1.0] * max(0, -one) + [0.0] * (n - max(0, -one))
        second += [1.0] * max(0, one) + [0.0] * (n - max(0, one))
        subjects += [f"S{number}"] * n
    return np.array(first), np.array(second), subjects


def compared(gain, n_each, *, n_draws=2000, confidence=0.95, seed=0):
    rng = np.random.default_rng(seed)
    return compare(*of_gains(gain, n_each), n_draws=n_draws, confidence=confidence, rng=rng)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_permutation_equals_scipys(seed):
    gain = np.random.default_rng(seed).integers(-2, 3, 9)
    theirs = stats.permutation_test((gain,), np.sum, permutation_type="samples", n_resamples=np.inf).pvalue
    found = compared(gain.tolist(), [2] * 9)
    assert (found.test, found.p_value) == ("permutation", pytest.approx(theirs, abs=1e-12))


def test_the_drawn_permutation_comes_near_scipys():
    rng = np.random.default_rng(3)
    gain = rng.integers(-2, 4, 30)
    theirs = stats.permutation_test((gain,), np.sum, permutation_type="samples", n_resamples=50000, rng=rng).pvalue
    assert compared(gain.tolist(), [3] * 30, n_draws=50000).p_value == pytest.approx(theirs, abs=0.01)


def p_value_of_a_difference(gain, n_each, difference):
    """The p-value of the permutation test of another difference than 0, by enumeration."""
    left = np.array(gain) - difference * np.array(n_each)
    signs = np.array(list(itertools.product((-1, 1), repeat=len(gain))))
    return (np.abs(signs @ left) >= abs(left.sum()) - 1e-9).mean()


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(-4, 4)), min_size=2, max_size=7), st.sampled_from([0.8, 0.95]))
def test_the_interval_holds_what_the_test_does_not_reject(people, confidence):
    n_each = [n for n, _ in people]
    gain = [max(-n, min(n, one)) for n, one in people]
    found = compared(gain, n_each, confidence=confidence)
    if found.test == "permutation" and found.interval is not None:
        low, high = found.interval
        for inside in (low + 1e-6, (low + high) / 2, high - 1e-6):
            assert p_value_of_a_difference(gain, n_each, inside) > 1 - confidence - 1e-9
        for beyond in (low - 1e-6, high + 1e-6):
            if abs(beyond) < 1:
                assert p_value_of_a_difference(gain, n_each, beyond) <= 1 - confidence + 1e-9


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=18), st.integers(3, 4), st.booleans(), st.sampled_from([1, 3]))
def test_interval_and_verdict_never_contradict_each_other(gain, n, known, seeds):
    first, second, subjects = of_gains(gain, [n] * len(gain))
    first, second = first / seeds, second / seeds  # shares that are not exact numbers
    found = compare(
        first, second, subjects if known else None, n_draws=500, confidence=0.95, rng=np.random.default_rng(0)
    )
    assert found.test == ("permutation" if known or (seeds > 1 and any(first + second)) else "mcnemar")
    if found.interval is not None:
        low, high = found.interval
        assert low <= found.difference <= high
        assert (low > 0 or high < 0) == (found.p_value < 0.05)


@pytest.mark.parametrize("shares", [False, True])
def test_many_pairs_are_corrected_together_with_their_intervals(shares):
    rng = np.random.default_rng(1)
    models = [(rng.random(90) < p).astype(float) for p in (0.5, 0.62, 0.7, 0.9)]
    models = [(one + (rng.random(90) < 0.6)) / 2 for one in models] if shares else models
    couples = list(itertools.combinations(models, 2))
    subjects = [f"S{number // 5}" for number in range(90)]
    found = compare_pairs(couples, subjects, n_draws=2000, confidence=0.95, seed=0)
    assert [one.p_holm for one in found] == pytest.approx(holm([one.difference.p_value for one in found]))
    verdicts = [one.p_holm < 0.05 for one in found]
    assert True in verdicts
    assert False in verdicts
    for one, significant in zip(found, verdicts, strict=True):
        low, high = one.difference.interval
        assert (low > 0 or high < 0) == significant


def test_one_sequence_for_each_subject_is_mcnemars_test():
    first, second = np.array([1, 1, 0, 0, 0, 0, 0, 0.0]), np.array([1, 0, 1, 1, 1, 1, 1, 1.0])
    each = compare(first, second, list("abcdefgh"), n_draws=10, confidence=0.95, rng=np.random.default_rng(0))
    assert (each.test, each.p_value) == ("mcnemar", pytest.approx(stats.binomtest(6, 7).pvalue))
    share = stats.binomtest(6, 7).proportion_ci(0.95, method="exact")
    assert each.interval == pytest.approx(((2 * share.low - 1) * 7 / 8, (2 * share.high - 1) * 7 / 8))
    unknown = compare(first, second, None, n_draws=10, confidence=0.95, rng=np.random.default_rng(0))
    assert unknown == each._replace(n_subjects=None)


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
    assert found.p_value == 1  # gains 0, 2, 0: either sign is as far from nothing
    assert found.interval == (-1, 1)


def test_equal_models_do_not_differ():
    same = np.tile([1.0, 0], 6)
    found = compare(same, same, list("aabbccddeeff"), n_draws=100, confidence=0.95, rng=np.random.default_rng(0))
    # an interval without width would claim to know that they never differ
    assert (found.difference, found.mcnemar, found.p_value, found.interval) == (0, 1, 1, None)


def test_one_person_alone_proves_nothing_however_many_sequences():
    first, second = np.zeros(100), np.ones(100)
    found = compare(first, second, ["ann"] * 100, n_draws=100, confidence=0.95, rng=np.random.default_rng(0))
    assert found.mcnemar < 1e-20
    assert (found.p_value, found.interval) == (1, (-1, 1))


def test_shares_over_seeds_have_no_mcnemar():
    found = compare(
        np.array([0.5, 1.0]), np.array([1.0, 1.0]), None, n_draws=10, confidence=0.9, rng=np.random.default_rng(0)
    )
    assert np.isnan(found.mcnemar)
    assert found.test == "permutation"
    assert found.difference == 0.25


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(DataError, match="2 and 1 predictions cannot be compared"):
        compare(np.ones(2), np.ones(1), list("ab"), n_draws=1, confidence=0.9, rng=np.random.default_rng(0))
