import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.protocol.early_classification import (
    SHARES,
    PrefixProbabilities,
    accuracy_by_share,
    apply_rule,
    cross_validated,
    nonconformity,
    stop_threshold,
)


def prefix_predictions(probabilities, truth, subjects=None):
    probabilities = np.array(probabilities, float)
    shares = np.linspace(0, 1, probabilities.shape[1] + 1)[1:]
    names = tuple(subjects or (f"S{number}" for number in range(len(truth))))
    return PrefixProbabilities(("anger", "joy"), shares, probabilities, np.array(truth), names)


BY_HAND = prefix_predictions(
    [
        [[0.6, 0.4], [0.2, 0.8]],  # joy: first classified as anger with 0.6
        [[0.5, 0.5], [0.9, 0.1]],  # anger: correct at the end
        [[0.3, 0.7], [0.05, 0.95]],  # anger: wrong all along
    ],
    [1, 0, 0],
)


def test_figures_by_hand():
    assert SHARES[0] == 0.1
    assert SHARES[-1] == 1.0
    np.testing.assert_allclose(accuracy_by_share(BY_HAND), [1 / 3, 2 / 3])
    np.testing.assert_allclose(nonconformity(BY_HAND), [0.6, 0.5, 0.95])
    # above 0.65 the first and the second stop late and correctly, the third early with a wrong class
    assert apply_rule(BY_HAND, threshold=0.65) == pytest.approx((1, 1 / 3, 2.5 / 3))
    assert apply_rule(BY_HAND, threshold=0.96) == (0, 0, 1)


@given(st.integers(0, 2**32), st.floats(0.01, 0.9))
def test_with_one_sequence_each_it_is_the_conformal_quantile(seed, error_rate):
    scores = np.random.default_rng(seed).random(25)
    found = stop_threshold(scores, [str(number) for number in range(25)], error_rate=error_rate)
    rank = int(np.ceil(26 * (1 - error_rate) - 1e-6))
    assert found == (np.sort(scores)[rank - 1] if rank <= 25 else np.inf)


def test_a_person_with_many_sequences_weighs_as_much_as_another():
    scores = np.array([0.9] * 50 + [0.1, 0.2, 0.3, 0.4])
    subjects = ["A"] * 50 + ["B", "C", "D", "E"]
    # five people and a new one: four sixths of the weight lie at 0.4 or below
    assert stop_threshold(scores, subjects, error_rate=0.34) == 0.4
    assert stop_threshold(scores, subjects, error_rate=0.33) == 0.9


def people(rng, n, n_most):
    """Sequences of people who are easy or hard; the truth becomes more probable as more is seen."""
    subjects, rows = [], []
    for person in range(n):
        skill = rng.normal(0.8, 1.2)
        for _ in range(rng.integers(1, n_most + 1)):
            growth = np.linspace(0.2, 1, 6) * rng.normal(skill, 1.5) + rng.normal(0, 0.6, 6)
            right = 1 / (1 + np.exp(-3 * growth))
            rows.append(np.stack([right, 1 - right], axis=1))
            subjects.append(f"P{person}")
    return prefix_predictions(rows, [0] * len(rows), subjects)


@pytest.mark.parametrize("error_rate", [0.1, 0.25])
def test_the_stated_rate_holds_for_new_people_and_is_not_wasted(error_rate):
    rng = np.random.default_rng(7)
    wrong = []
    for _ in range(400):
        known, new = people(rng, 20, 6), people(rng, 40, 1)
        threshold = stop_threshold(nonconformity(known), known.subjects, error_rate=error_rate)
        # a wrong class above the threshold at any time; whether the rule stopped before is in its favor
        wrong.append(np.mean(nonconformity(new) > threshold))
        assert apply_rule(new, threshold=threshold).wrong <= wrong[-1]
    spread = np.std(wrong) / np.sqrt(len(wrong))
    assert np.mean(wrong) <= error_rate + 3 * spread
    # a person of twenty-one weighs 1 / 21; the bound is not lower than that
    assert np.mean(wrong) >= error_rate - 1 / 21 - 3 * spread


def test_each_person_measures_the_rule_of_the_others():
    known = people(np.random.default_rng(3), 60, 3)
    found = cross_validated(known, error_rate=0.2)
    assert found.wrong <= 0.25
    assert 0.3 < found.stopped <= 1
    assert 0.1 < found.seen < 1
    # of three people two are left, of whom a rule of one in five cannot be told
    assert cross_validated(BY_HAND, error_rate=0.2) == (0, 0, 1)


def test_too_few_people_never_stop():
    known = people(np.random.default_rng(0), 5, 2)
    threshold = stop_threshold(nonconformity(known), known.subjects, error_rate=0.05)
    assert apply_rule(known, threshold=threshold) == (0, 0, 1)
