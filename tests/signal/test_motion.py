import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from paper_reference import paper_binaries

from ckseq.errors import DataError
from ckseq.signal.motion import MotionConfig, blurred, erode, light_gain, noise_level, wrapped_difference
from ckseq.tracking.motion import Motion, blobs_of

CROPS = arrays(np.uint8, st.tuples(st.integers(2, 5), st.integers(6, 20), st.integers(6, 20)))


@given(CROPS)
def test_blobs_equal_the_papers_script(crops):
    # random pixels leave little after erosion, so compare on coarse blocks too
    for sequence in (crops, np.kron(crops, np.ones((1, 8, 8), np.uint8))):
        before = sequence.copy()
        blobs = blobs_of(sequence, MotionConfig())
        assert blobs.dtype == np.bool_
        np.testing.assert_array_equal(blobs, np.array(paper_binaries(list(sequence))).astype(bool))
        np.testing.assert_array_equal(sequence, before)


def test_difference_wraps_modulo_256_by_hand():
    crops = np.array([[[0, 200, 7]], [[1, 60, 7]]], np.uint8)
    assert wrapped_difference(crops).tolist() == [[[255, 140, 0]]]
    blobs = blobs_of(crops, MotionConfig(erosion_px=1))
    assert blobs.tolist() == [[[True, True, False]]]


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


def test_one_crop_has_no_motion():
    with pytest.raises(DataError, match="1 frame with a face: motion needs two"):
        blobs_of(np.zeros((1, 8, 8), np.uint8), MotionConfig())


STEADY = MotionConfig(reference="first", difference="signed", threshold=9.5, erosion_px=1)


def test_signed_difference_to_the_first_frame_by_hand():
    crops = np.array([[[50, 50, 50]], [[60, 40, 59]], [[50, 61, 0]]], np.uint8)
    brighter, darker = np.moveaxis(blobs_of(crops, STEADY), -1, 0)
    assert brighter.tolist() == [[[True, False, False]], [[False, True, False]]]
    assert darker.tolist() == [[[False, True, False]], [[False, False, True]]]


def test_the_third_channel_is_what_moves_just_now_by_hand():
    crops = np.array([[[50, 50, 50]], [[60, 40, 53]], [[60, 47, 50]]], np.uint8)
    blobs = blobs_of(crops, STEADY.model_copy(update={"moving_threshold": 6.5}))
    np.testing.assert_array_equal(blobs[..., :2], blobs_of(crops, STEADY))
    assert blobs[..., 2].tolist() == [[[True, True, False]], [[False, True, False]]]


def test_both_thresholds_are_counted_in_noise():
    generator = np.random.default_rng(2)
    crops = generator.normal(120, 20, (6, 80, 80)).clip(0, 255).round().astype(np.uint8)
    in_noise = MotionConfig(
        reference="previous", difference="signed", threshold=2, moving_threshold=1, threshold_unit="noise", erosion_px=1
    )
    blobs = blobs_of(crops, in_noise)
    # of a difference of two normal variables, more than sqrt(2) and more than 1/sqrt(2) standard deviations
    np.testing.assert_allclose(blobs.mean(axis=(0, 1, 2)), [0.0786, 0.0786, 0.4795], atol=0.02)


@given(CROPS)
def test_absolute_is_either_sign(crops):
    signed = blobs_of(crops, STEADY)
    absolute = blobs_of(crops, STEADY.model_copy(update={"difference": "absolute"}))
    np.testing.assert_array_equal(absolute, signed.any(axis=-1))


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        # 8, 4 and 100 against 0, 8 and 4; against 0; against 6; against 0, 4 and 4
        ("previous", [8, -4, 96]),
        ("first", [8, 4, 100]),
        ("median", [2, -2, 94]),
        ("running", [8, 0, 96]),
        # waits from the first step on, which is larger than the threshold
        ("neutral", [8, 4, 100]),
    ],
)
def test_references_by_hand(reference, expected):
    crops = np.array([0, 8, 4, 100], np.uint8).reshape(4, 1, 1)
    for step, change in enumerate(expected):
        for threshold in (abs(change) - 0.5, abs(change) + 0.5):
            config = MotionConfig(
                reference=reference, difference="signed", threshold=max(threshold, 0), erosion_px=1, running_frames=2
            )
            if reference != "neutral" or threshold < 4:
                blobs = blobs_of(crops, config)[step, 0, 0].tolist()
                assert blobs == [change > max(threshold, 0), -change > max(threshold, 0)]


def test_a_neutral_face_takes_in_what_rests_and_waits_while_it_moves():
    def after(*levels):
        motion = Motion(
            MotionConfig(reference="neutral", difference="absolute", threshold=3, erosion_px=1, running_frames=4)
        )
        return [motion.step(np.full((8, 8), level, np.float32)) for level in levels][-1].all()

    # a slow change is taken in, so that 5 is near to what was 3; a sudden one is waited for
    assert not after(0, *[3] * 10, 5)
    assert after(0, 4, 8, 12, 16, 3.5)
    # in the end a face that rests is neutral, whatever it shows
    assert after(0, 4, 4)
    assert not after(0, *[4] * 10)


def test_a_flicker_of_the_light_is_no_motion_once_equalized():
    ground = np.random.default_rng(0).integers(60, 120, (40, 40))
    crops = np.stack([ground, ground * 1.2, ground * 0.8]).astype(np.uint8)
    assert blobs_of(crops, STEADY).any()
    config = STEADY.model_copy(update={"light": "equalized"})
    assert not blobs_of(crops, config).any()


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


@pytest.mark.parametrize("n_frames", [2, 5, 6])
def test_the_median_of_all_is_numpys_to_the_bit(n_frames):
    frames = np.random.default_rng(2).normal(120, 40, (n_frames, 24, 20)).clip(0, 255).astype(np.uint8)
    config = MotionConfig(reference="median", difference="absolute", threshold=9.0, erosion_px=1, blur_px=1.5)
    lit = blurred(frames, sigma_px=1.5)
    np.testing.assert_array_equal(blobs_of(frames, config), np.abs(lit[1:] - np.median(lit, axis=0)) > 9.0)
