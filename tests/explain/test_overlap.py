import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.explain.agreement import ASCRIBED, CODED, MOVED, Case, agreements, by_name, evidence_in_moved
from ckseq.explain.displacement import face_displacement
from ckseq.explain.overlap import moved, overlap, random_iou, random_names_iou, ratio_of_means, relevant
from ckseq.explain.regions import TYPICAL_PLACE, face_regions
from ckseq.facs import REGIONS
from ckseq.twin.action_units import Unit, displacement
from ckseq.twin.shape import MEAN

BOX = np.array([100, 50, 300, 250], np.int32)
FACE = MEAN * 70 + (200, 120)


@given(st.integers(0, 2**32), st.integers(0, 5), st.integers(0, 5))
def test_overlaps_are_bounded_and_precision_and_recall_change_places(seed, n, k):
    rng = np.random.default_rng(seed)
    one, two = (rng.permutation(12) < size for size in (n, k))
    forth, back = overlap(one, two), overlap(two, one)
    assert 0 <= forth.iou <= min(forth.precision, forth.recall) <= 1
    assert (forth.precision, forth.recall) == (back.recall, back.precision)
    if n:
        assert overlap(one, one) == (1, 1, 1)


def test_a_random_choice_of_names_agrees_as_often_as_when_it_is_drawn():
    rng = np.random.default_rng(0)
    wanted = np.arange(6) < 2
    drawn = np.mean([overlap(rng.permutation(6) < 3, wanted).iou for _ in range(20_000)])
    assert random_names_iou(3, 2, 6) == pytest.approx(drawn, abs=0.01)


def test_random_places_of_an_area_are_all_equally_likely():
    area = np.zeros((4, 5), bool)
    area[1, 2] = True  # one cell of twenty: it meets itself once in twenty times
    assert random_iou(area) == pytest.approx(0.05)
    area = np.random.default_rng(0).random((4, 5)) < 0.4
    shifts = [(down, across) for down in range(4) for across in range(5)]
    expected = np.mean([overlap(np.roll(area, shift, (0, 1)), area).iou for shift in shifts])
    assert random_iou(area) == pytest.approx(expected)


def ratio(explained, subjects, sequences):
    options = {"n_draws": 4000, "confidence": 0.95, "rng": np.random.default_rng(0)}
    return ratio_of_means(explained, [0.1] * len(explained), subjects, sequences, **options)


def test_a_ratio_is_that_of_the_means_and_its_interval_draws_whole_subjects_of_ten_or_more():
    # two sequences each of ten people, one of whom has 0.6, and the others 0.4 and 0.2
    people = [f"S{n // 2}" for n in range(20)]
    found = ratio([0.6, 0.6, *[0.4, 0.2] * 9], people, list(map(str, range(20))))
    assert (found.explained, found.random) == pytest.approx((0.33, 0.1))
    assert found.ratio == pytest.approx(3.3)
    # that one is drawn 0 to 3 times of 10 in 98.7 %, so the interval is 3 to 3 + 3 * 0.3
    assert tuple(found.interval) == pytest.approx((3, 3.9))
    assert (found.n, found.n_subjects, found.resampled) == (20, 10, "subject")


def test_of_fewer_people_sequences_are_drawn_with_all_their_values():
    # one of five sequences of two people has 0.6; it is drawn 0 to 3 times of 5 in 99.3 %, also with two seeds
    once = ratio([0.6, 0.2, 0.2, 0.2, 0.2], list("aabbb"), list("12345"))
    twice = ratio([0.6, 0.2, 0.2, 0.2, 0.2] * 2, list("aabbb") * 2, list("12345") * 2)
    assert tuple(once.interval) == tuple(twice.interval) == pytest.approx((2, 4.4))
    assert (once.n_subjects, once.resampled) == (2, "sequence")


@pytest.mark.parametrize("explained", [[0.3], [0.2, 0.4, 0.3, 0.1], [0.3] * 8])
def test_of_too_few_or_equal_values_there_is_no_interval(explained):
    n = len(explained)
    assert np.isnan(ratio(explained, ["a"] * n, list(map(str, range(n)))).interval).all()


