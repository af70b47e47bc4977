import cv2
import numpy as np
import pytest

from ckseq.signal.align import Config, aligned, drift, shifted_back


def ground(seed=0):
    noise = np.random.default_rng(seed).integers(0, 256, (240, 240), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 4), None, 0, 255, cv2.NORM_MINMAX)


def shifted(image, x, y):
    """The image moved to the right and down, by another way than the module's."""
    height, width = image.shape
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32) - x, np.arange(height, dtype=np.float32) - y)
    return cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize(("x", "y"), [(0.0, 0.0), (3.0, -2.0), (-5.5, 4.25), (0.4, 0.7)])
def test_drift_is_measured_to_a_fifth_of_a_pixel_and_undone(x, y):
    crops = np.stack([ground(), shifted(ground(), x, y)])
    np.testing.assert_allclose(drift(crops), [(0, 0), (x, y)], atol=0.2)
    inside = slice(10, -10)
    left = np.abs(aligned(crops, Config(method="translation"))[1].astype(int) - crops[0])[inside, inside]
    assert left.mean() < 1.5


def test_none_is_none():
    crops = np.stack([ground(), shifted(ground(), 3, 3)])
    assert aligned(crops, Config(method="none")) is crops


def test_shifts_of_whole_pixels_are_exact():
    image = ground()
    back = shifted_back(np.stack([image]), np.array([[4.0, -3.0]]))[0]
    np.testing.assert_array_equal(back[3:-3, :-4], np.roll(image, (3, -4), (0, 1))[3:-3, :-4])
