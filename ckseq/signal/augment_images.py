"""Data augmentation of images; pure and seeded."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import DataError

Images = NDArray[np.uint8]


class ImageAugmentConfig(Config):
    """Augmentation of the training images, drawn anew for each use; all zero is none."""

    passes: int = Field(1, ge=1, description="number of times each image is used in an epoch, each time augmented anew")
    rotation_degrees: float = Field(0.0, ge=0, le=180, description="largest rotation in either direction, degrees")
    zoom: float = Field(0.0, ge=0, lt=1, description="largest relative change of width and of height")
    shift: float = Field(0.0, ge=0, lt=1, description="largest translation in each direction, as a share of the side")
    geometry_share: float = Field(1.0, ge=0, le=1, description="probability of rotation, zoom and translation")
    mirror: float = Field(0.0, ge=0, le=1, description="probability of a horizontal flip")
    color_levels: float = Field(
        0.0, ge=0, le=255, description="largest change of red, green and blue each, levels of 255"
    )
    color_share: float = Field(1.0, ge=0, le=1, description="probability of a color change")
    brightness: float = Field(0.0, ge=0, le=1, description="largest change of brightness, as a share of white")
    contrast: float = Field(0.0, ge=0, lt=1, description="largest relative change of contrast about the mean")
    light_share: float = Field(1.0, ge=0, le=1, description="probability of a change of brightness and contrast")
    blur_px: float = Field(0.0, ge=0, description="largest sigma of Gaussian blur, pixels")
    motion_blur_px: float = Field(0.0, ge=0, description="largest length of motion blur, in any direction, pixels")
    noise_levels: float = Field(0.0, ge=0, description="largest standard deviation of Gaussian noise, levels of 255")
    spoiled_share: float = Field(1.0, ge=0, le=1, description="probability of one of blur, motion blur and noise")

    @property
    def changes_nothing(self) -> bool:
        """Whether every amount is zero."""
        amounts = self.model_dump(exclude={"passes", "geometry_share", "color_share", "light_share", "spoiled_share"})
        return not any(amounts.values())


def transformed(
    image: Images, *, rotation_degrees: float, scale: tuple[float, float], shift_px: tuple[float, float]
) -> Images:
    """Rotate an image about its center, scale and translate it; beyond an edge the edge is repeated.

    Parameters
    ----------
    image : (h, w, channels) uint8
    rotation_degrees : float
        Clockwise.
    scale : (float, float)
        Factors of width and height.
    shift_px : (float, float)
        To the right and down.

    Examples
    --------
    >>> transformed(np.eye(3, dtype=np.uint8)[..., None], rotation_degrees=0, scale=(1, 1), shift_px=(1, 0))[..., 0]
    array([[1, 1, 0],
           [0, 0, 1],
           [0, 0, 0]], dtype=uint8)
    """
    height, width = image.shape[:2]
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    angle = np.deg2rad(rotation_degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ np.diag(scale)
    matrix = np.column_stack([turn, middle + shift_px - turn @ middle])
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8).reshape(image.shape)


def adjusted(image: Images, *, levels: NDArray[np.float64], contrast: float) -> Images:
    """Change the contrast of an image about its mean, and add a level to each channel.

    Parameters
    ----------
    image : (h, w, channels) uint8
    levels : (channels,) float
    contrast : float
        A factor.

    Examples
    --------
    >>> adjusted(np.array([[[10], [30]]], np.uint8), levels=np.array([5.0]), contrast=2.0).ravel()
    array([ 5, 45], dtype=uint8)
    """
    mean = image.mean()
    changed = mean + contrast * (image.astype(np.float32) - mean) + levels
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def motion_blurred(image: Images, *, length_px: float, angle_degrees: float) -> Images:
    """Blur an image along a line (motion blur); (h, w, channels) uint8."""
    side = 2 * int(np.ceil(length_px / 2)) + 1
    if side == 1:
        return image
    kernel = np.zeros((side, side), np.float32)
    half = length_px / 2 * np.array([np.cos(np.deg2rad(angle_degrees)), np.sin(np.deg2rad(angle_degrees))])
    ends = [tuple(int(v) for v in np.rint(side // 2 + sign * half)) for sign in (-1, 1)]
    cv2.line(kernel, ends[0], ends[1], 1.0)
    blurred = cv2.filter2D(image, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.uint8).reshape(image.shape)


def augment_images(x: Images, config: ImageAugmentConfig, *, rng: np.random.Generator) -> Images:
    """Augment every image of a batch independently; all frames of a sequence alike.

    Parameters
    ----------
    x : (n, h, w, channels) or (n, t, h, w, channels) uint8
    config : ImageAugmentConfig
    rng : numpy.random.Generator
        Its state determines the result.

    Returns
    -------
    array of uint8
        Of the same shape; ``x`` itself if the config changes nothing.

    Raises
    ------
    DataError
        ``color_levels`` is set, and the images are gray.
    """
    if config.changes_nothing:
        return x
    if config.color_levels and x.shape[-1] != 3:
        raise DataError("gray images have no colors to augment", fix="set image_augmentation.color_levels = 0")
    result = np.empty_like(x)
    for one, augmented in zip(x, result, strict=True):
        frames = one if one.ndim == 4 else one[np.newaxis]
        augmented[...] = _augment(frames, config, rng).reshape(one.shape)
    return result


def _augment(frames: Images, config: ImageAugmentConfig, rng: np.random.Generator) -> Images:
    """Augment the frames (t, h, w, channels) of one recording."""
    # always drawn, so that one setting does not change the random numbers of the others
    turn, wider, higher, across, down, brighter, sharper = rng.uniform(-1, 1, 7)
    colors = rng.uniform(-1, 1, 3)
    moves, mirrors, recolors, relights, degrades = rng.random(5) < (
        config.geometry_share,
        config.mirror,
        config.color_share,
        config.light_share,
        config.spoiled_share,
    )
    height, width, channels = frames.shape[1:]
    changed = [frame[:, ::-1] if mirrors else frame for frame in frames]
    if moves and (config.rotation_degrees or config.zoom or config.shift):
        scale = (1 + config.zoom * wider, 1 + config.zoom * higher)
        shift_px = (config.shift * across * width, config.shift * down * height)
        rotation_degrees = config.rotation_degrees * turn
        changed = [
            transformed(np.ascontiguousarray(frame), rotation_degrees=rotation_degrees, scale=scale, shift_px=shift_px)
            for frame in changed
        ]
    levels = np.full(channels, 255 * config.brightness * brighter * relights)
    if config.color_levels:
        levels = levels + config.color_levels * colors * recolors
    contrast = 1 + config.contrast * sharper * relights
    if contrast != 1 or levels.any():
        changed = [adjusted(frame, levels=levels, contrast=contrast) for frame in changed]
    stacked = np.stack(changed)
    return _degrade(stacked, config, rng) if degrades else stacked


def _degrade(frames: Images, config: ImageAugmentConfig, rng: np.random.Generator) -> Images:
    """Apply one of the degradations of the config: Gaussian blur, motion blur or noise."""
    amounts = {"blur": config.blur_px, "motion": config.motion_blur_px, "noise": config.noise_levels}
    wanted = [kind for kind, amount in amounts.items() if amount]
    if not wanted:
        return frames
    kind = wanted[rng.integers(len(wanted))]
    amount, angle = amounts[kind] * rng.random(), rng.uniform(0, 180)
    if kind == "noise":
        noisy = frames + amount * rng.standard_normal(frames.shape, dtype=np.float32)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
    if kind == "motion":
        return np.stack([motion_blurred(frame, length_px=amount, angle_degrees=angle) for frame in frames])
    sigma = max(amount, 0.1)
    return np.stack([cv2.GaussianBlur(frame, (0, 0), sigma).reshape(frame.shape) for frame in frames])
