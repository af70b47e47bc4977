"""The analysis behind the live page: images of several clients and uploaded videos share one model."""

from __future__ import annotations

import base64
import ctypes
import gc
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.console import Bar
from ckseq.errors import DataError
from ckseq.inference.causal_pipeline import convert_color, make_face_tracker, pipeline_for_video
from ckseq.inference.inputs import TimedFrames
from ckseq.inference.own_neutral import NeutralTaking
from ckseq.inference.predictor import Predictor
from ckseq.inference.timeline_files import latest_decisions
from ckseq.inference.video_timeline import analyze_video
from ckseq.storage.video import Video
from ckseq.tracking.face_tracker import TrackedFace
from ckseq.tracking.identity import PersonWatch
from ckseq.tracking.stream import FrameResult
from ckseq.tracking.timeline import Decision, State, TimelineConfig
from ckseq.web.messages import ClipAnswer, FaceBox, FaceCrop, FaceMotion, FrameAnswer, LargestFace, NeutralState

MAX_CLIP_S = 120.0
_MOTION_SIDE = 89  # a third of a crop's side: large enough to see, a tenth of the bytes
_MAX_CROP_SIDE = 112
# of a frame of an uploaded video, and of the work on all of them
_MAX_PIXELS, _MAX_WORK_S = 2 * 1920 * 1080, 120.0
# between two frames of an uploaded video other clients get access to the model for this long
_YIELD_S = 0.002


