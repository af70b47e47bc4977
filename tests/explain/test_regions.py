import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.explain.regions import NAMES, OUTSIDE, TYPICAL_PLACE, face_regions, on_mean_face, place_of, region_labels
from ckseq.facs import REGIONS
from ckseq.signal.face_shape import face_shape

PLACES = st.tuples(st.floats(0.3, 0.8), st.floats(-0.1, 0.1), st.floats(0.3, 0.7), st.floats(0.2, 0.5)).map(
    lambda v: np.array([[v[0], v[1], v[2]], [-v[1], v[0], v[3]]])
)


@given(PLACES)
def test_every_pixel_is_in_one_region(place):
    regions = face_regions(place, side_px=40)
    assert (np.sum([region.pixels for region in regions], axis=0) == 1).all()
    assert tuple(region.label for region in regions) == region_labels()


@given(PLACES)
def test_landmarks_tell_where_the_face_is(place):
    shape = face_shape("face_mesh")
    points = (shape.mean[:, :2] @ place[:, :2].T + place[:, 2]) * 200
    assert place_of(points, shape, side_px=200) == pytest.approx(place, abs=1e-9)
    middle = place[:, 2] * 200  # of the mean face: between the eyes
    assert on_mean_face(place, side_px=200)[int(middle[1]), int(middle[0])] == pytest.approx([0, 0], abs=0.02)


def test_the_names_are_those_of_facs_and_the_points_lie_where_their_name_says():
    assert set(NAMES) == set(REGIONS)
    shape = face_shape("face_mesh")
    regions = {region.label: region for region in face_regions(TYPICAL_PLACE, side_px=120)}
    # of the mesh: corner of the mouth, outer eye corner, brow, tip of the nose, chin, cheek; left as seen
    wanted = {61: "left mouth", 291: "right mouth", 33: "left lids", 105: "left brow", 4: "nose", 152: "chin"}
    wanted |= {50: "left cheeks", 280: "right cheeks", 14: "right mouth", 334: "right brow"}
    for point, label in wanted.items():
        assert regions[label].holds(shape.mean[:, :2])[shape.place(point)], label
    assert (np.sum([region.holds(shape.mean[:, :2]) for region in regions.values()], axis=0) == 1).all()


def test_left_and_right_mirror_each_other():
    regions = {region.label: region.pixels for region in face_regions(TYPICAL_PLACE, side_px=100)}
    for name in ("brow", "lids", "cheeks", "mouth"):
        assert np.array_equal(regions[f"left {name}"], regions[f"right {name}"][:, ::-1])
    assert 0 < regions[OUTSIDE].mean() < 0.5
