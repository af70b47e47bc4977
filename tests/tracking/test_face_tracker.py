import gc
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

import ckseq
from ckseq.signal.align import AlignConfig
from ckseq.signal.faces import Box, FacesConfig
from ckseq.signal.motion import MotionConfig
from ckseq.tracking.face_tracker import FaceTracker
from ckseq.tracking.stream import Stream
from ckseq.tracking.timeline import Timeline, TimelineConfig

MOTION = MotionConfig(reference="first", difference="absolute", threshold=5, erosion_px=1)


def squares(image):
    """A detector that finds every bright square, from left to right."""
    parts, *_ = cv2.connectedComponentsWithStats((image > 100).astype(np.uint8))[2:3]
    return sorted(Box(int(x), int(y), int(x + w), int(y + h), 1.0) for x, y, w, h, _ in parts[1:])


def picture(*corners, side=30, light=200):
    image = np.zeros((100, 200), np.uint8)
    for left, top in corners:
        image[top : top + side, left : left + side] = np.linspace(light - 20, light, side)
    return image


class Constant:
    measures_motion = has_neutral = True
    single_frame = False

    def keep(self, frame):
        return frame.projections

    def classify(self, kept, times_s):
        return np.array([1, 0])


def tracker_of(faces=None, detector=squares, **config):
    faces, config = faces or FacesConfig(side_px=32), TimelineConfig(stride_s=0.1, **config)

    def new_face():
        stream = Stream(faces, AlignConfig(), MOTION, detector=detector)
        return stream, Timeline(config, Constant(), sure_above=None)

    return FaceTracker(faces, config, detector=detector, new_face=new_face)


def test_two_faces_keep_their_numbers_though_the_detector_changes_their_order():
    turns = iter([1, -1] * 4)

    def either_way(image):
        return squares(image)[:: next(turns)]

    tracker = tracker_of(detector=either_way)
    for number in range(8):
        left, right = (10 + 2 * number, 20), (150 - 3 * number, 50)
        seen = tracker.update(0.04 * number, picture(left, right))
        where = {one.number: one.frame.box[:2] for one in seen}
        assert where == {1: left, 2: right}


def test_a_face_seen_once_is_a_slip_and_one_that_was_gone_for_long_begins_anew():
    tracker = tracker_of(patience_s=0.35)
    found = []
    for number in range(20):
        corners = [(10, 20)] if number < 5 or number > 12 else []
        if number == 2:
            corners.append((120, 50))
        found.append([(one.number, one.visible) for one in tracker.update(0.1 * number, picture(*corners))])
    assert found[:5] == [[(1, True)]] * 5
    assert found[5:8] == [[(1, False)]] * 3
    assert found[8:13] == [[]] * 5
    assert found[13:] == [[(2, True)]] * 7


def test_one_tracked_face_equals_one_stream():
    faces = FacesConfig(policy="tracked", side_px=32, stride_frames=2)
    images = [picture((20 + number, 30), light=200 - 6 * number) for number in range(12)]
    tracker, stream = tracker_of(faces), Stream(faces, AlignConfig(), MOTION, detector=squares)
    for number, image in enumerate(images):
        seen, expected = tracker.update(0.04 * number, image), stream.update(image)
        ((_, visible, frame, _),) = seen
        assert (frame.box, frame.detected, visible) == (expected.box, expected.detected, True)
        if number:
            np.testing.assert_array_equal(frame.projections, expected.projections)


def test_after_a_cut_all_faces_are_new_though_they_stand_where_others_stood():
    tracker = tracker_of(FacesConfig(policy="tracked", side_px=32, stride_frames=5), patience_s=9.0)
    found = []
    for number in range(8):
        image = picture((40, 30))
        image[image == 0] = 0 if number < 3 else 90
        found.append(
            [(one.number, one.frame.detected, one.frame.projections is None) for one in tracker.update(number, image)]
        )
    assert found[:3] == [[(1, True, True)], [(1, None, False)], [(1, None, False)]]
    assert found[3] == [(2, True, True)]


def test_no_more_faces_than_asked_for_the_largest_first():
    image = picture((10, 10), (60, 10), side=20) + picture((120, 40), side=40)
    tracker = tracker_of(most_faces=2)
    tracker.update(0.0, image)
    assert [one.frame.box[:2] for one in tracker.update(0.1, image)] == [(120, 40), (10, 10)]


@pytest.mark.parametrize("policy", ["tracked", "every_frame"])
def test_memory_does_not_grow_with_the_video(policy):
    tracker = tracker_of(FacesConfig(policy=policy, side_px=32), window_s=0.5)

    def play(begin, end):
        for number in range(begin, end):
            tracker.update(0.04 * number, picture((20 + number % 7, 30), *[(120, 40)] * (number % 100 < 50)))

    def held():
        gc.collect()  # what waits for the collector is no growth
        # threads that other tests left behind allocate too
        own = tracemalloc.Filter(True, str(Path(ckseq.__file__).parent / "*"))
        return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces([own]).traces)

    play(0, 300)
    tracemalloc.start()
    try:
        play(300, 600)
        early = held()
        play(600, 1500)
        late = held()
    finally:
        tracemalloc.stop()
    assert late < early + 20_000
