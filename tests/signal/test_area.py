import cv2
import numpy as np
import pytest

from ckseq.signal.area import reduced


@pytest.mark.parametrize("side_px", [32, 67])
@pytest.mark.parametrize("side", [20, 32, 64, 67, 96, 128, 134, 201, 224, 267, 268])
def test_crops_that_are_reduced_together_equal_single_ones_to_the_bit(side, side_px):
    crops = np.random.default_rng(side).integers(0, 256, (7, side, side), dtype=np.uint8)
    alone = [cv2.resize(crop, (side_px, side_px), interpolation=cv2.INTER_AREA) for crop in crops]
    for n_frames in range(1, 8):
        np.testing.assert_array_equal(reduced(crops[:n_frames], side_px=side_px), alone[:n_frames])
