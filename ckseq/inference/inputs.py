"""Inputs of a prediction: folders of frames, video files and cameras, each read as a sequence or as a timeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ckseq.defaults import FRAMES_PER_SECOND
from ckseq.errors import CallError, readable
from ckseq.recording import Frames, ImageFiles, VideoFile
from ckseq.sources._frames import is_video
from ckseq.sources.manifest import frames_at
from ckseq.storage.camera import open_camera
from ckseq.storage.frames import read_gray
from ckseq.storage.video import Video

CAMERA = "camera:"
# of the names of output files; file systems allow 255, endings and temporary names take some
_LONGEST_NAME_BYTES = 200
MAX_SEQUENCE_S = 5.0
"""A recording of one expression is shorter; the longest in CK+ lasts 2.4 s."""

ReadAs = Literal["auto", "sequence", "timeline"]
TimedFrames = Iterator[tuple[float, NDArray[np.uint8]]]
"""Seconds since the first frame, and the frame: gray (h, w) or BGR (h, w, 3)."""


@dataclass(frozen=True)
class Input:
    """One input, located and measured.

    Parameters
    ----------
    source : str
        As named by the caller.
    frames : Frames or None
        None for a camera.
    kind : str
        ``sequence``: one class for the whole; ``timeline``: classes over time.
    times_s : (t,) float64, optional
        Times of the frames of a video file that is a sequence, seconds.
    """

    source: str
    frames: Frames | None
    kind: Literal["sequence", "timeline"]
    times_s: NDArray[np.float64] | None = None

    @property
    def n_frames(self) -> int:
        """The number of frames as far as known without decoding, otherwise 0."""
        match self.frames:
            case ImageFiles(paths):
                return len(paths)
            case VideoFile(path):
                return Video(path).n_announced
        return 0

    def open(self, *, folder_fps: float) -> tuple[TimedFrames, float]:
        """Return the frames with their times, and the frame rate.

        Parameters
        ----------
        folder_fps : float
            Frame rate of folders of frames, which have no times.

        Raises
        ------
        CallError
            The camera has no number.
        DataError
            It cannot be opened; or later, from the iterator, the video ends early.
        """
        if self.frames is None:
            number = self.source.removeprefix(CAMERA)
            if not number.isdigit():
                raise CallError("a camera is named by its number", self.source, "as in camera:0")
            return open_camera(int(number)), FRAMES_PER_SECOND
        if isinstance(self.frames, VideoFile):
            video = Video(self.frames.path)
            return video.frames(), video.fps
        images = enumerate(read_gray(self.frames))
        return ((number / folder_fps, image) for number, image in images), folder_fps

    def unused_name(self, used: set[str]) -> str:
        """Return a name for its output files and add it to the used ones: that of the video or of the last folders."""
        if self.frames is None:
            own = self.source.replace(":", "")
        elif isinstance(self.frames, VideoFile):
            own = Path(self.source).stem
        else:
            own = "_".join(Path(self.source).resolve().parts[-2:])
        own = output_stem(own)
        name = next(name for name in chain([own], (f"{own}-{n}" for n in count(2))) if name not in used)
        used.add(name)
        return name


def is_recording(source: str, *, read_as: ReadAs = "auto") -> bool:
    """Whether a model of single images reads an input as a video, not as photos: a video file, a camera, or by demand.

    >>> [is_recording(source) for source in ("camera:0", "day.MP4", "photo.jpg", "folder")]
    [True, True, False, False]
    """
    return source.startswith(CAMERA) or is_video(Path(source).name) or read_as == "timeline"


def output_stem(name: str) -> str:
    """Return a name as that of an output file: UTF-8, and short enough for endings to follow."""
    return readable(name).encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore")


def locate_input(source: str, *, read_as: ReadAs, folder_fps: float) -> Input:
    """Find the frames of an input, and decide whether it is a sequence or a timeline.

    Parameters
    ----------
    source : str
        A folder of frames, a video file, or ``camera:0``.
    read_as : str
        ``auto``: what lasts longer than `MAX_SEQUENCE_S`, or a camera, is a timeline.
    folder_fps : float
        Frame rate of folders of frames.

    Raises
    ------
    DataError
        There is no such input, or the video cannot be decoded.
    """
    if source.startswith(CAMERA):
        return Input(source, None, "timeline")
    frames = frames_at(Path(source))
    if read_as == "timeline":
        return Input(source, frames, "timeline")
    max_s = MAX_SEQUENCE_S if read_as == "auto" else np.inf
    if isinstance(frames, VideoFile):
        times_s = Video(frames.path).times_s(at_most_s=max_s)
        return Input(source, frames, "timeline" if times_s[-1] > max_s else "sequence", times_s)
    is_long = isinstance(frames, ImageFiles) and len(frames.paths) > max_s * folder_fps
    return Input(source, frames, "timeline" if is_long else "sequence")
