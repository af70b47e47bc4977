import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from ckseq.errors import DataError
from ckseq.protocol.bootstrap import by_subject
from ckseq.protocol.intervals import (
    LEAST_SUBJECTS,
    N_DRAWS,
    SEED,
    IntervalMethod,
    accuracy_interval,
    wilson_interval,
)


def made(n_subjects, n_each=4, seed=0):
    rng = np.random.default_rng(seed)
    skill = rng.uniform(0.4, 1, n_subjects)
    right = np.concatenate([rng.random(n_each) < one for one in skill])
    return right, [f"S{number:03}" for number in range(n_subjects) for _ in range(n_each)]


def test_with_ten_people_the_interval_is_that_of_the_bootstrap_over_subjects():
    right, subjects = made(LEAST_SUBJECTS)
    truth, predicted = np.zeros(len(right), int), (~right).astype(int)
    theirs = by_subject(
        truth, predicted, np.full((len(right), 2), 0.5), subjects, n_bins=10, n_draws=N_DRAWS, confidence=0.95,
        rng=np.random.default_rng(SEED),
    )  # fmt: skip
    ends, method = accuracy_interval(right, subjects, confidence=0.95)
    assert ends == pytest.approx(theirs["accuracy"], abs=1e-12)
    assert method == IntervalMethod("bootstrap_by_subject", 40, 10)


@pytest.mark.parametrize(
    ("right", "subjects", "reason"),
    [
        (made(9)[0], made(9)[1], "9 subjects are too few"),
        (made(20)[0], None, "the subjects are unknown"),
        (np.tile([1, 1, 1, 0], 12), [f"S{n // 4}" for n in range(48)], "no width, since all have the same accuracy"),
        (np.ones(48), [f"S{n // 4}" for n in range(48)], "no width"),
        (np.zeros(48), [f"S{n // 4}" for n in range(48)], "no width"),
        (np.ones(3), ["S1"] * 3, "1 subject is too few"),
    ],
)
def test_otherwise_it_is_wilsons_of_sequences_and_says_why(right, subjects, reason):
    ends, method = accuracy_interval(right, subjects, confidence=0.95)
    assert ends == wilson_interval(int(right.sum()), len(right), confidence=0.95)
    assert ends.low < ends.high
    assert method.kind == "wilson"
    assert reason in method.reason


@given(st.integers(1, 14), st.integers(1, 4), st.integers(1, 3), st.randoms(use_true_random=False))
def test_no_interval_is_without_width_and_seeds_do_not_narrow_it(n_subjects, n_each, repeats, random):
    subjects = [f"S{number}" for number in range(n_subjects) for _ in range(n_each)]
    right = [random.random() < 0.8 for _ in subjects]
    once, method = accuracy_interval(right, subjects, confidence=0.95)
    assert 0 <= once.low < once.high <= 1
    assert once.low <= np.mean(right) <= once.high
    again = accuracy_interval(right * repeats, subjects * repeats, repeats=repeats, confidence=0.95)
    assert again[0] == pytest.approx(once, abs=1e-12)
    assert again[1] == method


@given(
    counts=st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
@settings(deadline=None)
def test_wilson_equals_statsmodels(counts, confidence):
    expected = proportion_confint(*counts, alpha=1 - confidence, method="wilson")
    assert wilson_interval(*counts, confidence=confidence) == pytest.approx(expected, abs=1e-12)


def test_the_papers_37_of_42():
    low, high = wilson_interval(37, 42, confidence=0.95)
    assert (round(low, 2), round(high, 2)) == (0.75, 0.95)


def test_no_predictions_are_refused():
    with pytest.raises(DataError, match="not a rate"):
        accuracy_interval([], None, confidence=0.95)


@pytest.mark.parametrize(("successes", "n", "confidence"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_rates_that_cannot_be(successes, n, confidence):
    with pytest.raises(DataError):
        wilson_interval(successes, n, confidence=confidence)
