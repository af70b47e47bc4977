"""One recording taken through the stages of a pipeline: frames in, arrays out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

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
from ckseq.signal.landmarks import landmark_columns, points_by
from ckseq.signal.reduce import film_strip, halved, mean_face, project
from ckseq.storage.cache import Arrays, StageCache
from ckseq.storage.frames import fingerprint, read_gray, read_rgb
from ckseq.tracking.alignment import align_crops
from ckseq.tracking.box_tracker import Faces, track_face
from ckseq.tracking.landmark_tracker import LandmarkTracker
from ckseq.tracking.motion import motion_blobs
from ckseq.tracking.quality import shows_face

STAGE_VERSION = 5
"""Part of every digest: raise it when the same recipe begins to give other tensors."""

# the region of a face is searched by MTCNN at this size; its face is twice as wide as eyes and mouth
_MTCNN_SIDE_PX, _MTCNN_SPREAD = 160, 2.0

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
    key = _faces_key(recipe, source_digest, landmarks)

    def kept(stage: str, key: str, make: Callable[[], Arrays]) -> Arrays:
        return make() if cache is None else cache.fetch(stage, key, make)

    def found() -> Arrays:
        return kept("faces", key, lambda: _find_faces(frames, recipe, source_digest, landmarks))

    moves = recipe.motion.difference != "none"
    as_cut = recipe.reduce.keep_crops or not moves or recipe.align.method == "none"
    tracked = found() if as_cut else kept("aligned", digest(key, recipe.align), lambda: _line_up(found(), recipe))
    scalars = int(tracked["n_dropped"]), float(tracked["largest_jump"])
    faces = Faces(tracked["crops"], tracked["boxes"], tracked["n_found"], *scalars)
    arrays: dict[str, NDArray[Any]] = {"boxes": faces.boxes, "n_found": faces.n_found, "faces": tracked["ends"]}
    arrays |= {name: tracked[name] for name in ("landmarks", "gradients") if name in tracked}
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


def _faces_key(recipe: Pipeline, source_digest: str, landmarks: NDArray[np.float32] | None) -> str:
    """Return the digits that name everything on which crops and landmarks depend."""
    key = digest([STAGE_VERSION, cv2.__version__, source_digest], recipe.detector_kind, recipe.detector, recipe.faces)
    if (plugin := plugins.admitted("detectors", recipe.detector_kind)) is not None:
        key = digest(key, plugin.sha256)
    if recipe.landmarks.kind != "none":
        key = digest(key, recipe.landmarks)
    return key if landmarks is None else digest(key, hashlib.sha256(landmarks.tobytes()).hexdigest())


class _Again:
    """The pixels of a recording, one frame at a time, as often as somebody goes through them.

    ``show`` is called with every frame the first time.
    """

    def __init__(
        self,
        read: Callable[[Frames], Iterator[NDArray[np.uint8]]],
        frames: Frames,
        show: Callable[[NDArray[np.uint8]], None],
    ) -> None:
        self._read, self._frames = read, frames
        self._show: Callable[[NDArray[np.uint8]], None] | None = show

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        show, self._show = self._show, None
        for image in self._read(self._frames):
            if show is not None:
                show(image)
            yield image


def _find_faces(frames: Frames, recipe: Pipeline, source_digest: str, landmarks: NDArray[np.float32] | None) -> Arrays:
    detector = registry.load("detectors", recipe.detector_kind).SPEC.load(recipe.detector)
    read = read_rgb if recipe.faces.color == "rgb" else read_gray
    kind = recipe.landmarks.kind
    points: list[NDArray[np.float32]] = []
    gradients: list[NDArray[np.float32]] = []
    tracker = None if landmarks is not None else landmark_tracker_for(recipe)
    read_before = iter(() if landmarks is None else landmarks)

    def show(image: NDArray[np.uint8]) -> None:
        found = next(read_before, None) if tracker is None else tracker.update(image)
        if kind != "none" and found is not None:
            points.append(found)
            gradients.append(face_gradients(image, found, face_shape(kind)))

    faces = track_face(_Again(read, frames, show), detector, recipe.faces)
    if source_digest and fingerprint(frames) != source_digest:
        raise DataError(CHANGED, fix=PREPARE_AGAIN)
    gray = _gray(faces.crops)
    pictures = {"ends": gray[[0, -1]], "mean_face": mean_face(gray), "film_strip": film_strip(gray)}
    found = {**{name: np.asarray(value) for name, value in faces._asdict().items()}, **pictures}
    if kind != "none":
        in_each = np.stack(points) if landmarks is None else landmarks
        if len(in_each) != len(faces.crops) + faces.n_dropped:
            what = f"landmarks of {len(in_each)} frames, and there are {len(faces.crops) + faces.n_dropped}"
            raise DataError(what, fix="bring one landmark file for each frame")
        # a step of motion ends in the later of its two frames
        columns = landmark_columns(in_each, face_shape(kind)), gradient_columns(np.stack(gradients))
        found["landmarks"], found["gradients"] = (one[faces.n_dropped + 1 :] for one in columns)
    return found


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
