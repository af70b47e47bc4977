"""Face boxes, and the square crops that are cut along them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config as BaseConfig
from ckseq.errors import DataError


class Box(NamedTuple):
    """A face in an image: pixels, x to the right and y down; it may reach beyond the image.

    ``right`` and ``bottom`` are the ends of the slices ``image[top:bottom, left:right]``.
    """

    left: int
    top: int
    right: int
    bottom: int
    score: float


Detector = Callable[[NDArray[np.uint8]], list[Box]]


class Config(BaseConfig):
    """How the face is followed through a sequence."""

    policy: Literal["every_frame", "anchor", "smoothed"] = Field(
        "every_frame",
        description="a box found anew in every frame (the paper); or one box for the whole sequence; or boxes found "
        "every stride_frames, interpolated and smoothed, for long videos in which the head moves",
    )
    pick: Literal["last", "first", "largest", "central"] = Field(
        "last",
        description="which of several faces: the detector's last (the paper) or first, the largest, the most central",
    )
    side_px: int = Field(267, ge=8, le=2048, description="side of the square crop, pixels")
    colour: Literal["grey", "rgb"] = Field(
        "grey", description="what the crops keep: grey levels, or red, green and blue; faces are searched in grey"
    )
    anchors: int = Field(3, ge=1, description="frames in which an anchor is looked for; the box is their median")
    stride_frames: int = Field(5, ge=1, description="distance of the frames looked at where policy is smoothed")
    smoothing_frames: float = Field(5.0, ge=0, description="sigma of the smoothing along time where it is smoothed")


class Faces(NamedTuple):
    """The face of one sequence, frame by frame.

    ``crops`` (t, side, side) uint8, or (t, side, side, 3) red, green, blue; ``boxes`` (t, 4) int32, left, top, right,
    bottom in the frame; ``n_found`` (t,) int32, faces found in the frame: 0 where it was looked at in vain, so that box
    or crop come from other frames, and -1 where it was not looked at; ``n_dropped``, frames before the first face that
    have no crop.
    """

    crops: NDArray[np.uint8]
    boxes: NDArray[np.int32]
    n_found: NDArray[np.int32]
    n_dropped: int

    @property
    def n_without_face(self) -> int:
        """Frames that were looked at in vain."""
        return int((self.n_found == 0).sum()) + self.n_dropped


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


def to_grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images in grey levels, by OpenCV's weights (ITU-R BT.601).

    Parameters
    ----------
    images : (..., h, w, 3) uint8
        Red, green, blue.

    Returns
    -------
    (..., h, w) uint8

    >>> to_grey(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)).tolist()
    [[76, 150, 29]]
    """
    # one tall picture: the weights know no neighbours
    tall = np.ascontiguousarray(images).reshape(-1, images.shape[-2], 3)
    return np.asarray(cv2.cvtColor(tall, cv2.COLOR_RGB2GRAY), np.uint8).reshape(images.shape[:-1])


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


def follow(frames: Iterable[NDArray[np.uint8]], detector: Detector, config: Config) -> Faces:
    """Cut the face out of every frame of a sequence.

    With the policy ``every_frame`` a frame without a face keeps the crop before it, and frames before the first face
    are dropped. With the others every frame has a crop. ``anchor`` holds the whole sequence in memory.

    Parameters
    ----------
    frames : iterable of (h, w) uint8, or of (h, w, 3) where the config's colour is rgb
        Gone through once, or twice where the policy is ``smoothed``.
    detector : callable
        From a grey image to boxes.
    config : Config

    Raises
    ------
    DataError
        No frame has a face.
    """
    find: Detector = detector if config.colour == "grey" else lambda image: detector(to_grey(image))
    if config.policy == "every_frame":
        return _every_frame(frames, find, config)
    if config.policy == "anchor":
        return _anchor(list(frames), find, config)
    return _smoothed(frames, find, config)


