import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckseq.errors import DataError
from ckseq.signal.augment_images import ImageAugmentConfig, adjusted, augment_images, motion_blurred, transformed

FACE = cv2.GaussianBlur(np.random.default_rng(1).integers(0, 256, (20, 24, 3), dtype=np.uint8), (0, 0), 1)
EVERYTHING = ImageAugmentConfig(
    rotation_degrees=60, zoom=0.1, shift=0.1, mirror=0.5, color_levels=20, brightness=0.2, contrast=0.2, blur_px=2,
    motion_blur_px=7, noise_levels=10,
)  # fmt: skip


def rng(seed=0):
    return np.random.default_rng(seed)


def test_nothing_asked_nothing_done():
    assert ImageAugmentConfig(passes=4).changes_nothing
    batch = np.stack([FACE] * 2)
    assert augment_images(batch, ImageAugmentConfig(), rng=rng()) is batch


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_quarter_turn_is_that_of_numpy(quarter):
    square = FACE[:, :20]
    turned = transformed(square, rotation_degrees=90 * quarter, scale=(1, 1), shift_px=(0, 0))
    np.testing.assert_array_equal(turned, np.rot90(square, -quarter))


def test_doubling_about_the_middle():
    image = np.zeros((9, 9, 1), np.uint8)
    image[3:6, 3:6] = 100
    doubled = transformed(image, rotation_degrees=0, scale=(2, 1), shift_px=(0, 0))
    assert np.argwhere(doubled[4, :, 0] == 100).ravel().tolist() == [2, 3, 4, 5, 6]
    assert np.argwhere(doubled[:, 4, 0] == 100).ravel().tolist() == [3, 4, 5]


def test_levels_are_added_to_each_channel_and_clipped():
    image = np.full((2, 2, 3), 250, np.uint8)
    np.testing.assert_array_equal(adjusted(image, levels=np.array([10.0, 0, -300]), contrast=1.0)[0, 0], [255, 250, 0])


def test_motion_blur_spreads_a_point_along_its_line():
    image = np.zeros((15, 15, 1), np.uint8)
    image[7, 7] = 255
    blurred = motion_blurred(image, length_px=6, angle_degrees=0)
    assert (blurred[7, 4:11, 0] == round(255 / 7)).all()
    assert blurred.sum() == blurred[7, 4:11].sum()
    assert motion_blurred(image, length_px=0, angle_degrees=0) is image


def test_the_same_numbers_the_same_bytes_and_each_image_by_itself():
    batch = np.stack([FACE] * 4)
    before = batch.copy()
    one = augment_images(batch, EVERYTHING, rng=rng(3))
    np.testing.assert_array_equal(one, augment_images(batch, EVERYTHING, rng=rng(3)))
    np.testing.assert_array_equal(batch, before)
    assert (one.shape, one.dtype) == (batch.shape, np.uint8)
    assert len({image.tobytes() for image in one}) == 4


def test_all_frames_of_a_sequence_are_transformed_alike():
    sequence = np.stack([FACE, FACE[:, ::-1].copy()])[None]
    config = ImageAugmentConfig(rotation_degrees=30, shift=0.2, brightness=0.2)
    varied = augment_images(sequence, config, rng=rng(5))[0]
    alone = augment_images(sequence[:, :1], config, rng=rng(5))[0]
    np.testing.assert_array_equal(varied[:1], alone)


@pytest.mark.parametrize(
    ("config", "share"),
    [
        (ImageAugmentConfig(mirror=0.25), 0.25),
        (ImageAugmentConfig(rotation_degrees=60, geometry_share=0.5), 0.5),
        (ImageAugmentConfig(color_levels=20, color_share=0.5), 0.5),
        (ImageAugmentConfig(contrast=0.5, light_share=0.75), 0.75),
        (ImageAugmentConfig(noise_levels=40, spoiled_share=0.5), 0.5),
    ],
)
def test_shares_are_shares_of_the_images(config, share):
    batch = np.stack([FACE] * 400)
    changed = (augment_images(batch, config, rng=rng()) != batch).any(axis=(1, 2, 3)).mean()
    assert abs(changed - share) < 0.08


def test_amounts_are_bounds():
    gray = np.full((200, 6, 6, 1), 128, np.uint8)
    levels = augment_images(gray, ImageAugmentConfig(brightness=0.1), rng=rng())[:, 0, 0, 0].astype(int) - 128
    assert (levels.min(), levels.max()) == (-25, 25) or (abs(levels) <= 26).all()
    assert levels.std() > 10


def test_gray_images_have_no_colors():
    with pytest.raises(DataError, match="gray images have no colors"):
        augment_images(np.zeros((1, 8, 8, 1), np.uint8), EVERYTHING, rng=rng())


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 3), st.integers(2, 12), st.integers(2, 12), st.sampled_from([1, 3]), st.integers(0, 999))
def test_any_image_keeps_its_shape(n, height, width, channels, seed):
    config = EVERYTHING if channels == 3 else EVERYTHING.model_copy(update={"color_levels": 0.0})
    images = rng(seed).integers(0, 256, (n, height, width, channels), dtype=np.uint8)
    varied = augment_images(images, config, rng=rng(seed))
    assert (varied.shape, varied.dtype) == (images.shape, np.uint8)
