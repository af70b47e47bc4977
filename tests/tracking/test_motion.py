import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from paper_reference import paper_binaries

from ckseq.errors import DataError
from ckseq.signal.motion import MotionConfig, blurred
from ckseq.tracking.motion import MotionDetector, motion_blobs

CROPS = arrays(np.uint8, st.tuples(st.integers(2, 5), st.integers(6, 20), st.integers(6, 20)))


@given(CROPS)
def test_blobs_equal_the_papers_script(crops):
    # random pixels leave little after erosion, so compare on coarse blocks too
    for sequence in (crops, np.kron(crops, np.ones((1, 8, 8), np.uint8))):
        before = sequence.copy()
        blobs = motion_blobs(sequence, MotionConfig())
        assert blobs.dtype == np.bool_
        np.testing.assert_array_equal(blobs, np.array(paper_binaries(list(sequence))).astype(bool))
        np.testing.assert_array_equal(sequence, before)


def test_blobs_of_the_wrapped_difference_by_hand():
    crops = np.array([[[0, 200, 7]], [[1, 60, 7]]], np.uint8)
    blobs = motion_blobs(crops, MotionConfig(erosion_px=1))
    assert blobs.tolist() == [[[True, True, False]]]


def test_one_crop_has_no_motion():
    with pytest.raises(DataError, match="1 frame with a face: motion needs two"):
        motion_blobs(np.zeros((1, 8, 8), np.uint8), MotionConfig())


STEADY = MotionConfig(reference="first", difference="signed", threshold=9.5, erosion_px=1)


def test_signed_difference_to_the_first_frame_by_hand():
    crops = np.array([[[50, 50, 50]], [[60, 40, 59]], [[50, 61, 0]]], np.uint8)
    brighter, darker = np.moveaxis(motion_blobs(crops, STEADY), -1, 0)
    assert brighter.tolist() == [[[True, False, False]], [[False, True, False]]]
    assert darker.tolist() == [[[False, True, False]], [[False, False, True]]]


def test_the_third_channel_is_what_moves_just_now_by_hand():
    crops = np.array([[[50, 50, 50]], [[60, 40, 53]], [[60, 47, 50]]], np.uint8)
    blobs = motion_blobs(crops, STEADY.model_copy(update={"moving_threshold": 6.5}))
    np.testing.assert_array_equal(blobs[..., :2], motion_blobs(crops, STEADY))
    assert blobs[..., 2].tolist() == [[[True, True, False]], [[False, True, False]]]


def test_both_thresholds_are_counted_in_noise():
    generator = np.random.default_rng(2)
    crops = generator.normal(120, 20, (6, 80, 80)).clip(0, 255).round().astype(np.uint8)
    in_noise = MotionConfig(
        reference="previous", difference="signed", threshold=2, moving_threshold=1, threshold_unit="noise", erosion_px=1
    )
    blobs = motion_blobs(crops, in_noise)
    # of a difference of two normal variables, more than sqrt(2) and more than 1/sqrt(2) standard deviations
    np.testing.assert_allclose(blobs.mean(axis=(0, 1, 2)), [0.0786, 0.0786, 0.4795], atol=0.02)


@given(CROPS)
def test_absolute_is_either_sign(crops):
    signed = motion_blobs(crops, STEADY)
    absolute = motion_blobs(crops, STEADY.model_copy(update={"difference": "absolute"}))
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
                blobs = motion_blobs(crops, config)[step, 0, 0].tolist()
                assert blobs == [change > max(threshold, 0), -change > max(threshold, 0)]


def test_a_neutral_face_adapts_while_still_and_pauses_while_moving():
    def after(*levels):
        motion = MotionDetector(
            MotionConfig(reference="neutral", difference="absolute", threshold=3, erosion_px=1, running_frames=4)
        )
        return [motion.update(np.full((8, 8), level, np.float32)) for level in levels][-1].all()

    # a slow change is adapted to, so that 5 is near to what was 3; a sudden one is not
    assert not after(0, *[3] * 10, 5)
    assert after(0, 4, 8, 12, 16, 3.5)
    # in the end a face that rests is neutral, whatever it shows
    assert after(0, 4, 4)
    assert not after(0, *[4] * 10)


def test_a_flicker_of_the_light_is_no_motion_once_equalized():
    ground = np.random.default_rng(0).integers(60, 120, (40, 40))
    crops = np.stack([ground, ground * 1.2, ground * 0.8]).astype(np.uint8)
    assert motion_blobs(crops, STEADY).any()
    config = STEADY.model_copy(update={"light": "equalized"})
    assert not motion_blobs(crops, config).any()


@pytest.mark.parametrize("n_frames", [2, 5, 6])
def test_the_median_of_all_is_numpys_to_the_bit(n_frames):
    frames = np.random.default_rng(2).normal(120, 40, (n_frames, 24, 20)).clip(0, 255).astype(np.uint8)
    config = MotionConfig(reference="median", difference="absolute", threshold=9.0, erosion_px=1, blur_px=1.5)
    lit = blurred(frames, sigma_px=1.5)
    np.testing.assert_array_equal(motion_blobs(frames, config), np.abs(lit[1:] - np.median(lit, axis=0)) > 9.0)


def test_the_median_is_that_of_the_crops_that_show_a_face():
    crops = np.array([0, 0, 50, 52, 54], np.uint8).reshape(5, 1, 1)
    config = MotionConfig(reference="median", difference="signed", threshold=1.5, erosion_px=1)
    seen = np.array([False, False, True, True, True])
    assert motion_blobs(crops, config, shows_face=seen)[:, 0, 0].tolist() == [
        [False, True], [False, True], [False, False], [True, False],
    ]  # fmt: skip
    np.testing.assert_array_equal(
        motion_blobs(crops, config, shows_face=np.zeros(5, bool)), motion_blobs(crops, config)
    )
