import cv2
import numpy as np
import pytest

from ckseq.inference.portraits import MAX_SEARCHED_PX, cut_portraits
from ckseq.signal.faces import Box, FacesConfig
from ckseq.tracking.box_tracker import track_face


def spots(image):
    """A detector of bright squares: one box each, in the order of their numbers."""
    count, _, stats, _ = cv2.connectedComponentsWithStats((image > 200).astype(np.uint8))
    return [Box(x, y, x + w, y + h, 1.0) for x, y, w, h, _ in stats[1:count].tolist()]


def photo_of(*squares, shape=(200, 300)):
    photo = np.random.default_rng(1).integers(0, 100, shape, dtype=np.uint8)
    for left, top, side in squares:
        photo[top : top + side, left : left + side] = np.linspace(201, 255, side).astype(np.uint8)
    return photo


@pytest.mark.parametrize("policy", ["every_frame", "anchor"])
@pytest.mark.parametrize("color", ["gray", "rgb"])
def test_the_one_face_of_a_photo_is_cut_as_that_of_a_training_image(policy, color):
    photo = photo_of((60, 40, 64))
    if color == "rgb":
        photo = np.stack([photo, np.minimum(photo, 254), photo], axis=-1)
    config = FacesConfig(policy=policy, color=color, side_px=24)
    trained = track_face([photo], spots, config)
    found = cut_portraits(photo, spots, config)
    np.testing.assert_array_equal(found.crops, trained.crops)
    assert found.boxes[0][:4] == tuple(trained.boxes[0])


def test_every_face_is_cut_the_largest_first():
    found = cut_portraits(photo_of((10, 10, 20), (60, 40, 64), (200, 90, 40)), spots, FacesConfig(side_px=24))
    assert [box[:4] for box in found.boxes] == [(60, 40, 124, 104), (200, 90, 240, 130), (10, 10, 30, 30)]
    assert found.crops.shape == (3, 24, 24)
    assert (found.crops > 200).all()


def test_a_large_photo_is_searched_small_and_cut_as_it_is():
    seen = []

    def detect(image):
        seen.append(max(image.shape))
        return spots(image)

    photo = photo_of((800, 400, 640), shape=(1200, 4 * MAX_SEARCHED_PX))
    found = cut_portraits(photo, detect, FacesConfig(side_px=640))
    assert seen == [MAX_SEARCHED_PX]
    np.testing.assert_array_equal(found.crops[0], photo[400:1040, 800:1440])


def test_boxes_lie_within_the_photo_and_those_beside_it_are_none():
    boxes = [
        Box(-10, -20, 50, 60, 1.0),
        Box(-50, 0, 0, 20, 1.0),
        Box(290, 180, 400, 300, 1.0),
        Box(0, 200, 9, 220, 1.0),
    ]
    found = cut_portraits(photo_of(), lambda image: boxes, FacesConfig(side_px=24))
    assert [box[:4] for box in found.boxes] == [(290, 180, 300, 200), (0, 0, 50, 60)]


@pytest.mark.parametrize(("color", "shape"), [("gray", (0, 24, 24)), ("rgb", (0, 24, 24, 3))])
def test_a_photo_without_a_face_has_no_crops(color, shape):
    photo = np.zeros((60, 80) if color == "gray" else (60, 80, 3), np.uint8)
    found = cut_portraits(photo, spots, FacesConfig(color=color, side_px=24))
    assert found.boxes == ()
    assert found.crops.shape == shape
