"""Action units: what each moves, and how the emotions are made of them."""

import numpy as np
import pytest

from ckseq.twin.action_units import EXPRESSIONS, NUMBERS, Unit, displacement, expression, settled
from ckseq.twin.shape import LIDS, LIPS, MEAN, MIRROR, mirrored


def moved(number, left=1.0, right=1.0):
    return displacement((Unit(number, left, right),), np.ones(1))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_unit_shown_evenly_is_symmetric(number):
    np.testing.assert_allclose(moved(number), mirrored(moved(number)))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_unit_of_one_side_leaves_the_other_alone(number):
    points = moved(number, right=0.0)
    right_half = (MEAN[:, 0] > 0) & (np.arange(68) != MIRROR)
    assert not points[right_half].any()
    assert points[~right_half].any()


@pytest.mark.parametrize(
    ("number", "point", "axis", "sign"),
    [
        (1, 21, 1, -1),  # inner brows up
        (2, 18, 1, -1),  # outer brows up
        (4, 21, 0, 1),  # brows together
        (5, 37, 1, -1),  # upper lids up
        (12, 48, 1, -1),  # corners of the mouth up
        (15, 48, 1, 1),  # and down
        (20, 48, 0, -1),  # and apart
        (26, 8, 1, 1),  # chin down
    ],
)
def test_a_unit_moves_what_facs_says(number, point, axis, sign):
    assert np.sign(moved(number)[point, axis]) == sign


def test_the_mouth_opens_with_the_jaw():
    gaps = [displacement((Unit(26, 1, 1),), np.array([a]))[[62, 66], 1] for a in (0.0, 0.5, 1.0)]
    openings = [low - up for up, low in gaps]
    np.testing.assert_allclose(openings, [0.0, 0.125, 0.25])


def test_lids_and_lips_never_cross_and_a_blink_closes():
    pressed = settled(MEAN + moved(17) * 4 + moved(7) * 4, closed=0.0)
    for upper, lower in LIDS + LIPS:
        assert pressed[upper, 1] <= pressed[lower, 1]
    blink = settled(MEAN, closed=1.0)
    for upper, lower in LIDS:
        assert blink[lower, 1] - blink[upper, 1] < 0.1 * (MEAN[lower, 1] - MEAN[upper, 1])


def test_settled_leaves_its_input_alone():
    before = MEAN.copy()
    settled(MEAN, closed=1.0)
    np.testing.assert_array_equal(MEAN, before)


@pytest.mark.parametrize(
    ("emotion", "always"),
    [
        ("surprise", {1, 2, 25}),
        ("happiness", {12}),
        ("sadness", {15}),
        ("anger", {4}),
        ("contempt", {14}),
        ("fear", {1}),
    ],
)
def test_an_emotion_has_its_units(emotion, always):
    for seed in range(40):
        units = expression(emotion, np.random.default_rng(seed), strength=1.0)
        numbers = [u.number for u in units]
        assert always <= set(numbers)
        assert numbers == sorted(set(numbers))
        assert not {26, 27} <= set(numbers)
        assert all(1 <= u.intensity <= 5 for u in units)


def test_every_disgust_wrinkles_the_nose_or_lifts_the_lip_and_contempt_is_one_sided():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        assert {9, 10} & {u.number for u in expression("disgust", rng, strength=1.0)}
        smirk = next(u for u in expression("contempt", rng, strength=1.0) if u.number == 14)
        assert min(smirk.left, smirk.right) < 0.3 * max(smirk.left, smirk.right)


def test_people_differ_within_an_emotion():
    for emotion in EXPRESSIONS:
        shown = {expression(emotion, np.random.default_rng(seed), strength=1.0) for seed in range(10)}
        assert len(shown) == 10
