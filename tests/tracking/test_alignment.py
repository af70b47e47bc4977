import cv2
import numpy as np
import pytest

from ckseq.signal.align import AlignConfig
from ckseq.tracking.alignment import align_crops, head_motion


def ground(side=240):
    noise = np.random.default_rng(0).integers(0, 256, (side, side), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), side / 40), None, 30, 220, cv2.NORM_MINMAX)


def moved(image, x, y, growth=0.0, turn=0.0):
    """The image moved to the right and down, grown and turned about its center, by another way than the module's."""
    side = image.shape[0]
    center = (side - 1) / 2
    columns, rows = np.meshgrid(np.arange(side) - center - x, np.arange(side) - center - y)
    a, b = 1 + growth, turn
    scale = a * a + b * b
    source_x = (a * columns + b * rows) / scale + center
    source_y = (a * rows - b * columns) / scale + center
    return cv2.remap(
        image,
        source_x.astype(np.float32),
        source_y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


@pytest.mark.parametrize("side", [134, 240, 267])
@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (3.0, -2.0), (-5.5, 4.25), (0.4, 0.7)])
def test_a_shift_is_measured_to_a_tenth_of_a_pixel_and_undone(x, y, side):
    crops = np.stack([ground(side), moved(ground(side), x, y)])
    for similarity in (False, True):
        found = head_motion(crops, similarity=similarity)
        np.testing.assert_allclose(found[:, :2] * side, [(0, 0), (x, y)], atol=0.1)
    inside = slice(10, -10)
    left = np.abs(align_crops(crops, AlignConfig(method="translation"))[1].astype(int) - crops[0])[inside, inside]
    assert left.mean() < 2


def test_size_and_turn_are_measured_and_undone():
    crops = np.stack([ground(), moved(ground(), 2.0, -1.0, growth=0.02, turn=0.015)])
    found = head_motion(crops, similarity=True)[1]
    np.testing.assert_allclose(found, [2 / 240, -1 / 240, 0.02, 0.015], atol=0.002)
    inside = slice(12, -12)
    left = np.abs(align_crops(crops, AlignConfig(method="similarity"))[1].astype(int) - crops[0])[inside, inside]
    assert left.mean() < 2


def test_a_part_that_moves_by_itself_and_a_change_of_light_hardly_count():
    second = moved(ground(), 1.5, 0.5)
    second[150:200, 80:160] = moved(ground(), 1.5, 14.0)[150:200, 80:160]
    second = cv2.convertScaleAbs(second, alpha=0.93, beta=4)
    found = head_motion(np.stack([ground(), second]), similarity=False)[1]
    np.testing.assert_allclose(found[:2] * 240, (1.5, 0.5), atol=0.35)


def test_flat_crops_stay_where_they_are():
    crops = np.full((3, 90, 90), 120, np.uint8)
    assert not head_motion(crops, similarity=True).any()
    np.testing.assert_array_equal(align_crops(crops, AlignConfig(method="similarity")), crops)


def test_none_is_none():
    crops = np.stack([ground(), moved(ground(), 3, 3)])
    assert align_crops(crops, AlignConfig(method="none")) is crops
