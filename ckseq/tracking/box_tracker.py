"""Tracking of one face: its box in every frame of a sequence, and its crops."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.signal.faces import (
    Box,
    Detector,
    FacesConfig,
    box_from,
    coordinates,
    cut_face,
    detect_at_scale,
    is_flat,
    largest_jump,
    overlap,
    pick_box,
    same_face,
    smooth_path,
    to_gray,
    verified,
)

SCALES = (0.5, 1.0, 2.0)
"""Sizes at which a frame is searched, fastest first, until a face is found."""


MAX_SEARCHED_PIXELS = 24 * 10**6
"""Larger images are reduced to this before they are searched: dlib needs 30 MB and 0.8 s for a million pixels."""
MAX_BYTES = 512 * 2**20
"""The frames or the crops of a sequence that are held at once take no more memory."""


class Faces(NamedTuple):
    """The face of one sequence, frame by frame.

    ``crops`` (t, side, side) uint8, or (t, side, side, 3) red, green, blue; ``boxes`` (t, 4) int32, left, top, right,
    bottom in the frame; ``n_found`` (t,) int32, number of faces detected in the frame: 0 where detection failed, so
    that box or crop come from other frames, and -1 where it was skipped; ``n_dropped``, frames before the first face,
    which have no crop; ``largest_jump``, how far the box moves at once between detections, as of
    `ckseq.signal.faces.largest_jump`.
    """

    crops: NDArray[np.uint8]
    boxes: NDArray[np.int32]
    n_found: NDArray[np.int32]
    n_dropped: int
    largest_jump: float

    @property
    def n_without_face(self) -> int:
        """Number of frames in which detection failed."""
        return int((self.n_found == 0).sum()) + self.n_dropped


class Observation(NamedTuple):
    """The box of the face in one frame.

    ``box`` is None before the first face; ``held`` means that the previous crop is used for this frame too; ``n_found``
    as in `Faces`.
    """

    box: Box | None
    held: bool
    n_found: int


def limited(detector: Detector) -> Detector:
    """Return the detector for images of any size: those beyond `MAX_SEARCHED_PIXELS` are reduced to it."""

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        scale = (MAX_SEARCHED_PIXELS / max(image.shape[0] * image.shape[1], 1)) ** 0.5
        return detect_at_scale(image, detector, scale=min(1.0, scale))

    return detect


class FaceSearch:
    """Detects the faces of successive frames at the sizes that a policy asks for; the state of one video.

    ``every_frame`` runs the detector as it is. The other policies try `SCALES`, the fastest first; after all of them
    failed, one size per frame in turn, so that frames without a face do not take the time of all sizes.
    """

    def __init__(self, config: FacesConfig, detector: Detector) -> None:
        self._one_size = config.policy == "every_frame"
        self._detector = detector
        self._n_failed = 0

    def __call__(self, image: NDArray[np.uint8]) -> list[Box]:
        """Return the faces in the next frame."""
        if self._one_size:
            return self._detector(image)
        scales = SCALES if not self._n_failed else (SCALES[(self._n_failed - 1) % len(SCALES)],)
        found = _first_found(image, self._detector, scales)
        self._n_failed = 0 if found else self._n_failed + 1
        return found


class BoxTracker:
    """Tracks the box of one face without looking ahead; the state of one sequence.

    ``every_frame`` detects in each frame; ``anchor`` keeps the first box; ``tracked`` detects every ``stride_frames``,
    and the box approaches the detection exponentially once it moved beyond its slack, so that the box rests while the
    head does (detections jump between the sizes of the detector's image pyramid).

    Parameters
    ----------
    config : FacesConfig
        With a causal policy, see `is_causal`.
    detector : callable
        From an image to boxes.
    """

    def __init__(self, config: FacesConfig, detector: Detector) -> None:
        self._config = config
        self._search = FaceSearch(config, limited(detector))
        self._n_frames = 0
        self._last: Box | None = None
        self._position: NDArray[np.float64] | None = None

    @property
    def detected(self) -> Box | None:
        """The face as last detected, before any smoothing."""
        return self._last

    def update(self, image: NDArray[np.uint8]) -> Observation:
        """Process the next frame, detecting the face where the policy asks for it."""
        policy = self._config.policy
        detects = (
            policy == "every_frame"
            or self._last is None
            or (policy == "tracked" and self._n_frames % self._config.stride_frames == 0)
        )
        return self.update_with(image, self._search(image) if detects else None)

    def update_with(self, image: NDArray[np.uint8], candidates: list[Box] | None) -> Observation:
        """Process the next frame with faces detected elsewhere; ``candidates`` is None where detection was skipped."""
        self._n_frames += 1
        if candidates and self._config.policy != "every_frame":  # the paper uses whatever its detector finds
            candidates = verified(candidates, image)
        n_found = -1 if candidates is None else len(candidates)
        if candidates:
            self._choose(candidates, (image.shape[0], image.shape[1]))
        elif self._config.policy == "every_frame":
            return Observation(self._last, held=True, n_found=n_found)
        if self._last is None or self._position is None:
            return Observation(self._last, held=False, n_found=n_found)
        self._move(self._position, self._last)
        return Observation(box_from(self._position, self._last.score), held=False, n_found=n_found)

    def _choose(self, candidates: list[Box], shape: tuple[int, int]) -> None:
        config, last = self._config, self._last
        if config.policy == "every_frame":
            self._last = pick_box(candidates, pick=config.pick, shape=shape)
            return
        if config.policy == "anchor" and last is not None:
            return
        self._last = same_face(candidates, last, pick=config.pick, shape=shape)
        if config.policy == "tracked" and (last is None or overlap(self._last, last) == 0):
            self._position = coordinates(self._last)

    def _move(self, position: NDArray[np.float64], target: Box) -> None:
        distance = coordinates(target) - position
        slack = self._config.slack * (position[2] - position[0])
        excess = np.sign(distance) * np.maximum(np.abs(distance) - slack, 0)
        position += excess / max(self._config.smoothing_frames, 1)


def is_causal(config: FacesConfig) -> bool:
    """Whether a config can be carried out by a `BoxTracker`, without looking ahead."""
    return config.policy in ("every_frame", "tracked") or (config.policy == "anchor" and config.anchors == 1)


def track_face(
    frames: Iterable[NDArray[np.uint8]],
    detector: Detector,
    config: FacesConfig,
    *,
    landmark_boxes: Callable[[], NDArray[np.float32]] | None = None,
) -> Faces:
    """Cut the face out of every frame of a sequence.

    Frames before the first face are dropped, so that the first crop shows one and can be a reference; but for
    ``every_frame``, what was detected in a flat part of an image (`is_flat`) is no face. After it every frame has a
    crop; with ``every_frame`` one without a face repeats the previous crop. ``anchor`` with several anchors and
    ``landmarks`` hold the whole sequence in memory, `MAX_BYTES` at most; where no frame has landmarks, ``landmarks`` is
    ``anchor``.

    Parameters
    ----------
    frames : iterable of (h, w) uint8, or of (h, w, 3) where the config's color is rgb
        Iterated once, or twice where the policy is ``smoothed``.
    detector : callable
        From a gray image to boxes.
    config : FacesConfig
    landmark_boxes : callable, optional
        Called once all frames were iterated, where the policy is ``landmarks``: (t, 4) float32, left, top, right and
        bottom in each frame, NaN in those without landmarks.

    Raises
    ------
    DataError
        No frame has a face.
    """
    detect: Detector = detector if config.color == "gray" else lambda image: detector(to_gray(image))
    if config.policy != "every_frame":
        # boxes of some frames are used in others
        frames = _OfOneSize(frames)
    if is_causal(config):
        return _track_causally(frames, BoxTracker(config, detect), config)
    if config.policy in ("anchor", "landmarks"):
        images = _held(frames)
        known = np.empty((0, 4), np.float32) if landmark_boxes is None else landmark_boxes()
        if np.isfinite(known).all(axis=1).any():
            return _cut_at_landmarks(images, known, config)
        return _cut_at_anchors(images, limited(detect), config)
    return _cut_along_smooth_path(frames, limited(detect), config)


class _OfOneSize:
    """Frames that have to be of the size of the first, which may be iterated as often as the frames."""

    def __init__(self, frames: Iterable[NDArray[np.uint8]]) -> None:
        self._frames = frames

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        first = None
        for number, image in enumerate(self._frames, start=1):
            shape = image.shape[:2]
            first = first or shape
            if shape != first:
                raise DataError(
                    f"frame {number} has {shape[1]}x{shape[0]} pixels and the first has {first[1]}x{first[0]}",
                    fix="bring all frames of a sequence to one size, or set faces.policy to every_frame",
                )
            yield image


def _track_causally(frames: Iterable[NDArray[np.uint8]], tracker: BoxTracker, config: FacesConfig) -> Faces:
    crops: list[NDArray[np.uint8]] = []
    boxes: list[tuple[int, int, int, int]] = []
    n_found: list[int] = []
    detected: list[Box] = []
    n_dropped = 0
    for image in frames:
        _check_bytes(crops)
        observation = tracker.update(image)
        if observation.box is None:
            n_dropped += 1
            continue
        if observation.n_found > 0 and tracker.detected is not None:
            detected.append(tracker.detected)
        crops.append(crops[-1] if observation.held else cut_face(image, observation.box, config))
        boxes.append(observation.box[:4])
        n_found.append(observation.n_found)
    if not crops:
        raise _no_face(n_dropped)
    jump = largest_jump(detected)
    return Faces(np.stack(crops), np.array(boxes, np.int32), np.array(n_found, np.int32), n_dropped, jump)


def _cut_at_anchors(images: list[NDArray[np.uint8]], detector: Detector, config: FacesConfig) -> Faces:
    start = next((number for number, image in enumerate(images) if not is_flat(image)), 0)
    anchors = sorted({round(place) for place in np.linspace(start, len(images) - 1, config.anchors)}) if images else []
    n_found = np.full(len(images), -1, np.int32)
    for scale in SCALES:
        boxes: dict[int, Box] = {}
        for number in anchors:
            candidates = verified(_first_found(images[number], detector, [scale]), images[number])
            n_found[number] = len(candidates)
            if candidates:
                before = next(reversed(boxes.values()), None)
                boxes[number] = same_face(candidates, before, pick=config.pick, shape=_shape(images[number]))
        if boxes:
            break
    else:
        raise _no_face(len(anchors))
    later = min(boxes)
    if later > start and (earlier := _first_verified(images, range(start, later), detector, config, near=boxes[later])):
        start, candidates = earlier
        n_found[start] = len(candidates)
        boxes = {start: same_face(candidates, boxes[later], pick=config.pick, shape=_shape(images[start])), **boxes}
    else:
        start = later
    return _cut_one_box(images, list(boxes.values()), n_found, start, config)


def _cut_at_landmarks(images: list[NDArray[np.uint8]], known: NDArray[np.float32], config: FacesConfig) -> Faces:
    found = np.isfinite(known).all(axis=1)
    start = int(found.argmax())
    boxes = [box_from(one, 1.0) for one in known[found]]
    return _cut_one_box(images, boxes, np.asarray(found, np.int32), start, config)


def _cut_one_box(
    images: list[NDArray[np.uint8]], boxes: list[Box], n_found: NDArray[np.int32], start: int, config: FacesConfig
) -> Faces:
    """Cut the median of some boxes out of every frame from the start on."""
    box = box_from(np.median([coordinates(box) for box in boxes], axis=0), boxes[0].score)
    crops = np.stack([cut_face(image, box, config) for image in images[start:]])
    everywhere = np.tile(np.array(box[:4], np.int32), (len(crops), 1))
    return Faces(crops, everywhere, n_found[start:], start, largest_jump(boxes))


def _first_verified(
    images: Sequence[NDArray[np.uint8]], numbers: Iterable[int], detector: Detector, config: FacesConfig, *, near: Box
) -> tuple[int, list[Box]] | None:
    """Return the first of some frames in which a face is verified that overlaps a box, and its faces."""
    search = FaceSearch(config, detector)
    for number in numbers:
        if not is_flat(images[number]):
            found = verified(search(images[number]), images[number])
            if any(overlap(box, near) > 0 for box in found):
                return number, found
    return None


def _cut_along_smooth_path(frames: Iterable[NDArray[np.uint8]], detector: Detector, config: FacesConfig) -> Faces:
    boxes: dict[int, Box] = {}
    n_found: list[int] = []
    for number, image in enumerate(frames):
        if number % config.stride_frames:
            n_found.append(-1)
            continue
        candidates = verified(_first_found(image, detector, SCALES), image)
        n_found.append(len(candidates))
        if candidates:
            before = next(reversed(boxes.values()), None)
            boxes[number] = same_face(candidates, before, pick=config.pick, shape=_shape(image))
    if not boxes:
        raise _no_face(len(n_found))
    start = min(boxes)
    numbers = np.arange(start, len(n_found))
    path = np.stack(
        [
            np.interp(numbers, list(boxes), values)
            for values in np.stack([coordinates(box) for box in boxes.values()]).T
        ],
        axis=1,
    )
    path = smooth_path(path, sigma_frames=config.smoothing_frames)
    crops: list[NDArray[np.uint8]] = []
    for image, place in zip(islice(frames, start, None), path, strict=True):
        _check_bytes(crops)
        crops.append(cut_face(image, box_from(place, 0.0), config))
    found, jump = np.array(n_found[start:], np.int32), largest_jump(list(boxes.values()))
    return Faces(np.stack(crops), path[:, :4].round().astype(np.int32), found, start, jump)


def _first_found(image: NDArray[np.uint8], detector: Detector, scales: Iterable[float]) -> list[Box]:
    # enlarging an image to reduce it again would show nothing new
    allowed = (scale for scale in scales if scale <= 1 or image.shape[0] * image.shape[1] <= MAX_SEARCHED_PIXELS)
    return next(filter(None, (detect_at_scale(image, detector, scale=scale) for scale in allowed)), [])


def _held(frames: Iterable[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    images: list[NDArray[np.uint8]] = []
    n_bytes = 0
    for image in frames:
        images.append(image)
        n_bytes += image.nbytes
        if n_bytes > MAX_BYTES:
            raise DataError(
                f"its first {len(images)} frames alone take more than {MAX_BYTES >> 20} MiB at once",
                fix="set faces.policy to tracked or smoothed, which hold one frame at a time",
            )
    return images


def _check_bytes(crops: list[NDArray[np.uint8]]) -> None:
    if crops and len(crops) * crops[0].nbytes > MAX_BYTES:
        raise DataError(
            f"its crops take more than {MAX_BYTES >> 20} MiB after {len(crops)} frames",
            fix="cut it into shorter sequences, or read it as a timeline",
        )


def _shape(image: NDArray[np.uint8]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _no_face(n_frames: int) -> DataError:
    fix = "look whether they show one; detector.upsample = 2 finds smaller faces, and another detector may find others"
    return DataError(f"no face in any of the {n_frames} frames searched", fix=fix)
