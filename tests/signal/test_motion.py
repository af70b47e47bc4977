import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ckseq.signal.motion import MotionConfig, erode, light_gain, noise_level, wrapped_difference


def test_difference_wraps_modulo_256_by_hand():
    crops = np.array([[[0, 200, 7]], [[1, 60, 7]]], np.uint8)
    assert wrapped_difference(crops).tolist() == [[[255, 140, 0]]]


def test_erosion_of_one_pixel_is_none_and_the_border_does_not_erode():
    full = np.ones((1, 9, 9), bool)
    assert erode(full, side_px=5).all()
    dot = np.zeros((1, 9, 9), bool)
    dot[0, 4, 4] = True
    np.testing.assert_array_equal(erode(dot, side_px=1), dot)


@given(arrays(np.bool_, (2, 12, 12)), st.integers(1, 6))
def test_erosion_equals_opencv_on_0_and_255(blobs, side):
    expected = [cv2.erode(frame.astype(np.uint8) * 255, np.ones((side, side), np.uint8)) > 0 for frame in blobs]
    np.testing.assert_array_equal(erode(blobs, side_px=side), expected)


def test_a_part_that_turns_dark_does_not_make_the_rest_bright():
    first = np.random.default_rng(0).uniform(60, 120, (40, 40)).astype(np.float32)
    second = 0.9 * first
    second[:, :16] = 20  # two fifths of the picture
    even = second * light_gain(second, first=first)
    np.testing.assert_allclose(even[:, 16:], first[:, 16:], rtol=0.01)


@pytest.mark.parametrize("sigma", [1.0, 3.0])
def test_noise_level_recovers_the_sigma_of_gaussian_noise_though_a_part_moves(sigma):
    generator = np.random.default_rng(1)
    frames = generator.normal(100, sigma, (12, 80, 80)).astype(np.float32)
    for step in range(12):
        frames[step, :25, :25] += 10 * step
    assert noise_level(frames) == pytest.approx(sigma, rel=0.2)


@pytest.mark.parametrize("settings", [{"reference": "first"}, {"blur_px": 1.0}, {"threshold_unit": "noise"}])
def test_wrapped_is_refused_with_anything_but_the_papers_steps(settings):
    with pytest.raises(ValueError, match="the paper's arithmetic and needs"):
        MotionConfig(difference="wrapped", **settings)
