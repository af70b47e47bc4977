import tracemalloc

import cv2
import numpy as np
import pytest

from ckseq.signal.align import AlignConfig
from ckseq.signal.faces import Box, FacesConfig
from ckseq.signal.motion import MotionConfig
from ckseq.tracking.face_tracker import Watch
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
        image[top : top + side, left : left + side] = light
    return image


def watching(faces=None, detector=squares, **config):
    faces, config = faces or FacesConfig(side_px=32), TimelineConfig(stride_s=0.1, **config)

    def begin():
        stream = Stream(faces, AlignConfig(), MOTION, detector=detector)
        return stream, Timeline(config, lambda piece: np.array([1, 0]), rests=True, sure_above=None)

    return Watch(faces, config, detector=detector, begin=begin)


def test_two_faces_keep_their_numbers_though_the_detector_changes_their_order():
    turns = iter([1, -1] * 4)

    def either_way(image):
        return squares(image)[:: next(turns)]

    watch = watching(detector=either_way)
    for number in range(8):
        left, right = (10 + 2 * number, 20), (150 - 3 * number, 50)
        seen = watch.step(0.04 * number, picture(left, right))
        where = {one.face: one.step.box[:2] for one in seen}
        assert where == {1: left, 2: right}


def test_a_face_seen_once_is_a_slip_and_one_that_was_gone_for_long_begins_anew():
    watch = watching(patience_s=0.35)
    told = []
    for number in range(20):
        corners = [(10, 20)] if number < 5 or number > 12 else []
        if number == 2:
            corners.append((120, 50))
        told.append([(one.face, one.there) for one in watch.step(0.1 * number, picture(*corners))])
    assert told[:5] == [[(1, True)]] * 5
    assert told[5:8] == [[(1, False)]] * 3
    assert told[8:13] == [[]] * 5
    assert told[13:] == [[(2, True)]] * 7


def test_one_face_watched_is_one_face_streamed():
    faces = FacesConfig(policy="tracked", side_px=32, stride_frames=2)
    images = [picture((20 + number, 30), light=200 - 6 * number) for number in range(12)]
    watch, stream = watching(faces), Stream(faces, AlignConfig(), MOTION, detector=squares)
    for number, image in enumerate(images):
        seen, expected = watch.step(0.04 * number, image), stream.step(image)
        ((_, there, step, _),) = seen
        assert (step.box, step.found, there) == (expected.box, expected.found, True)
        if number:
            np.testing.assert_array_equal(step.projections, expected.projections)


def test_after_a_cut_all_faces_are_new_though_they_stand_where_others_stood():
    watch = watching(FacesConfig(policy="tracked", side_px=32, stride_frames=5), patience_s=9.0)
    told = []
    for number in range(8):
        image = picture((40, 30))
        image[image == 0] = 0 if number < 3 else 90
        told.append([(one.face, one.step.found, one.step.projections is None) for one in watch.step(number, image)])
    assert told[:3] == [[(1, True, True)], [(1, None, False)], [(1, None, False)]]
    assert told[3] == [(2, True, True)]


def test_no_more_faces_than_asked_for_the_largest_first():
    image = picture((10, 10), (60, 10), side=20) + picture((120, 40), side=40)
    watch = watching(most_faces=2)
    watch.step(0.0, image)
    assert [one.step.box[:2] for one in watch.step(0.1, image)] == [(120, 40), (10, 10)]


@pytest.mark.parametrize("policy", ["tracked", "every_frame"])
def test_memory_does_not_grow_with_the_film(policy):
    watch = watching(FacesConfig(policy=policy, side_px=32), window_s=0.5)

    def play(begin, end):
        for number in range(begin, end):
            watch.step(0.04 * number, picture((20 + number % 7, 30), *[(120, 40)] * (number % 100 < 50)))

    play(0, 300)
    tracemalloc.start()
    try:
        play(300, 600)
        early, _ = tracemalloc.get_traced_memory()
        play(600, 1500)
        late, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert late < early + 20_000
