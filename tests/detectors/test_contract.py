"""One contract for every detector: from a gray image to boxes, the image untouched, the same answer twice."""

import cv2
import dlib
import numpy as np
import pytest
from made_litert import make_litert, sha256_of

from ckseq import registry
from ckseq.config import Config
from ckseq.contracts.check import run_checks
from ckseq.contracts.detectors import DetectorContract
from ckseq.detectors import blazeface, mtcnn
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import DataError
from ckseq.signal.faces import Box, overlap
from ckseq.twin.tree import TwinConfig, draw, plan


@pytest.mark.parametrize("name", registry.names("detectors"))
def test_a_detector_keeps_its_contract(name):
    module = registry.load("detectors", name)
    assert isinstance(module.SPEC, DetectorSpec)
    for checked in run_checks(DetectorContract(module.SPEC, module.__doc__).checks):
        assert checked == (checked.what, "")


@pytest.mark.parametrize("name", registry.names("detectors"))
def test_a_detector_finds_a_drawn_face_once(name, drawn_face):
    spec = registry.load("detectors", name).SPEC
    assert len(spec.load(spec.config())(drawn_face[0])) == 1


@pytest.mark.parametrize("name", registry.names("detectors"))
def test_a_detector_finds_the_face_of_a_photograph(name, real_photographs):
    spec = registry.load("detectors", name).SPEC
    detect = spec.load(spec.config())
    hits = sum(bool(detect(photograph)) for photograph in real_photographs)
    assert hits >= (len(real_photographs) if name != "opencv_haar" else len(real_photographs) / 2)


@pytest.fixture(scope="module")
def drawn_face():
    """A frame of the synthetic twin, and its 68 landmarks."""
    frames, landmarks = draw(next(iter(plan(TwinConfig(n_subjects=1)))))
    frame = frames[0] if frames[0].ndim == 2 else cv2.cvtColor(frames[0], cv2.COLOR_BGR2GRAY)
    return frame, landmarks[0]


def test_a_large_image_is_searched_at_four_megapixels_and_its_boxes_are_in_its_own_pixels(real_photographs):
    searched = []

    def make(config):
        detect = registry.load("detectors", "dlib_hog").SPEC.make(config)
        return lambda image: searched.append(image) or detect(image)

    spec = registry.load("detectors", "dlib_hog").SPEC
    small = real_photographs[0]
    large = cv2.resize(small, None, fx=9, fy=10, interpolation=cv2.INTER_CUBIC)
    assert large.size > 4_000_000
    detect = DetectorSpec(spec.config, make).load(spec.config())
    expected, found = (max(detect(image), key=lambda box: box.score) for image in (small, large))
    assert searched[0] is small
    assert 3_980_000 < searched[1].size <= 4_000_000
    scaled = Box(expected.left * 9, expected.top * 10, expected.right * 9, expected.bottom * 10, expected.score)
    assert overlap(found, scaled) > 0.7


def test_the_points_of_a_shrunk_image_are_in_its_own_pixels():
    seen = Box(10, 20, 400, 300, 1.0, ((100.0, 50.0),))
    detect = DetectorSpec(Config, lambda _: lambda image: [seen]).load(Config())
    # 8,000,000 pixels are shrunk by the root of two to 2828 x 1414
    (box,) = detect(np.zeros((2000, 4000), np.uint8))
    assert box == Box(14, 28, 566, 424, 1.0, ((100 * 4000 / 2828, 50 * 2000 / 1414),))
    assert detect(np.zeros((2000, 2000), np.uint8)) == [seen]


@pytest.mark.parametrize("size", [(12, 12), (20, 90), (39, 39)])
@pytest.mark.parametrize("name", [name for name in registry.names("detectors") if name != "whole_frame"])
def test_an_image_smaller_than_any_face_has_none(name, size):
    spec = registry.load("detectors", name).SPEC
    assert spec.load(spec.config())(np.full(size, 90, np.uint8)) == []


def test_dlib_boxes_are_those_of_a_fresh_detector_in_its_order(real_photographs):
    spec = registry.load("detectors", "dlib_hog").SPEC
    detect = spec.load(spec.config())
    for photograph in real_photographs:
        rectangles = dlib.get_frontal_face_detector()(photograph, 1)
        assert [box[:4] for box in detect(photograph)] == [
            (r.left(), r.top(), r.right(), r.bottom()) for r in rectangles
        ]


@pytest.mark.parametrize("min_face_px", [40, 15])
def test_mtcnn_points_are_where_the_drawn_face_has_them(drawn_face, min_face_px):
    spec = registry.load("detectors", "mtcnn").SPEC
    image, landmarks = drawn_face
    (box,) = spec.load(spec.config(min_face_px=min_face_px))(image)
    # 68 landmarks from 0: eyes 36 to 41 and 42 to 47, the nose's tip 30, the corners of the mouth 48 and 54
    expected = [*(landmarks[eye : eye + 6].mean(axis=0) for eye in (36, 42)), *landmarks[[30, 48, 54]]]
    apart = np.hypot(*(np.array(box.points) - expected).T)
    assert apart.max() < 0.25 * (landmarks[45, 0] - landmarks[36, 0])