class LiveSession:
    """Analyzes images of clients and uploaded videos with one model, which one thread uses at a time.

    Parameters
    ----------
    predictor : Predictor

    Attributes
    ----------
    notes : list of str
        What is done differently from training, and why there are no early decisions.
    needs_neutral : bool
        Whether the model compares each person with a neutral face of the same person.
    takes_neutral : bool
        Whether a neutral face that is taken on the page makes a difference to the model.
    measures_motion : bool
        Whether the page shows the motion of the face; otherwise its crop, as the model sees it.

    Raises
    ------
    CallError
        The model cannot be applied frame by frame.
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor, self._config = predictor, TimelineConfig()
        self._lock = threading.Lock()
        self.needs_neutral = predictor.experiment.calibration == "neutral"
        make_face_tracker(predictor, self._config)  # raises here, not for the first client
        self.notes = [f"analyzed with {change}" for change in pipeline_for_video(predictor)[1]]
        if predictor.early_decision_warning:
            self.notes.append(predictor.early_decision_warning)
        self.measures_motion = measures_motion(predictor)
        motion = pipeline_for_video(predictor)[0].motion
        self.takes_neutral = self.needs_neutral or (self.measures_motion and motion.reference != "previous")
        predictor.warm_up()

    def new_analyzer(self) -> ImageAnalyzer:
        """Return an analyzer for the images of one client."""
        return ImageAnalyzer(self._predictor, self._config, self._lock)

    def analyze_clip(self, path: Path) -> ClipAnswer:
        """Analyze an uploaded video, at most `MAX_CLIP_S` seconds of it, for a limited time.

        Raises
        ------
        DataError
            It is not a video that can be decoded, or its frames are too large; or no neutral face is known.
        """
        if self.needs_neutral and self._predictor.neutral is None:
            raise DataError("the run compares each person with a neutral face", fix="start it with --neutral CLIP")
        try:
            return self._analyze(path)
        finally:
            _give_memory_back()

    def _analyze(self, path: Path) -> ClipAnswer:
        video = Video(path)
        _check_size(video.width, video.height)
        with self._lock:
            summary, incomplete = analyze_video(
                self._yielding(video.frames()),
                self._predictor,
                self._config,
                fps=video.fps,
                files=None,
                max_s=MAX_CLIP_S,
                bar=Bar(),
            )
        if incomplete:
            incomplete = incomplete.removeprefix(f"{path}: ")
        elif summary.duration_s > MAX_CLIP_S - 1:
            incomplete = f"Only the first {MAX_CLIP_S:.0f} seconds were analyzed."
        elif few := self._predictor.too_few(summary.n_frames - summary.n_without_face):
            incomplete = f"{few[:1].upper()}{few[1:]}."
        return ClipAnswer(incomplete=incomplete, **vars(summary))

    def _yielding(self, frames: TimedFrames) -> TimedFrames:
        end = time.monotonic() + _MAX_WORK_S
        for time_s, image in frames:
            self._lock.release()
            time.sleep(_YIELD_S)
            self._lock.acquire()
            _check_size(image.shape[1], image.shape[0])  # which may change within a video
            yield time_s, image
            if time.monotonic() > end:
                what = f"only the first {time_s:.1f} seconds were analyzed: the rest would take too long"
                raise DataError(what, fix="cut the video, or make its frames smaller")


def _check_size(width: int, height: int) -> None:
    if width * height > _MAX_PIXELS:
        what = f"its frames of {width}x{height} pixels are too large"
        raise DataError(what, fix=f"make them smaller, to at most {_MAX_PIXELS / 1e6:.0f} megapixels")


def _give_memory_back() -> None:
    """Return the memory of decoded frames to the system, which the C library would keep for the next ones."""
    gc.collect()
    if sys.platform == "linux" and hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)


class ImageAnalyzer:
    """Tracks and classifies the faces in the images of one client; the state of one client.

    Parameters
    ----------
    predictor : Predictor
    config : TimelineConfig
    lock : threading.Lock
        Held while the model is used.
    """

    def __init__(self, predictor: Predictor, config: TimelineConfig, lock: threading.Lock) -> None:
        self._given, self._config, self._lock = predictor, config, lock
        self._pipeline = predictor.pipeline
        self._needs_neutral = predictor.experiment.calibration == "neutral"
        self._state_before: State = "still" if measures_motion(predictor) else "visible"
        self._taking: NeutralTaking | None = None
        self.start_over()

    def start_over(self) -> None:
        """Forget the faces and what they were compared with, and a neutral face that was taken here."""
        known: NeutralState = "taken" if self._needs_neutral else "none"
        self._begin(self._given, "needed" if self._needs_neutral and self._given.neutral is None else known)

    def take_neutral(self) -> None:
        """Take the neutral face from the images of the next seconds, and begin anew with it."""
        self._begin(self._given, "taking")
        self._taking = NeutralTaking(self._pipeline)

    def _begin(self, predictor: Predictor, neutral: NeutralState) -> None:
        self._predictor, self._neutral = predictor, neutral
        self._taking = None
        self._tracker = make_face_tracker(predictor, self._config)
        self._latest: dict[int, Decision] = {}
        self._person = PersonWatch()

    def analyze(self, time_s: float, image: NDArray[np.uint8]) -> FrameAnswer:
        """Process the next image, (h, w, 3) uint8 BGR."""
        with self._lock:
            faces = self._tracker.update(time_s, convert_color(image, self._pipeline))
        self._latest = {} if self._is_silent else latest_decisions(faces, self._latest)
        visible = sorted((face for face in faces if face.visible and face.frame.box), key=_width, reverse=True)
        boxes = tuple(
            FaceBox(number=face.number, box=face.frame.box[:4], label=self._label(face))
            for face in visible
            if face.frame.box
        )
        largest = self._largest(visible[0]) if visible else None
        left_s = self._take(time_s, visible[0].frame if visible else None)
        person = self._person.update(time_s, faces, visible[0] if visible else None)
        if person == "new" and self._neutral == "taken" and self._given.neutral is None:
            # the neutral face is that of somebody who has gone
            watch = self._person
            self.start_over()
            self._person = watch
        return FrameAnswer(
            time_s=time_s, faces=boxes, largest=largest, neutral=self._neutral, neutral_left_s=left_s, person=person
        )

    @property
    def _is_silent(self) -> bool:
        """Whether there are no classes yet, since the neutral face is missing or being taken."""
        return self._taking is not None or (self._needs_neutral and self._predictor.neutral is None)

    def _take(self, time_s: float, frame: FrameResult | None) -> float | None:
        """Return how many seconds of the neutral face are left to take; None where none is being taken."""
        if self._taking is None:
            return None
        left_s = self._taking.update(time_s, frame)
        if left_s > 0:
            return left_s
        taken, self._taking = self._taking, None
        self._neutral = "taken" if taken.saw_face else "no face"
        if taken.saw_face and self._needs_neutral:
            self._begin(replace(self._given, neutral=taken.face()), "taken")
        return None

    def _label(self, face: TrackedFace) -> int | None:
        decision = self._latest.get(face.number)
        return None if decision is None else decision.label

    def _largest(self, face: TrackedFace) -> LargestFace:
        decision = self._latest.get(face.number) or Decision(0.0, self._state_before, None, None, None, None, None)
        smoothed = decision.smoothed
        return LargestFace(
            number=face.number,
            state=decision.state,
            label=decision.label,
            smoothed=None if smoothed is None else tuple(round(float(p), 4) for p in smoothed),
            sure=decision.sure,
            sure_s=decision.sure_s,
            motion=_motion(face.frame),
            crop=_crop(face.frame),
        )


def _width(face: TrackedFace) -> int:
    return face.frame.box.right - face.frame.box.left if face.frame.box else 0


def measures_motion(predictor: Predictor) -> bool:
    """Whether motion of faces is measured for a model, or their crops alone are classified."""
    return pipeline_for_video(predictor)[0].motion.difference != "none"


def _crop(frame: FrameResult) -> FaceCrop | None:
    """Return the crop of a frame without motion, as the model sees it, at the size of the page."""
    if frame.cut is None or frame.blobs is not None:
        return None
    side = min(len(frame.cut), _MAX_CROP_SIDE)
    pixels = np.asarray(cv2.resize(frame.cut, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
    return FaceCrop(side=side, model_side=len(frame.cut), channels=1 if pixels.ndim == 2 else 3, pixels=_base64(pixels))


def _motion(frame: FrameResult) -> FaceMotion | None:
    """Return blobs and projections of a frame at the size of the page: brighter and darker, without a third channel."""
    if frame.blobs is None or frame.projections is None:
        return None
    columns, rows = np.atleast_3d(frame.projections)[..., :2]
    return FaceMotion(
        side=_MOTION_SIDE,
        blobs=_base64(_shrink_blobs(np.atleast_3d(frame.blobs)[..., :2])),
        channels=columns.shape[-1],
        columns=_base64(_shrink_means(columns)),
        rows=_base64(_shrink_means(rows)),
    )


def _shrink_blobs(blobs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return blobs (n, n, channels) as (side, side) uint8: 0 where nothing moves, else 1 + the index of the channel."""
    size = (_MOTION_SIDE, _MOTION_SIDE)
    shares = [
        cv2.resize(np.ascontiguousarray(blobs[..., channel], np.float32), size, interpolation=cv2.INTER_AREA)
        for channel in range(blobs.shape[-1])
    ]
    return np.stack([np.full(size, 1 / 3, np.float32), *shares]).argmax(axis=0).astype(np.uint8)


def _shrink_means(means: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return means (n, channels) in 0 to 1 as (side, channels) uint8."""
    size = (means.shape[1], _MOTION_SIDE)
    shrunk = cv2.resize(np.ascontiguousarray(means), size, interpolation=cv2.INTER_AREA)
    return (255 * np.clip(shrunk, 0, 1)).round().astype(np.uint8)


def _base64(array: NDArray[np.uint8]) -> str:
    return base64.b64encode(array.tobytes()).decode()
