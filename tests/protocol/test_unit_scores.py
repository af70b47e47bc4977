"""Scores of action units, against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, roc_auc_score

from ckseq.protocol.unit_scores import _weighted_aucs, aucs, score_intensities, score_units


def scored(shown, probabilities, subjects, **options):
    named = {"n_draws": 200, "confidence": 0.95, "rng": np.random.default_rng(0), **options}
    units = tuple(str(number) for number in range(shown.shape[1]))
    return score_units(units, shown, probabilities, subjects, **named)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 6), st.integers(0, 3)), min_size=2, max_size=40))
def test_the_area_with_ties_and_weights_is_that_of_scikit_learn(rows):
    shown, scores, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = _weighted_aucs(shown.astype(bool), scores / 6, weights[None].astype(float), np.zeros(len(shown), int))[0]
    if weights[shown].sum() == 0 or weights[~shown].sum() == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(roc_auc_score(shown, scores / 6, sample_weight=weights))


def test_each_unit_is_scored_by_itself():
    rng = np.random.default_rng(1)
    shown = rng.random((60, 3)) < (0.1, 0.5, 0.8)
    probabilities = np.clip(0.3 * shown + rng.random((2, 60, 3)) * 0.7, 0, 1)
    scores = scored(shown, probabilities, [f"S{n // 5}" for n in range(60)])
    for k, one in enumerate(scores.units):
        of_seeds = [roc_auc_score(shown[:, k], seed[:, k]) for seed in probabilities]
        assert one.auc == pytest.approx(np.mean(of_seeds))
        assert one.f1 == pytest.approx(np.mean([f1_score(shown[:, k], seed[:, k] >= 0.5) for seed in probabilities]))
        assert one.f1_always == pytest.approx(f1_score(shown[:, k], np.ones(60)))
        assert (one.n_positives, one.prevalence) == (shown[:, k].sum(), shown[:, k].mean())
        assert one.interval.low <= one.auc <= one.interval.high
    assert scores.mean_auc == pytest.approx(np.mean([one.auc for one in scores.units]))
    assert aucs(shown, probabilities[0])[1] == pytest.approx(roc_auc_score(shown[:, 1], probabilities[0, :, 1]))
    assert (scores.n, scores.n_subjects, scores.n_seeds) == (60, 12, 2)


def test_intervals_are_of_people_and_not_of_sequences():
    rng = np.random.default_rng(2)
    shown = rng.random((30, 1)) < 0.5
    probabilities = np.clip(0.2 * shown + rng.random((1, 30, 1)) * 0.8, 0, 1)
    people = [f"S{n}" for n in range(30)]
    once = scored(shown, probabilities, people)
    # every sequence ten times over says nothing new
    tenfold = scored(np.repeat(shown, 10, axis=0), np.repeat(probabilities, 10, axis=1), np.repeat(people, 10))
    assert tenfold.interval == pytest.approx(once.interval)
    assert tenfold.units[0].interval == pytest.approx(once.units[0].interval)


def test_of_fewer_than_ten_people_sequences_are_drawn_and_of_fewer_than_five_nothing():
    rng = np.random.default_rng(2)
    shown = rng.random((24, 2)) < 0.5
    probabilities = np.clip(0.3 * shown + rng.random((1, 24, 2)) * 0.7, 0, 1)
    sequences = [str(n) for n in range(24)]
    of_two = scored(shown, probabilities, ["a", "b"] * 12)
    assert (of_two.resampled, of_two.n_subjects) == ("sequence", 2)
    # as if every sequence were of another person, not as of two people
    alone = scored(shown, probabilities, sequences)
    assert (alone.resampled, alone.n_subjects) == ("subject", 24)
    assert [one.interval.high - one.interval.low for one in of_two.units] == pytest.approx(
        [one.interval.high - one.interval.low for one in alone.units], rel=0.3
    )
    few = scored(shown[:4], probabilities[:, :4], list("abab"))
    assert np.isnan(few.interval).all()


def test_a_perfect_area_has_no_interval_since_all_resamples_give_it():
    shown = np.array([[True], [False]] * 12)
    scores = scored(shown, np.where(shown, 0.9, 0.1)[None], [str(n // 2) for n in range(24)])
    assert (scores.mean_auc, scores.resampled) == (1, "subject")
    assert np.isnan(scores.interval).all()


def test_a_unit_that_nobody_shows_has_no_area_and_spoils_no_mean():
    shown = np.array([[True, False], [False, False]] * 3)
    scores = scored(shown, np.where(shown, 0.9, 0.1)[None], list("aabbcc"))
    assert np.isnan(scores.units[1].auc)
    assert np.isnan(scores.units[1].interval.low)
    assert scores.mean_auc == 1


def test_of_a_unit_that_is_shown_once_or_twice_no_area_is_claimed():
    shown = np.zeros((60, 4), bool)
    for k, n in enumerate((2, 3, 20, 58)):
        shown[:n, k] = True
    probabilities = np.random.default_rng(5).random((1, 60, 4))
    scores = scored(shown, probabilities, [f"S{n}" for n in range(60)])
    assert scores.unmeasured == ("0", "3")  # also a unit that all but two show
    # three sequences are an area, but resampling them tells nothing of how sure it is
    assert scores.units[1].auc == pytest.approx(roc_auc_score(shown[:, 1], probabilities[0, :, 1]))
    assert np.isnan(scores.units[1].interval).all()
    assert not np.isnan(scores.units[2].interval).any()
    assert scores.mean_auc == pytest.approx(np.mean([scores.units[k].auc for k in (1, 2)]))
    assert np.isnan(aucs(shown, probabilities[0])).tolist() == [True, False, False, True]


def test_the_mean_over_intensities_is_the_area():
    rng = np.random.default_rng(3)
    shown = rng.random((80, 2)) < 0.4
    levels = np.where(shown, rng.integers(1, 4, (80, 2)), 0)
    # stronger units are surer, in steps so that there are ties
    probabilities = np.round(np.clip(0.15 * levels + rng.random((1, 80, 2)) * 0.5, 0, 1), 1)
    options = {"n_draws": 100, "confidence": 0.95, "rng": np.random.default_rng(0)}
    found = score_intensities(levels, shown, probabilities, [f"S{n // 8}" for n in range(80)], **options)
    assert [one.intensity for one in found] == [1, 2, 3]
    assert found[0].auc < found[1].auc < found[2].auc
    assert all(one.interval.low <= one.auc <= one.interval.high for one in found)
    areas = aucs(shown, probabilities[0])
    assert sum(one.n * one.auc for one in found) == pytest.approx((areas * shown.sum(axis=0)).sum())
    weakest = shown[:, :1] & (levels[:, :1] == 1) | ~shown[:, :1]
    alone = score_intensities(levels[:, :1], shown[:, :1], probabilities[..., :1], ["S"] * 80, **options)[0]
    assert alone.auc == pytest.approx(roc_auc_score(shown[weakest[:, 0], 0], probabilities[0, weakest[:, 0], 0]))


def test_the_area_counts_only_pairs_of_the_same_fold():
    rng = np.random.default_rng(6)
    shown, folds = rng.random((90, 2)) < 0.4, np.arange(90) % 3
    probabilities = np.round(rng.random((1, 90, 2)) * 0.3 + 0.1 * shown, 2)
    subjects = [f"S{n // 6}" for n in range(90)]
    scores = scored(shown, probabilities, subjects, folds=folds)
    for k in range(2):
        parts = [(shown[folds == f, k], probabilities[0, folds == f, k]) for f in range(3)]
        pairs = [truth.sum() * (~truth).sum() for truth, _ in parts]
        expected = np.average([roc_auc_score(*part) for part in parts], weights=pairs)
        assert scores.units[k].auc == pytest.approx(expected)
        assert aucs(shown, probabilities[0], folds)[k] == pytest.approx(expected)
    # offsets of the folds change neither the areas nor their intervals
    assert scored(shown, probabilities + folds[:, None] * 0.2, subjects, folds=folds).interval == pytest.approx(
        scores.interval
    )


def test_the_prevalence_in_training_as_prediction_is_chance():
    rng = np.random.default_rng(7)
    shown, folds = rng.random((100, 3)) < 0.3, np.arange(100) // 20
    prevalence = np.array([shown[folds != fold].mean(axis=0) for fold in folds])
    scores = scored(shown, prevalence[None], [f"S{n // 5}" for n in range(100)], folds=folds)
    assert [one.auc for one in scores.units] == [0.5] * 3
    assert scores.mean_auc == 0.5
    options = {"n_draws": 50, "confidence": 0.95, "rng": np.random.default_rng(0), "folds": folds}
    levels = shown.astype(int)
    (found,) = score_intensities(levels, shown, prevalence[None], [f"S{n}" for n in range(100)], **options)
    assert found.auc == 0.5


def test_a_unit_that_no_fold_tests_with_and_without_has_no_area():
    shown = np.array([[True]] * 5 + [[False]] * 5)
    scores = scored(shown, np.full((1, 10, 1), 0.5), [f"S{n}" for n in range(10)], folds=[0] * 5 + [1] * 5)
    assert scores.unmeasured == ("0",)