def test_mtcnn_sees_a_face_once_however_large_it_is(drawn_face):
    spec = registry.load("detectors", "mtcnn").SPEC
    detect = spec.load(spec.config())
    image, _ = drawn_face
    (box,) = detect(image)
    (large,) = detect(cv2.resize(image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC))
    expected = Box(*(3 * side for side in box[:4]), 1.0)
    assert overlap(large, expected) > 0.7
    assert np.abs(np.array(large.points) / 3 - box.points).max() < 0.1 * (box.right - box.left)


def test_mtcnn_unpickles_no_file_of_the_current_folder(tmp_path, monkeypatch):
    spec = registry.load("detectors", "mtcnn").SPEC
    (tmp_path / "pnet.lz4").write_bytes(b"anything")
    monkeypatch.chdir(tmp_path)
    mtcnn._networks.cache_clear()
    assert spec.load(spec.config())(np.full((90, 90), 90, np.uint8)) == []


def test_the_cascades_of_haar_each_find_the_face_in_their_own_way(drawn_face):
    spec = registry.load("detectors", "opencv_haar").SPEC
    names = ("frontalface_default", "frontalface_alt", "frontalface_alt2")
    found = [spec.load(spec.config(cascade=name))(drawn_face[0]) for name in names]
    assert [len(boxes) for boxes in found] == [1, 1, 1]
    assert len({boxes[0][:4] for boxes in found}) == 3
    assert spec.load(spec.config())(drawn_face[0]) == found[2]  # the default


def test_whole_frame_is_the_whole_frame():
    spec = registry.load("detectors", "whole_frame").SPEC
    assert spec.load(spec.config())(np.zeros((30, 40), np.uint8)) == [Box(0, 0, 40, 30, 1.0)]
    center = spec.load(spec.config(part="central_square"))
    assert center(np.zeros((30, 41), np.uint8)) == [Box(5, 0, 35, 30, 1.0)]
    assert center(np.zeros((40, 30), np.uint8)) == [Box(0, 5, 30, 35, 1.0)]


def test_blazeface_finds_eyes_and_nose_where_the_drawn_face_has_them(drawn_face):
    spec = registry.load("detectors", "blazeface").SPEC
    image, landmarks = drawn_face
    (box,) = spec.load(spec.config())(image)
    expected = [*(landmarks[eye : eye + 6].mean(axis=0) for eye in (36, 42)), landmarks[30]]
    apart = np.hypot(*(np.array(box.points) - expected).T)
    assert apart.max() < 0.25 * (landmarks[45, 0] - landmarks[36, 0])
    # a wide image is made square, a colored one gives the same
    wide = cv2.copyMakeBorder(image, 0, 0, 90, 110, cv2.BORDER_CONSTANT, value=0)
    (moved,) = spec.load(spec.config())(cv2.cvtColor(wide, cv2.COLOR_GRAY2RGB))
    assert overlap(moved, Box(box.left + 90, box.top, box.right + 90, box.bottom, 1.0)) > 0.85


def test_blazeface_averages_the_boxes_of_one_face_by_their_scores():
    centers = blazeface.anchors(128, ((8, 2), (16, 6)))

    def box(anchor, center, size):
        row = np.zeros((8, 2), np.float32)
        row[0] = (np.array(center) - centers[anchor]) * 128
        row[1] = size * 128
        row[2:] = row[0]  # all points in the middle
        return row.ravel()

    values, logits = np.zeros((896, 16), np.float32), np.full(896, -9, np.float32)
    scores = {10: 0.9, 500: 0.6, 700: 0.8}
    values[10], values[500], values[700] = (
        box(10, (0.3, 0.4), 0.2),
        box(500, (0.32, 0.4), 0.2),
        box(700, (0.8, 0.8), 0.1),
    )
    for anchor, score in scores.items():
        logits[anchor] = np.log(score / (1 - score))
    (first, points), (second, other) = blazeface.decode(
        values, logits, centers, side=128, min_score=0.5, max_overlap=0.3
    )
    assert (first, second) == (pytest.approx(0.9), pytest.approx(0.8))
    middle = (0.9 * 0.3 + 0.6 * 0.32) / 1.5
    np.testing.assert_allclose(points[:3], [[middle - 0.1, 0.3], [middle + 0.1, 0.5], [middle, 0.4]], atol=1e-6)
    np.testing.assert_allclose(other[:2], [[0.75, 0.75], [0.85, 0.85]], atol=1e-6)
    assert len(blazeface.decode(values, logits, centers, side=128, min_score=0.85, max_overlap=0.3)) == 1


def test_blazeface_refuses_a_network_of_other_shapes(tmp_path):
    spec = registry.load("detectors", "blazeface").SPEC
    path = make_litert(tmp_path / "other.tflite")
    with pytest.raises(DataError, match="is not such a network of BlazeFace"):
        spec.load(spec.config(file=str(path), sha256=sha256_of(path)))
    with pytest.raises(DataError, match=f"its SHA-256 is {sha256_of(path)}, not given; set sha256 beside file"):
        spec.load(spec.config(file=str(path)))
