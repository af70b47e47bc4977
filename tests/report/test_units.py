"""What is said of action units where few people were tested."""

import json

import numpy as np
import pytest

from ckseq.protocol.leakage import FIRST_FRAME
from ckseq.protocol.unit_scores import score_units
from ckseq.report.units import unit_baseline_sentences, units_banner, units_headline, units_tree
from ckseq.storage.run_record import UnitBaselineRecord, UnitBaselinesRecord


def scores_of(n_people, n=24):
    rng = np.random.default_rng(2)
    shown = rng.random((n, 2)) < 0.5
    probabilities = np.clip(0.4 * shown + rng.random((1, n, 2)) * 0.6, 0, 1)
    subjects = [f"S{row % n_people}" for row in range(n)]
    return score_units(
        ("1", "12"), shown, probabilities, subjects, n_draws=200, confidence=0.95, rng=np.random.default_rng(0)
    )


def baselines(**changes):
    fields = {"name": FIRST_FRAME, "about": "a picture", "mean_auc": 0.7, "interval": (0.6, 0.8), "aucs": {}}
    return UnitBaselinesRecord(baselines=(UnitBaselineRecord(**fields | changes),))


def test_of_two_people_the_interval_is_named_by_sequence_and_the_model_is_not_called_better():
    scores, found = scores_of(2), baselines(resampled="sequence", n_subjects=2)
    assert "by sequence; says nothing about new people)" in units_headline(scores)
    assert "cannot be told: 2 people were tested" in units_banner(scores, found)
    tree = units_tree(scores, (), found)
    assert tree["mean_auc_interval"]["method"] == "bootstrap by sequence"
    assert tree["mean_auc_interval"]["about_new_people"] is False


def test_of_seven_people_too_nothing_is_said_of_new_ones():
    assert "with fewer than 10 no interval is about new people" in units_banner(
        scores_of(7), baselines(mean_auc=0.5, resampled="sequence", n_subjects=7)
    )


def test_of_three_sequences_there_is_no_interval():
    scores = scores_of(2, n=3)
    assert "Mean AUC – (not defined) of 0 action units" in units_headline(scores)
    json.dumps(units_tree(scores, ()), allow_nan=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resampled": "subject", "n_subjects": 12}, "(0.60 to 0.80), above chance (0.5)"),
        ({"resampled": "subject", "n_subjects": 12, "interval": (0.45, 0.9)}, ", not better than chance (0.5)"),
        (
            {"resampled": "sequence", "n_subjects": 2},
            "(0.60 to 0.80 by sequence), whether that is above chance (0.5) cannot be told from 2 people",
        ),
        (
            {"resampled": "sequence", "n_subjects": 2, "interval": None},
            "(no interval: too few or all alike), whether that is above chance (0.5) cannot be told from 2 people",
        ),
        ({}, "(no interval: recorded before), whether that is above chance (0.5) cannot be told"),
    ],
)
def test_above_chance_is_said_only_by_an_interval_over_enough_people(changes, said):
    (sentence,) = unit_baseline_sentences(baselines(**changes))
    assert sentence.endswith(said)