def test_the_head_may_move_and_grow_without_the_face_moving():
    angle = 0.1
    turn = 1.05 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert face_displacement(FACE, FACE @ turn.T + (5, -3), BOX, cells=16).max() < 1e-9


@pytest.mark.parametrize(("number", "name"), [(1, "brow"), (12, "mouth"), (27, "chin"), (9, "nose")])
def test_what_a_unit_moves_is_found_in_its_region(number, name):
    last = FACE + 70 * displacement((Unit(number, 1.0, 1.0),), np.ones(1)) + (4, 2)
    where = moved(face_displacement(FACE, last, BOX, cells=40))
    place = np.array([[70 / 200, 0, 0.5], [0, 70 / 200, 0.35]]) * 1.67  # of the outer eye corners, 1.48 apart here
    regions = face_regions(np.column_stack([place[:, :2] * 1.48 / 1.67, [0.5, 0.35]]), side_px=40)
    shares = {n: sum(where[r.pixels].sum() for r in regions if r.name == n) / where.sum() for n in REGIONS}
    assert max(shares, key=shares.get) == name


def cases(kind, n=40, cells=12):
    """Return cases whose evidence is where the face moved, or is of random sign there, or is anywhere."""
    rng = np.random.default_rng(1)
    for number in range(n):
        displacement_of, face = np.zeros((cells, cells)), 0.001 * rng.standard_normal((cells, cells))
        top, left = rng.integers(0, cells - 3, 2)
        displacement_of[top : top + 3, left : left + 3] = 1
        sign = 1 if kind == "right" else rng.choice((-1, 1))
        if kind == "anywhere":
            top, left = rng.integers(0, cells - 3, 2)
        face[top : top + 3, left : left + 3] += sign
        yield Case(str(number), f"S{number % 10}", "happiness", face, {}, displacement_of, None)


def judged(kind):
    (found, _) = agreements(list(cases(kind)), n_draws=500, confidence=0.95, rng=np.random.default_rng(0))
    return found


def test_evidence_where_the_face_moved_agrees_and_evidence_elsewhere_is_random():
    right, anywhere = judged("right"), judged("anywhere")
    assert right.against == MOVED
    assert right.evidence.explained == 1
    assert right.evidence.ratio > 2
    assert np.isnan(right.evidence.interval).all()  # all alike
    assert right.net.ratio == right.evidence.ratio
    assert anywhere.evidence.interval.low < 1 < anywhere.evidence.interval.high + 0.5


def test_a_model_that_learned_nothing_speaks_against_the_class_as_often_as_for_it():
    sign = judged("sign")
    assert sign.evidence.ratio > 2  # it, too, only sees what moves
    assert sign.net.interval.low < 1
    shares = [share for *_, share in evidence_in_moved(list(cases("sign")))]
    assert abs(np.mean(shares)) < 0.4 < np.mean([share for *_, share in evidence_in_moved(list(cases("right")))])


def test_codes_and_emotions_are_compared_by_regions():
    named = dict.fromkeys(REGIONS, 0.0) | {"mouth": 1.0}
    units = [("12",), ("1", "2"), None]
    some = [Case(str(n), f"S{n}", "happiness", None, named, None, codes) for n, codes in enumerate(units)]
    found = agreements(some, n_draws=100, confidence=0.95, rng=np.random.default_rng(0))
    coded = next(one for one in found if one.against == CODED and not one.label)
    # 12 is seen in mouth and cheeks; 1 and 2 in the brow
    assert (coded.evidence.n, coded.evidence.explained) == (2, 0.25)
    # happiness is 6, 12 and 25: cheeks, lids and mouth
    ascribed = next(one for one in found if one.against == ASCRIBED and one.label == "happiness")
    assert (ascribed.evidence.explained, ascribed.precision, ascribed.recall) == pytest.approx((1 / 3, 1, 1 / 3))


def test_of_two_sides_the_one_that_matters_more_counts():
    regions = face_regions(TYPICAL_PLACE, side_px=30)
    found = by_name(np.array([0.1, 0.3, *range(9)]), regions)
    assert found["brow"] == 0.3
    assert set(found) == set(REGIONS)
    assert relevant(np.array(list(found.values()))).sum() >= 1
