import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckseq.errors import CallError, DataError
from ckseq.signal.faces import Box, FacesConfig, crop, cut_face, detect_at_scale, pick_box, same_face, smooth_path

IMAGE = np.arange(100 * 120, dtype=np.uint32).reshape(100, 120).astype(np.uint8)


def test_crop_is_the_slice_resized_by_opencv():
    box = Box(10, 20, 60, 90, 1.0)
    expected = cv2.resize(IMAGE[20:90, 10:60], (33, 33))
    np.testing.assert_array_equal(crop(IMAGE, box, side_px=33), expected)


def test_crop_clips_a_box_that_reaches_beyond_the_image():
    expected = cv2.resize(IMAGE[0:40, 0:30], (16, 16))
    np.testing.assert_array_equal(crop(IMAGE, Box(-5, -9, 30, 40, 1.0), side_px=16), expected)


@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(1, 200), st.integers(1, 200))
def test_crop_gives_a_square_or_says_that_the_box_lies_outside(left, top, width, height):
    box = Box(left, top, left + width, top + height, 0.0)
    inside = left < 120 and top < 100 and left + width > 0 and top + height > 0
    if inside:
        assert crop(IMAGE, box, side_px=9).shape == (9, 9)
    else:
        with pytest.raises(DataError, match="outside the image"):
            crop(IMAGE, box, side_px=9)


@pytest.mark.parametrize(("pick", "expected"), [("last", 2), ("first", 0), ("largest", 1), ("central", 2)])
def test_pick_box(pick, expected):
    boxes = [Box(0, 0, 10, 10, 3.0), Box(0, 0, 50, 50, 2.0), Box(50, 45, 70, 55, 1.0)]
    assert pick_box(boxes, pick=pick, shape=(100, 120)) == boxes[expected]


def test_cutting_by_eyes_that_were_not_detected():
    with pytest.raises(CallError, match=r"detector that finds the eyes; detector\.kind = mtcnn"):
        cut_face(IMAGE, Box(0, 0, 50, 50, 1.0), FacesConfig(cut="eyes"))


def test_points_are_scaled_with_the_box():
    found = Box(10, 20, 30, 40, 1.0, ((12.0, 25.0), (22.5, 26.0)))
    (box,) = detect_at_scale(IMAGE, lambda image: [found], scale=0.5)
    assert box == Box(20, 40, 60, 80, 1.0, ((24.0, 50.0), (45.0, 52.0)))


def test_smoothing_leaves_a_resting_box_alone():
    path = np.tile([3.0, 4.0, 50.0, 60.0], (7, 1))
    np.testing.assert_allclose(smooth_path(path, sigma_frames=3.0), path)


def test_the_same_face_is_the_one_that_overlaps_most_or_else_the_one_picked():
    first, second = Box(0, 0, 10, 10, 1.0), Box(20, 0, 50, 30, 1.0)
    chosen = {"pick": "largest", "shape": (100, 120)}
    assert same_face([first, second], Box(2, 2, 11, 11, 1.0), **chosen) is first
    assert same_face([first, second], Box(60, 60, 70, 70, 1.0), **chosen) is second
    assert same_face([first, second], None, **chosen) is second
