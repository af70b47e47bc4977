"""One face followed through a sequence: where it is in every frame, and its crops."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.signal.faces import Box, Detector, FacesConfig, box_of, cut_face, numbers_of, overlap, pick_box, to_gray


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


class Observation(NamedTuple):
    """What is known of the face in one frame.

    ``box`` is where to cut, None before the first face; ``held`` tells that the crop before stays in the place of this
    frame's; ``n_found`` as in `Faces`.
    """

    box: Box | None
    held: bool
    n_found: int


class BoxTracker:
    """A face followed frame by frame without looking ahead; the state of one sequence.

    ``every_frame`` looks at each frame; ``anchor`` keeps the first box that it finds; ``tracked`` looks every
    ``stride_frames`` and lets the box follow exponentially what exceeds its slack, so that it rests while the head does
    (the detector's boxes jump between the sizes of its image pyramid).

    Parameters
    ----------
    config : FacesConfig
        Of a causal policy; `causal_faces` tells.
    detector : callable
        From an image to boxes.
    """

    def __init__(self, config: FacesConfig, detector: Detector) -> None:
        self._config = config
        self._look = Look(config, detector)
        self._number = 0
        self._seen: list[Box] = []
        self._at: NDArray[np.float64] | None = None

    def step(self, image: NDArray[np.uint8]) -> Observation:
        """Take the next frame and look at it where the policy asks for it."""
        policy, number = self._config.policy, self._number
        looks = (
            policy == "every_frame"
            or not self._seen
            or (policy == "tracked" and number % self._config.stride_frames == 0)
        )
        return self.told(image, self._look(image) if looks else None)

    def told(self, image: NDArray[np.uint8], candidates: list[Box] | None) -> Observation:
        """Take the next frame, of which somebody else found the faces; None where nobody looked."""
        self._number += 1
        n_found = -1 if candidates is None else len(candidates)
        if candidates:
            self._take(candidates, (image.shape[0], image.shape[1]))
        elif self._config.policy == "every_frame":
            return Observation(self._seen[-1] if self._seen else None, held=True, n_found=n_found)
        if not self._seen:
            return Observation(None, held=False, n_found=n_found)
        if self._at is not None:
            self._move()
            return Observation(box_of(self._at, self._seen[-1].score), held=False, n_found=n_found)
        return Observation(self._seen[-1], held=False, n_found=n_found)

    def _take(self, candidates: list[Box], shape: tuple[int, int]) -> None:
        config = self._config
        if config.policy == "every_frame":
            self._seen = [pick_box(candidates, pick=config.pick, shape=shape)]
            return
        if config.policy == "anchor" and self._seen:
            return
        found = _same_face(candidates, self._seen, config.pick, shape)
        if config.policy == "tracked" and (not self._seen or overlap(found, self._seen[-1]) == 0):
            self._at = numbers_of(found)
        self._seen = [found]

    def _move(self) -> None:
        assert self._at is not None
        apart = numbers_of(self._seen[-1]) - self._at
        slack = self._config.slack * (self._at[2] - self._at[0])
        excess = np.sign(apart) * np.maximum(np.abs(apart) - slack, 0)
        self._at += excess / max(self._config.smoothing_frames, 1)


class Look:
    """The search of frames for faces, at the sizes that a policy asks for.

    ``every_frame`` is the detector itself. The others try `SCALES`, the cheapest first; once a look at all of them was
    in vain, one size a look in turn, so that no frame without a face takes the time of all.
    """

    def __init__(self, config: FacesConfig, detector: Detector) -> None:
        self._plain = config.policy == "every_frame"
        self._detector = detector
        self._in_vain = 0

    def __call__(self, image: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in an image."""
        if self._plain:
            return self._detector(image)
        scales = SCALES if not self._in_vain else (SCALES[(self._in_vain - 1) % len(SCALES)],)
        found = next(filter(None, (search(image, self._detector, scale=scale) for scale in scales)), [])
        self._in_vain = 0 if found else self._in_vain + 1
        return found


def causal_faces(config: FacesConfig) -> bool:
    """Whether a `BoxTracker` can do what a config asks for."""
    return config.policy in ("every_frame", "tracked") or (config.policy == "anchor" and config.anchors == 1)


def follow(frames: Iterable[NDArray[np.uint8]], detector: Detector, config: FacesConfig) -> Faces:
    """Cut the face out of every frame of a sequence.

    With the policies that do not look ahead (see `BoxTracker`) frames before the first face are dropped, and with
    ``every_frame`` a frame without a face keeps the crop before it. With the others every frame has a crop. ``anchor``
    with several anchors holds the whole sequence in memory.

    Parameters
    ----------
    frames : iterable of (h, w) uint8, or of (h, w, 3) where the config's color is rgb
        Gone through once, or twice where the policy is ``smoothed``.
    detector : callable
        From a gray image to boxes.
    config : FacesConfig

    Raises
    ------
    DataError
        No frame has a face.
    """
    find: Detector = detector if config.color == "gray" else lambda image: detector(to_gray(image))
    if causal_faces(config):
        return _causal(frames, BoxTracker(config, find), config)
    if config.policy == "anchor":
        return _anchor(list(frames), find, config)
    return _smoothed(frames, find, config)


def _causal(frames: Iterable[NDArray[np.uint8]], follower: BoxTracker, config: FacesConfig) -> Faces:
    crops: list[NDArray[np.uint8]] = []
    boxes: list[tuple[int, int, int, int]] = []
    n_found: list[int] = []
    n_dropped = 0
    for image in frames:
        sight = follower.step(image)
        if sight.box is None:
            n_dropped += 1
            continue
        crops.append(crops[-1] if sight.held else cut_face(image, sight.box, config))
        boxes.append(sight.box[:4])
        n_found.append(sight.n_found)
    if not crops:
        raise _nobody(n_dropped)
    return Faces(np.stack(crops), np.array(boxes, np.int32), np.array(n_found, np.int32), n_dropped)


def _anchor(images: list[NDArray[np.uint8]], detector: Detector, config: FacesConfig) -> Faces:
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
            box = box_of(np.median([numbers_of(box) for box in boxes], axis=0), boxes[0].score)
            crops = np.stack([cut_face(image, box, config) for image in images])
            return Faces(crops, np.tile(np.array(box[:4], np.int32), (len(images), 1)), n_found, 0)
    raise _nobody(len(places))


def _smoothed(frames: Iterable[NDArray[np.uint8]], detector: Detector, config: FacesConfig) -> Faces:
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
    numbers = np.stack([numbers_of(box) for box in boxes])
    along = np.arange(len(counts))
    path = np.stack([np.interp(along, places, number) for number in numbers.T], axis=1)
    path = smoothed(path, sigma_frames=config.smoothing_frames)
    crops = [cut_face(image, box_of(place, 0.0), config) for image, place in zip(frames, path, strict=True)]
    return Faces(np.stack(crops), path[:, :4].round().astype(np.int32), np.array(counts, np.int32), 0)


SCALES = (0.5, 1.0, 2.0)
"""Sizes at which a frame is searched, cheapest first, only as far as needed."""


def search(image: NDArray[np.uint8], detector: Detector, *, scale: float) -> list[Box]:
    """Search an image at another size; boxes are in the pixels of the image as given."""
    if scale == 1:
        return detector(image)
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=interpolation), np.uint8)
    return [box_of(numbers_of(box) / scale, box.score) for box in detector(resized)]


def smoothed(path: NDArray[np.float64], *, sigma_frames: float) -> NDArray[np.float64]:
    """Smooth boxes along time with a Gaussian; the ends are repeated, so that a resting box stays where it is.

    Parameters
    ----------
    path : (t, n) float64
        Any numbers that change along time.
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
