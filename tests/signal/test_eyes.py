import numpy as np
import pytest
from made_images import center_of, with_spots

from ckseq.errors import DataError
from ckseq.signal.eyes import crop_by_eyes

IMAGE = np.arange(100 * 120, dtype=np.uint32).reshape(100, 120).astype(np.uint8)


@pytest.mark.parametrize("eyes", [((90, 80), (150, 80)), ((90, 120), (140, 80)), ((150, 110), (90, 70))])
@pytest.mark.parametrize("side_px", [100, 40, 20])
def test_the_eyes_come_to_lie_level_at_the_places_asked_for(eyes, side_px):
    cut = crop_by_eyes(with_spots(*eyes), eyes, side_px=side_px, distance_share=0.4, height_share=0.4)
    assert cut.shape == (side_px, side_px)
    left, right = center_of(cut[:, : side_px // 2]), center_of(cut[:, side_px // 2 :], side_px // 2)
    np.testing.assert_allclose(left, [0.3 * side_px, 0.4 * side_px], atol=0.3)
    np.testing.assert_allclose(right, [0.7 * side_px, 0.4 * side_px], atol=0.3)


def test_a_cut_by_the_eyes_worked_out_by_hand():
    # upright and at its own size: the eyes 8 apart of a side of 16, 4 below the upper edge
    eyes = ((30.0, 40.0), (38.0, 40.0))
    cut = crop_by_eyes(IMAGE, eyes, side_px=16, distance_share=0.5, height_share=0.25)
    np.testing.assert_array_equal(cut, IMAGE[36:52, 26:42])
    # at half its size: each pixel the mean of four around its place
    slope = np.add.outer(np.arange(100), np.arange(120)).astype(np.uint8)
    cut = crop_by_eyes(slope, eyes, side_px=8, distance_share=0.5, height_share=0.25)
    np.testing.assert_array_equal(cut, slope[36:52:2, 26:42:2])
    # a head turned by a right angle: what was to the right lies below
    cut = crop_by_eyes(IMAGE, ((40.0, 30.0), (40.0, 38.0)), side_px=16, distance_share=0.5, height_share=0.25)
    np.testing.assert_array_equal(cut, np.rot90(IMAGE[26:42, 29:45]))


def test_a_cut_by_the_eyes_keeps_channels_and_repeats_the_border():
    image = np.full((20, 20, 3), (10, 20, 30), np.uint8)
    cut = crop_by_eyes(image, ((-5.0, 2.0), (8.0, 3.0)), side_px=12, distance_share=0.3, height_share=0.4)
    np.testing.assert_array_equal(cut, np.full((12, 12, 3), (10, 20, 30)))


def test_two_eyes_at_the_same_place():
    with pytest.raises(DataError, match="same place"):
        crop_by_eyes(IMAGE, ((9.0, 9.0), (9.0, 9.0)), side_px=16, distance_share=0.4, height_share=0.4)
