"""Emotions against action units: what agrees, what contradicts, and what shuffling does to it."""

import numpy as np
import pytest

from ckseq.facs import PROTOTYPES
from ckseq.protocol.facs_consistency import Judged, consistency
from ckseq.twin.action_units import EXPRESSIONS, expression


def compared(judged, units):
    return consistency(judged, units, n_draws=500, confidence=0.95, rng=np.random.default_rng(0))


def faces(n=140):
    """Expressions of emotions as the twin draws them, and their units."""
    rng = np.random.default_rng(0)
    judged, units = [], {}
    for number in range(n):
        emotion = EXPRESSIONS[number % len(EXPRESSIONS)]
        judged.append(Judged(f"S{number // 7}_{number}", f"S{number // 7}", emotion))
        units[judged[-1].recording] = {str(one.number) for one in expression(emotion, rng, strength=1.0)}
    return judged, units


def test_counted_by_hand():
    judged = [
        Judged("a", "S1", "happiness"),
        Judged("b", "S1", "happiness"),
        Judged("c", "S2", "surprise"),
        Judged("d", "S2", "boredom"),
        Judged("e", "S3", "anger"),
    ]
    found = compared(judged, {"a": {"6", "12"}, "b": {"6", "25"}, "c": {"1", "2"}, "d": {"12"}})
    assert (found.n, found.share) == (3, pytest.approx(2 / 3))
    # Wilson's of 2 of 3, by hand: (2/3 + z²/6) / (1 + z²/3) -+ z / (1 + z²/3) * sqrt(2/27 + z²/36), z = 1.96
    assert tuple(found.interval) == pytest.approx((0.208, 0.939), abs=5e-4)
    assert (found.method.kind, found.method.n_subjects) == ("wilson", 2)
    # two seeds that answer the same are no more sequences
    assert compared(judged * 2, {"a": {"6", "12"}, "b": {"6", "25"}, "c": {"1", "2"}}).interval == found.interval
    assert found.by_emotion == (("happiness", 2, 1), ("surprise", 1, 1))
    assert found.contradictions == (("b", "happiness", "happiness without AU 12"),)
    assert compared(judged, {}) is None


def test_the_score_falls_when_labels_are_shuffled():
    judged, units = faces()
    found = compared(judged, units)
    assert found.share > 0.85
    assert found.interval.low <= found.share <= found.interval.high
    order = np.random.default_rng(1).permutation(len(judged))
    shuffled = compared([one._replace(emotion=judged[n].emotion) for one, n in zip(judged, order, strict=True)], units)
    assert shuffled.share < 0.4 < found.interval.low
    # what the shuffling within the score expects
    assert shuffled.share == pytest.approx(found.shuffled, abs=0.1)
    assert found.p_value == pytest.approx(1 / 501)
    assert shuffled.p_value > 0.01


def test_faces_with_all_units_of_an_emotion_agree():
    judged = [Judged(emotion, emotion, emotion) for emotion in PROTOTYPES]
    found = compared(judged, {emotion: set(one.units) for emotion, one in PROTOTYPES.items()})
    assert found.share == 1
    assert found.contradictions == ()
