"""Video files: reading frames with their times, upright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.defaults import FRAMES_PER_SECOND
from ckseq.errors import DataError
from ckseq.redirect import stderr_to_devnull
from ckseq.regular_file import open_regular

_MEND = "put a good copy in its place, or remove it"
_MAX_FPS = 240.0
MAX_VIDEO_PIXELS = 36 * 10**6
"""Of a frame; the 8K of cinemas has 35 million. Decoders hold some twenty frames."""
# FFmpeg writes decoding errors to the terminal; a person who wants them sets this variable
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")


class Video:
    """A video file opened for reading once, with one frame in memory at a time.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    width, height : int
        Of a frame as it is stored, pixels, from the file's header; 0 where it holds no video.

    Raises
    ------
    DataError
        The file is missing, empty, holds no video (audio only, another file type), or nothing that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        try:
            with open_regular(path) as stream:
                empty = not stream.read(1)
        except FileNotFoundError:
            raise DataError("does not exist", path, "start again with the data as it is now") from None
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", path) from None
        if empty:
            raise DataError("is empty (0 bytes)", path, _MEND)
        check_name(path)
        self.path = path
        try:
            with stderr_to_devnull():
                self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        except cv2.error:
            raise DataError("cannot be opened as a video", path, "save it again as MP4") from None
        self._check_size(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH), self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        # phones store their orientation beside the pixels
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        sizes = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT
        self.width, self.height = (max(0, int(self._capture.get(size))) for size in sizes)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        known = 0 < fps <= _MAX_FPS  # false also where it is not a number
        self.fps = fps if known else FRAMES_PER_SECOND
        # an estimate from the file's header, wrong where the file is cut short; unknown without a frame rate
        self.n_announced = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))) if known else 0
        self._n_read, self._last_s = 0, 0.0

    def frames(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Yield each frame: seconds since the first, increasing, and (h, w, 3) uint8, BGR.

        Raises
        ------
        DataError
            There is no frame; or, after the last one that can be decoded, much of the announced duration is missing.
        """
        for seconds in self._grabbed():
            try:
                ok, image = self._capture.retrieve()
            except cv2.error:
                break
            if not ok:
                break
            self._check_size(image.shape[1], image.shape[0])
            yield seconds, np.asarray(image, np.uint8)
        self._check_end()

    def _check_size(self, width: float, height: float) -> None:
        # not more than, since the product may be no number
        if not width * height <= MAX_VIDEO_PIXELS:
            self._capture.release()
            what = f"has frames of {width:.0f}x{height:.0f} pixels, more than the limit of {MAX_VIDEO_PIXELS:,}"
            raise DataError(what, self.path, "save it again in a smaller size")

    def times_s(self, *, at_most_s: float) -> NDArray[np.float64]:
        """Return the times of the frames up to the first one beyond ``at_most_s``, seconds; every frame is decoded."""
        found: list[float] = []
        for seconds in self._grabbed():
            found.append(seconds)
            if seconds > at_most_s:
                return np.array(found)
        self._check_end()
        return np.array(found)

    def _grabbed(self) -> Iterator[float]:
        first = seconds = 0.0
        try:
            while self._grab():
                at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if self._n_read == 0:
                    first = at
                elif not seconds < at - first < np.inf:  # formats without times give 0 or no number
                    seconds += 1 / self.fps
                else:
                    seconds = at - first
                self._n_read, self._last_s = self._n_read + 1, seconds
                yield seconds
        finally:
            self._capture.release()

    def _grab(self) -> bool:
        try:
            return self._capture.grab()
        except cv2.error:
            return False

    def _check_end(self) -> None:
        if self._n_read == 0:
            fix = "audio files, and other file types under this name, have none"
            raise DataError("is not a video that can be decoded: it gave no frame", self.path, fix)
        # compared by time, not by frames: a video of variable frame rate has fewer than its header estimates
        announced_s = self.n_announced / self.fps
        if self._last_s < 0.8 * announced_s - 0.2:
            what = f"is cut short or damaged: it ends after {self._last_s:.1f} of about {announced_s:.1f} s"
            raise DataError(what, self.path, "what came before is used; get a complete copy for the rest")


def check_name(path: Path) -> None:
    """Refuse a name with which OpenCV would end the process.

    Raises
    ------
    DataError
        It is not UTF-8.
    """
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise DataError("has a name that is not UTF-8, and OpenCV opens no such video", path, "rename it") from None
