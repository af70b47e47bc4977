"""When landmarks are searched where, and when the detector is asked: with landmarks that are made up."""

import numpy as np
import pytest

from ckseq.signal.face_shape import face_shape
from ckseq.signal.faces import Box
from ckseq.tracking.landmark_tracker import LandmarksConfig, LandmarkTracker

SHAPE = face_shape("face_mesh")
IMAGE = np.zeros((200, 300), np.uint8)


class Face:
    """A face at some place, and what was asked of it."""

    def __init__(self, *, x=100.0, visible=True):
        self.x, self.visible, self.regions, self.n_detections = x, visible, [], 0

    def points(self):
        return (40 * SHAPE.mean + [self.x, 80, 0]).astype(np.float32)

    def find(self, image, region):
        self.regions.append(region)
        near = abs(region.x - self.x) < region.side / 2
        return self.points(), 0.9 if self.visible and near else 0.1

    def detect(self, image):
        assert image.ndim == 2
        self.n_detections += 1
        left = round(self.x) - 30
        return [Box(left, 50, left + 60, 110, 1.0)] if self.visible else []

    def tracker(self, **settings):
        return LandmarkTracker(self.find, self.detect, SHAPE, LandmarksConfig(**settings), pick="largest", spread=1.0)


def test_a_face_is_detected_once_and_then_followed():
    face = Face()
    tracker = face.tracker(margin=2.0)
    for _ in range(5):
        np.testing.assert_array_equal(tracker.update(IMAGE), face.points())
        face.x += 3
    assert face.n_detections == 1
    # the box, a second look at the landmarks' own region, and then one look a frame
    assert len(face.regions) == 6
    assert face.regions[0].side == 120
    assert [round(region.x, 3) for region in face.regions[1:]] == [100, 100, 103, 106, 109]


def test_a_box_that_is_too_tight_is_widened_once():
    face = Face()
    tight = face.find

    def find(image, region):
        points, score = tight(image, region)
        return points, score if region.side > 100 else 0.2

    face.find = find
    np.testing.assert_array_equal(face.tracker(margin=1.5).update(IMAGE), face.points())
    assert [round(region.side) for region in face.regions[:2]] == [90, 117]
    assert face.n_detections == 1


def test_a_lost_face_is_detected_again():
    face = Face()
    tracker = face.tracker()
    tracker.update(IMAGE)
    face.visible = False
    for n_detections in (2, 3):
        assert np.isnan(tracker.update(np.stack([IMAGE] * 3, axis=-1))).all()
        assert face.n_detections == n_detections
    face.visible, face.x = True, 220.0
    np.testing.assert_array_equal(tracker.update(IMAGE), face.points())
    assert face.n_detections == 4


def test_a_face_that_jumps_is_detected_in_the_same_frame():
    face = Face()
    tracker = face.tracker()
    tracker.update(IMAGE)
    face.x = 250.0
    np.testing.assert_array_equal(tracker.update(IMAGE), face.points())
    assert face.n_detections == 2


@pytest.mark.parametrize(("min_score", "found"), [(0.89, True), (0.91, False)])
def test_landmarks_of_a_low_score_are_not_believed(min_score, found):
    face = Face()
    assert np.isfinite(face.tracker(min_score=min_score).update(IMAGE)).all() == found