def _every_frame(frames: Iterable[NDArray[np.uint8]], detector: Detector, config: Config) -> Faces:
    crops: list[NDArray[np.uint8]] = []
    boxes: list[tuple[int, int, int, int]] = []
    n_found: list[int] = []
    n_dropped = 0
    for image in frames:
        found = detector(image)
        if found:
            box = pick_box(found, pick=config.pick, shape=image.shape[:2])
            crops.append(crop(image, box, side_px=config.side_px))
            boxes.append(box[:4])
        elif crops:
            crops.append(crops[-1])
            boxes.append(boxes[-1])
        else:
            n_dropped += 1
            continue
        n_found.append(len(found))
    if not crops:
        raise _nobody(n_dropped)
    return Faces(np.stack(crops), np.array(boxes, np.int32), np.array(n_found, np.int32), n_dropped)


def _anchor(images: list[NDArray[np.uint8]], detector: Detector, config: Config) -> Faces:
    places = sorted({round(place) for place in np.linspace(0, len(images) - 1, config.anchors)}) if images else []
    n_found = np.full(len(images), -1, np.int32)
    for scale in SCALES:
        found = {place: search(images[place], detector, scale=scale) for place in places}
        boxes: list[Box] = []
        for place, candidates in found.items():
            n_found[place] = len(candidates)
            if candidates:
                boxes.append(_same_face(candidates, boxes, config.pick, images[place].shape[:2]))
        if boxes:
            box = _box(np.median([box[:4] for box in boxes], axis=0), boxes[0].score)
            crops = np.stack([crop(image, box, side_px=config.side_px) for image in images])
            return Faces(crops, np.tile(np.array(box[:4], np.int32), (len(images), 1)), n_found, 0)
    raise _nobody(len(places))


def _smoothed(frames: Iterable[NDArray[np.uint8]], detector: Detector, config: Config) -> Faces:
    places: list[int] = []
    boxes: list[Box] = []
    counts: list[int] = []
    for number, image in enumerate(frames):
        if number % config.stride_frames:
            counts.append(-1)
            continue
        candidates = next(filter(None, (search(image, detector, scale=scale) for scale in SCALES)), [])
        counts.append(len(candidates))
        if candidates:
            places.append(number)
            boxes.append(_same_face(candidates, boxes, config.pick, image.shape[:2]))
    if not boxes:
        raise _nobody(len(counts))
    corners = np.array([box[:4] for box in boxes], np.float64)
    along = np.arange(len(counts))
    path = np.stack([np.interp(along, places, corners[:, side]) for side in range(4)], axis=1)
    path = smoothed(path, sigma_frames=config.smoothing_frames).round().astype(np.int32)
    crops = [
        crop(image, _box(corners, 0.0), side_px=config.side_px) for image, corners in zip(frames, path, strict=True)
    ]
    return Faces(np.stack(crops), path, np.array(counts, np.int32), 0)


SCALES = (0.5, 1.0, 2.0)
"""Sizes at which a frame is searched, cheapest first, only as far as needed."""


def search(image: NDArray[np.uint8], detector: Detector, *, scale: float) -> list[Box]:
    """Search an image at another size; boxes are in the pixels of the image as given."""
    if scale == 1:
        return detector(image)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)
    return [_box(np.array(box[:4]) / scale, box.score) for box in detector(resized)]


def smoothed(path: NDArray[np.float64], *, sigma_frames: float) -> NDArray[np.float64]:
    """Smooth boxes along time with a Gaussian; the ends are repeated, so that a resting box stays where it is.

    Parameters
    ----------
    path : (t, 4) float64
    sigma_frames : float
        0 leaves it as it is.
    """
    reach = int(np.ceil(3 * sigma_frames))
    if reach == 0:
        return path
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    weights /= weights.sum()
    padded = np.pad(path, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(padded[:, side], weights, mode="valid") for side in range(path.shape[1])], axis=1)


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


def _box(corners: NDArray[Any], score: float) -> Box:
    left, top, right, bottom = np.round(corners).astype(int).tolist()
    return Box(left, top, right, bottom, score)


def _same_face(candidates: list[Box], before: list[Box], pick: str, shape: tuple[int, int]) -> Box:
    """Choose the face that was chosen before, by overlap; in the first frame, or where it is lost, by ``pick``."""
    if before:
        nearest = max(candidates, key=lambda box: overlap(box, before[-1]))
        if overlap(nearest, before[-1]) > 0:
            return nearest
    return pick_box(candidates, pick=pick, shape=shape)


def _nobody(n_frames: int) -> DataError:
    fix = "try another detector, or detector.upsample = 2"
    return DataError(f"no face in any of the {n_frames} frames looked at", fix=fix)
