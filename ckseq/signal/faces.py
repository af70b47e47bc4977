"""Face boxes and the square crops cut from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import CallError, DataError
from ckseq.signal.eyes import Point, crop_by_eyes


class Box(NamedTuple):
    """A face in an image: pixels, x to the right and y down; it may reach beyond the image.

    ``right`` and ``bottom`` are the ends of the slices ``image[top:bottom, left:right]``. ``points`` are, as (x, y),
    the eyes, the nose and the corners of the mouth, each pair from left to right as seen; empty where the detector
    gives none.

    Examples
    --------
    >>> box = ckseq.Box(10, 20, 110, 120, score=0.9)
    >>> box.right - box.left, box.points
    (100, ())
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float
    points: tuple[Point, ...] = ()


Detector = Callable[[NDArray[np.uint8]], list[Box]]

FLAT_LEVELS = 3.0
"""Images whose gray levels deviate by less show no face: black frames of videos have 0 to 1, faces 20 and more."""


class FacesConfig(Config):
    """How the face is tracked through a sequence and cropped."""

    policy: Literal["every_frame", "anchor", "landmarks", "smoothed", "tracked"] = Field(
        "every_frame",
        description="every_frame: a box detected in every frame (the paper); anchor: one box for the sequence, "
        "detected in some frames; landmarks: one box for the sequence, from its landmarks, else as anchor; "
        "smoothed: boxes detected every stride_frames, interpolated and smoothed, for long videos in which the head "
        "moves; tracked: a box tracked frame by frame without looking ahead, for live video",
    )
    pick: Literal["last", "first", "largest", "central"] = Field(
        "last",
        description="which of several faces: the detector's last (the paper) or first, the largest, the most central",
    )
    cut: Literal["box", "eyes"] = Field(
        "box",
        description="what aligns the crop: the box; or the eyes, which end up level and always at the same places, for "
        "detectors that find them (mtcnn)",
    )
    margin_px: int = Field(
        0, ge=0, le=2048, description="pixels added to the box on every side where cut is box, as far as the image goes"
    )
    eye_distance_share: float = Field(
        0.4, ge=0.1, le=0.9, description="distance of the eyes where cut is eyes, share of the crop's side"
    )
    eye_height_share: float = Field(
        0.38, ge=0.1, le=0.9, description="depth of the eyes below the top where cut is eyes, share of the side"
    )
    side_px: int = Field(267, ge=8, le=2048, description="side of the square crop, pixels")
    color: Literal["gray", "rgb"] = Field(
        "gray", description="of the crops: gray levels, or red, green and blue; faces are detected in gray"
    )
    anchors: int = Field(
        3, ge=1, description="frames in which a face is detected where policy is anchor; the box is their median"
    )
    stride_frames: int = Field(
        5, ge=1, description="a face is detected every so many frames where policy is smoothed or tracked"
    )
    smoothing_frames: float = Field(
        5.0, ge=0, description="sigma of the temporal smoothing where policy is smoothed; time constant where tracked"
    )
    slack: float = Field(
        0.12,
        ge=0,
        le=0.5,
        description="share of its side that a face may move before the box follows, where policy is tracked",
    )


def crop(image: NDArray[np.uint8], box: Box, *, side_px: int) -> NDArray[np.uint8]:
    """Cut a box out of an image and resize it to a square, with OpenCV's default interpolation.

    Parameters
    ----------
    image : (h, w) or (h, w, 3) uint8
    box : Box
        Clipped to the image.
    side_px : int
        Side of the result, pixels.

    Returns
    -------
    (side_px, side_px) or (side_px, side_px, 3) uint8

    Raises
    ------
    DataError
        The box lies outside the image.
    """
    part = image[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)]
    if part.size == 0:
        raise DataError(f"the face box {tuple(box[:4])} lies outside the image of {image.shape[1]}x{image.shape[0]}")
    return np.asarray(cv2.resize(part, (side_px, side_px)), dtype=np.uint8)


def enlarged(box: Box, *, margin_px: int) -> Box:
    """Return a box with a margin on every side; it may reach beyond the image.

    >>> enlarged(Box(5, 20, 105, 120, 1.0), margin_px=10)[:4]
    (-5, 10, 115, 130)
    """
    left, top, right, bottom = box[:4]
    return box._replace(left=left - margin_px, top=top - margin_px, right=right + margin_px, bottom=bottom + margin_px)


def is_flat(image: NDArray[np.uint8]) -> bool:
    """Return whether an image, (h, w) or (h, w, 3), shows nothing, such as a black frame before a video fades in.

    Its standard deviation, of every fourth pixel both ways and in each color, is below `FLAT_LEVELS`.

    >>> is_flat(np.zeros((8, 8), np.uint8)), is_flat(np.arange(64, dtype=np.uint8).reshape(8, 8))
    (True, False)
    """
    return image.size == 0 or float(cv2.meanStdDev(np.ascontiguousarray(image[::4, ::4]))[1].max()) < FLAT_LEVELS


