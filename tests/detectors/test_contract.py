"""One contract for every detector: from a grey image to boxes, the image untouched, the same answer twice."""

import dlib
import numpy as np
import pytest

from ckseq import choices
from ckseq.signal.faces import Box


@pytest.mark.parametrize("name", choices.names("detectors"))
def test_a_detector_gives_boxes_and_leaves_the_image_alone(name):
    module = choices.load("detectors", name)
    detect = module.load(module.Config())
    image = np.random.default_rng(0).integers(0, 256, (90, 110), dtype=np.uint8)
    before = image.copy()
    first, second = detect(image), detect(image)
    assert first == second
    assert all(isinstance(box, Box) and box.left < box.right and box.top < box.bottom for box in first)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", choices.names("detectors"))
def test_a_detector_finds_the_face_of_a_photograph(name, real_photographs):
    module = choices.load("detectors", name)
    detect = module.load(module.Config())
    hits = sum(bool(detect(photograph)) for photograph in real_photographs)
    assert hits >= (len(real_photographs) if name != "opencv_haar" else len(real_photographs) / 2)


def test_dlib_boxes_are_those_of_a_fresh_detector_in_its_order(real_photographs):
    module = choices.load("detectors", "dlib_hog")
    detect = module.load(module.Config())
    for photograph in real_photographs:
        rectangles = dlib.get_frontal_face_detector()(photograph, 1)
        assert [box[:4] for box in detect(photograph)] == [
            (r.left(), r.top(), r.right(), r.bottom()) for r in rectangles
        ]


def test_whole_frame_is_the_whole_frame():
    module = choices.load("detectors", "whole_frame")
    assert module.load(module.Config())(np.zeros((30, 40), np.uint8)) == [Box(0, 0, 40, 30, 1.0)]
