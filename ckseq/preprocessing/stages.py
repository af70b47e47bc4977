"""One recording taken through the stages of a pipeline: frames in, arrays out."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import ckseq
from ckseq import plugins, registry
from ckseq.config import digest, parse
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import CallError, DataError
from ckseq.landmarks._spec import LandmarkSpec
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.recording import Frames
from ckseq.signal.face_shape import face_shape
from ckseq.signal.faces import Detector, to_gray
from ckseq.signal.gradients import face_gradients, gradient_columns
from ckseq.signal.landmarks import box_of_points, landmark_columns, points_by
from ckseq.signal.reduce import film_strip, halved, mean_face, project
from ckseq.storage.cache import Arrays, StageCache
from ckseq.storage.frames import fingerprint, read_gray, read_rgb
from ckseq.tracking.alignment import align_crops
from ckseq.tracking.box_tracker import Faces, track_face
from ckseq.tracking.landmark_tracker import LandmarkTracker
from ckseq.tracking.motion import motion_blobs
from ckseq.tracking.quality import shows_face

STAGE_VERSION = 6
"""Part of every digest: raise it when the same recipe begins to give other tensors."""

# the region of a face is searched by MTCNN at this size; its face is twice as wide as eyes and mouth
_MTCNN_SIDE_PX, _MTCNN_SPREAD = 160, 2.0

# whose other versions may find other points
_LANDMARK_PACKAGES = {"face_mesh": ("ai-edge-litert",), "mtcnn": ("mtcnn", "tensorflow", "keras")}

CHANGED = "its frames were changed while they were read"
PREPARE_AGAIN = "prepare it again when they stay as they are"


def run_stages(
    frames: Frames,
    recipe: Pipeline,
    *,
    source_digest: str = "",
    cache: StageCache | None = None,
    landmarks: NDArray[np.float32] | None = None,
) -> tuple[dict[str, NDArray[Any]], Faces]:
    """Take one recording through a pipeline.

    Parameters
    ----------
    frames : Frames
    recipe : Pipeline
    source_digest : str
        Of the frames as they were; asked for where there is a cache.
    cache : StageCache, optional
        Serves and keeps crops, as found and as aligned.
    landmarks : (t, 68, 3) float32, optional
        Of each frame, for pipelines with ``landmarks.kind = ckplus``.

    Returns
    -------
    dict
        Arrays by the name of their dataset in the store.
    Faces
        Crops, boxes and counts, frame by frame; the crops as cut, or as aligned where a cache keeps these.

    Raises
    ------
    DataError
        A frame cannot be read, no frame has a face, or only one; or the frames are not those of the digest.
    """
    points_key = "" if cache is None else _landmarks_key(recipe, source_digest, landmarks)
    key = "" if cache is None else _faces_key(recipe, source_digest, points_key)
    held = cache is not None and cache.holds("landmarks", points_key)
    points = None if recipe.landmarks.kind == "none" else _Landmarks(recipe, landmarks)

    def kept(stage: str, key: str, make: Callable[[], Arrays]) -> Arrays:
        return make() if cache is None else cache.fetch(stage, key, make)

    def columns() -> Arrays:
        assert points is not None
        return kept("landmarks", points_key, lambda: _find_landmarks(points, frames, recipe, source_digest))

    def found() -> Arrays:
        # every frame is decoded once for both, unless there are landmarks already
        show = None if points is None or held else points.add
        boxes = None
        # who names the whole frame as the face means it
        if points is not None and recipe.faces.policy == "landmarks" and recipe.detector_kind != "whole_frame":
            boxes = points.boxes if show else lambda: columns()["boxes"]
        return kept("faces", key, lambda: _find_faces(frames, recipe, source_digest, show, boxes))

    moves = recipe.motion.difference != "none"
    as_cut = recipe.reduce.keep_crops or not moves or recipe.align.method == "none"
    tracked = found() if as_cut else kept("aligned", f"{key}-{digest(recipe.align)}", lambda: _line_up(found(), recipe))
    scalars = int(tracked["n_dropped"]), float(tracked["largest_jump"])
    faces = Faces(tracked["crops"], tracked["boxes"], tracked["n_found"], *scalars)
    arrays: dict[str, NDArray[Any]] = {"boxes": faces.boxes, "n_found": faces.n_found, "faces": tracked["ends"]}
    if points is not None:
        of_frames = columns()
        n_frames = len(faces.crops) + faces.n_dropped
        if len(of_frames["landmarks"]) != n_frames:
            what = f"landmarks of {len(of_frames['landmarks'])} frames, and there are {n_frames}"
            raise DataError(what, fix="bring one landmark file for each frame")
        # a step of motion ends in the later of its two frames
        arrays |= {name: of_frames[name][faces.n_dropped + 1 :] for name in ("landmarks", "gradients")}
    if len(faces.crops) > 1:
        arrays |= {name: tracked[name] for name in ("mean_face", "film_strip")}
    if recipe.reduce.keep_crops:
        arrays["crops"] = faces.crops
    if not moves:
        return arrays, faces
    aligned = _line_up(tracked, recipe)["crops"] if as_cut else faces.crops
    return arrays | motion_arrays(aligned, faces, recipe), faces


def motion_arrays(aligned: NDArray[np.uint8], faces: Faces, recipe: Pipeline) -> dict[str, NDArray[Any]]:
    """Return what a pipeline keeps of the motion of aligned crops, (t, n, n) uint8, by the name of its dataset."""
    some = shows_face(faces) if recipe.motion.reference == "median" else None
    blobs = motion_blobs(aligned, recipe.motion, shows_face=some)
    arrays: dict[str, NDArray[Any]] = {"projections": project(blobs)}
    if recipe.reduce.keep_blobs:
        arrays["blobs"] = blobs
    if recipe.reduce.halvings:
        arrays["halved"] = halved(blobs, halvings=recipe.reduce.halvings)
    return arrays


def _faces_key(recipe: Pipeline, source_digest: str, points_key: str) -> str:
    """Return what names everything on which crops depend."""
    made_by = _made_by(_detector_spec(recipe).packages)
    key = digest(made_by, recipe.detector_kind, recipe.detector, recipe.faces)
    if (plugin := plugins.admitted("detectors", recipe.detector_kind)) is not None:
        key = digest(key, plugin.sha256)
    if recipe.faces.policy == "landmarks":
        key = digest(key, points_key)
    return f"{source_digest}-{key}"


def _landmarks_key(recipe: Pipeline, source_digest: str, landmarks: NDArray[np.float32] | None) -> str:
    """Return what names everything on which landmarks and gradients depend."""
    read = "" if landmarks is None else hashlib.sha256(landmarks.tobytes()).hexdigest()
    made_by = _made_by(_LANDMARK_PACKAGES.get(recipe.landmarks.kind, ()))
    return f"{source_digest}-{digest(made_by, recipe.landmarks, recipe.faces.color, recipe.faces.pick, read)}"


def _made_by(packages: Iterable[str]) -> list[Any]:
    versions = [ckseq.__version__, np.__version__, cv2.__version__, *map(_version, packages)]
    return [STAGE_VERSION, platform.machine(), versions]


@lru_cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""  # it says so itself where it is loaded


def _detector_spec(recipe: Pipeline) -> DetectorSpec:
    spec: DetectorSpec = registry.load("detectors", recipe.detector_kind).SPEC
    return spec


class _Again:
    """The pixels of a recording, one frame at a time, as often as somebody goes through them.

    ``show`` is called with every frame the first time.
    """

    def __init__(self, frames: Frames, recipe: Pipeline, show: Callable[[NDArray[np.uint8]], None] | None) -> None:
        self._read = read_rgb if recipe.faces.color == "rgb" else read_gray
        self._frames, self._show = frames, show

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        show, self._show = self._show, None
        for image in self._read(self._frames):
            if show is not None:
                show(image)
            yield image


class _Landmarks:
    """The landmarks and gradients of the frames of a recording, in their order."""

    def __init__(self, recipe: Pipeline, read_before: NDArray[np.float32] | None) -> None:
        self._shape = face_shape(recipe.landmarks.kind)
        self._tracker = None if read_before is not None else landmark_tracker_for(recipe)
        self._read_before, self._next = read_before, iter(() if read_before is None else read_before)
        self._points: list[NDArray[np.float32]] = []
        self._gradients: list[NDArray[np.float32]] = []

    def add(self, image: NDArray[np.uint8]) -> None:
        """Find, or take, those of the next frame."""
        found = next(self._next, None) if self._tracker is None else self._tracker.update(image)
        if found is not None:
            self._points.append(found)
            self._gradients.append(face_gradients(image, found, self._shape))

    def __len__(self) -> int:
        return len(self._points)

    def boxes(self) -> NDArray[np.float32]:
        """Return the box of the face in every frame, (t, 4) float32, as of `box_of_points`; NaN without landmarks."""
        boxes = np.full((len(self._points), 4), np.nan, np.float32)
        for found, box in zip(self._points, boxes, strict=True):
            if np.isfinite(found).all():
                box[:] = box_of_points(found, self._shape)[:4]
        return boxes

    def columns(self) -> Arrays:
        """Return ``landmarks`` and ``gradients`` as a store has them, and ``boxes``, but of every frame."""
        in_each = np.stack(self._points) if self._read_before is None else self._read_before
        return {
            "landmarks": landmark_columns(in_each, self._shape),
            "gradients": gradient_columns(np.stack(self._gradients)),
            "boxes": self.boxes(),
        }


def _find_landmarks(points: _Landmarks, frames: Frames, recipe: Pipeline, source_digest: str) -> Arrays:
    """Return the columns of landmarks; of all frames that were not shown with the faces."""
    if not len(points):
        for image in _Again(frames, recipe, None):
            points.add(image)
        _check_unchanged(frames, source_digest)
    return points.columns()


def _find_faces(
    frames: Frames,
    recipe: Pipeline,
    source_digest: str,
    show: Callable[[NDArray[np.uint8]], None] | None,
    landmark_boxes: Callable[[], NDArray[np.float32]] | None,
) -> Arrays:
    detector = _detector_spec(recipe).load(recipe.detector)
    faces = track_face(_Again(frames, recipe, show), detector, recipe.faces, landmark_boxes=landmark_boxes)
    _check_unchanged(frames, source_digest)
    gray = _gray(faces.crops)
    pictures = {"ends": gray[[0, -1]], "mean_face": mean_face(gray), "film_strip": film_strip(gray)}
    return {**{name: np.asarray(value) for name, value in faces._asdict().items()}, **pictures}


def _check_unchanged(frames: Frames, source_digest: str) -> None:
    if source_digest and fingerprint(frames) != source_digest:
        raise DataError(CHANGED, fix=PREPARE_AGAIN)


def landmark_tracker_for(recipe: Pipeline, detector: Detector | None = None) -> LandmarkTracker | None:
    """Return what finds the landmarks of one face, frame by frame; None where the pipeline has none.

    Parameters
    ----------
    recipe : Pipeline
    detector : callable, optional
        Where the face is searched first, and where it was lost; BlazeFace if not given.
    """
    config = recipe.landmarks
    if config.kind == "none":
        return None
    if config.kind == "ckplus":
        raise CallError(
            "landmarks.kind = ckplus reads the files that CK+ has of its own frames, and these are others",
            fix="use a pipeline or run with landmarks.kind = face_mesh",
        )
    if config.kind == "mtcnn":
        found: DetectorSpec = registry.load("detectors", "mtcnn").SPEC
        landmarker, spread = points_by(found.load(found.config()), side_px=_MTCNN_SIDE_PX), _MTCNN_SPREAD
    else:
        spec: LandmarkSpec = registry.load("landmarks", config.kind).SPEC
        network = {"file": config.file, "sha256": config.sha256}
        landmarker, spread = spec.make(parse(spec.config, network, where="[landmarks]")), 1.0
    if detector is None:
        blazeface: DetectorSpec = registry.load("detectors", "blazeface").SPEC
        detector = blazeface.load(blazeface.config())
    shape = face_shape(config.kind)
    return LandmarkTracker(landmarker, detector, shape, config, pick=recipe.faces.pick, spread=spread)


def _line_up(found: Arrays, recipe: Pipeline) -> Arrays:
    return {**found, "crops": align_crops(_gray(found["crops"]), recipe.align)}


def _gray(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return to_gray(crops) if crops.ndim == 4 else crops