def verified(candidates: list[Box], image: NDArray[np.uint8]) -> list[Box]:
    """Return the boxes in which something is seen; detectors that always answer find faces in black frames too."""
    return [
        box
        for box in candidates
        if not is_flat(image[max(box.top, 0) : max(box.bottom, 0), max(box.left, 0) : max(box.right, 0)])
    ]


def largest_jump(boxes: Sequence[Box]) -> float:
    """Return the farthest that the center of successive boxes moves at once, in sides of the box before.

    >>> largest_jump([Box(0, 0, 10, 10, 1.0), Box(3, 4, 13, 14, 1.0), Box(3, 4, 23, 24, 1.0)])
    0.7071067811865476
    """
    sides = np.array([box[:4] for box in boxes], float).reshape(-1, 4)
    moved = np.hypot(*np.diff((sides[:, :2] + sides[:, 2:]) / 2, axis=0).T)
    lengths = (sides[:, 2:] - sides[:, :2]).max(axis=1)
    return float((moved / lengths[:-1]).max(initial=0.0))


def to_gray(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images in gray levels, by OpenCV's weights (ITU-R BT.601).

    Parameters
    ----------
    images : (..., h, w, 3) uint8
        Red, green, blue.

    Returns
    -------
    (..., h, w) uint8

    >>> to_gray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist()
    [[76, 150, 29]]
    """
    # as one tall image: the conversion is pixel by pixel
    tall = np.ascontiguousarray(images).reshape(-1, images.shape[-2], 3)
    return np.asarray(cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY), np.uint8).reshape(images.shape[:-1])


def cut_face(image: NDArray[np.uint8], box: Box, config: FacesConfig) -> NDArray[np.uint8]:
    """Cut one face out of an image, by its box or by its eyes.

    Raises
    ------
    CallError
        The config asks for eyes, and the detector found none.
    DataError
        The box lies outside the image, or both eyes are at the same place.
    """
    if config.cut == "box":
        return crop(image, enlarged(box, margin_px=config.margin_px), side_px=config.side_px)
    if len(box.points) < 2:
        raise CallError("faces.cut = eyes needs a detector that finds the eyes", fix="detector.kind = mtcnn does")
    return crop_by_eyes(
        image,
        (box.points[0], box.points[1]),
        side_px=config.side_px,
        distance_share=config.eye_distance_share,
        height_share=config.eye_height_share,
    )


def pick_box(boxes: list[Box], *, pick: str, shape: tuple[int, int]) -> Box:
    """Choose one of several boxes of a frame.

    >>> boxes = [Box(0, 0, 10, 10, 2.0), Box(40, 40, 60, 60, 1.0)]
    >>> pick_box(boxes, pick="largest", shape=(100, 100)) is boxes[1]
    True
    """
    if pick == "last":
        return boxes[-1]
    if pick == "first":
        return boxes[0]
    if pick == "largest":
        return max(boxes, key=lambda box: (box.right - box.left) * (box.bottom - box.top))
    height, width = shape
    return min(boxes, key=lambda box: np.hypot(box.left + box.right - width, box.top + box.bottom - height))


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes.

    >>> overlap(Box(0, 0, 2, 2, 0.0), Box(1, 0, 3, 2, 0.0))
    0.3333333333333333
    """
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(width, 0) * max(height, 0)
    areas = sum((box.right - box.left) * (box.bottom - box.top) for box in (one, other))
    return common / (areas - common)


def coordinates(box: Box) -> NDArray[np.float64]:
    """Return the coordinates of a box: its four sides, then x and y of every point."""
    return np.array([*box[:4], *(number for point in box.points for number in point)], np.float64)


def box_from(numbers: NDArray[Any], score: float) -> Box:
    """Return the box of such coordinates; the inverse of `coordinates`."""
    left, top, right, bottom = np.round(numbers[:4]).astype(int).tolist()
    return Box(left, top, right, bottom, score, tuple((float(x), float(y)) for x, y in numbers[4:].reshape(-1, 2)))


def detect_at_scale(image: NDArray[np.uint8], detector: Detector, *, scale: float) -> list[Box]:
    """Detect faces in a resized image; boxes are in the pixels of the image as given."""
    if scale == 1:
        return detector(image)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)
    return [box_from(coordinates(box) / scale, box.score) for box in detector(resized)]


def same_face(candidates: list[Box], before: Box | None, *, pick: str, shape: tuple[int, int]) -> Box:
    """Return the candidate that overlaps the box before most; without one, or without overlap, the one of ``pick``."""
    if before is not None:
        nearest = max(candidates, key=lambda box: overlap(box, before))
        if overlap(nearest, before) > 0:
            return nearest
    return pick_box(candidates, pick=pick, shape=shape)


def smooth_path(path: NDArray[np.float64], *, sigma_frames: float) -> NDArray[np.float64]:
    """Smooth boxes along time with a Gaussian; the ends are repeated, so that a resting box stays where it is.

    Parameters
    ----------
    path : (t, n) float64
        Any numbers that change along time.
    sigma_frames : float
        0 leaves them unchanged.
    """
    reach = int(np.ceil(3 * sigma_frames))
    if reach == 0:
        return path
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    weights /= weights.sum()
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, side], weights, mode="valid") for side in range(path.shape[1])], axis=1)
