"""Video files: frames with their times, upright; and a video written frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError

_MEND = "put a good copy in its place, or remove it"
# where a video says nothing of its rate
_USUAL_FPS = 25.0
_MOST_FPS = 240.0


class Video:
    """A video file, opened; gone through once, one frame in memory at a time.

    Parameters
    ----------
    path : Path

    Raises
    ------
    DataError
        The file is missing, empty, holds no video (sound only, another kind of file), or nothing that can be decoded.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as stream:
                empty = not stream.read(1)
        except FileNotFoundError:
            raise DataError("does not exist", path, "start again with the data as it is now") from None
        except OSError as error:
            raise DataError(f"cannot be read: {error.strerror}", path) from None
        if empty:
            raise DataError("is empty (0 bytes)", path, _MEND)
        self.path = path
        with silence():
            self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        # phones store how they were held beside the pixels
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        known = 0 < fps <= _MOST_FPS
        self.fps = fps if known else _USUAL_FPS
        # an estimate from the file's head, which the end of a file cut short belies; without a rate it is none
        self.n_announced = max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))) if known else 0
        self._n_read, self._last_s = 0, 0.0

    def frames(self) -> Iterator[tuple[float, NDArray[np.uint8]]]:
        """Yield each frame: seconds since the first, which rise, and (h, w, 3) uint8, BGR.

        Raises
        ------
        DataError
            There is no frame; or, after the last that can be decoded, much of what the file announces is missing.
        """
        for seconds in self._grabbed():
            ok, image = self._capture.retrieve()
            if not ok:
                break
            yield seconds, np.asarray(image, np.uint8)
        self._check_end()

    def times_s(self, *, at_most_s: float) -> NDArray[np.float64]:
        """Return the times of the frames, decoding each, until one lies beyond ``at_most_s``, which is the last."""
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
            while self._capture.grab():
                at = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                if self._n_read == 0:
                    first = at
                elif not at - first > seconds:  # formats without times give 0 or no number
                    seconds += 1 / self.fps
                else:
                    seconds = at - first
                self._n_read, self._last_s = self._n_read + 1, seconds
                yield seconds
        finally:
            self._capture.release()

    def _check_end(self) -> None:
        if self._n_read == 0:
            fix = "a file of sound, or of another kind under this name, holds none"
            raise DataError("is not a video that can be decoded: it gave no frame", self.path, fix)
        # held against time, not frames, of which a film of uneven times has fewer than its head makes of its rate
        announced_s = self.n_announced / self.fps
        if self._last_s < 0.8 * announced_s - 0.2:
            what = f"is cut short or damaged: it ends after {self._last_s:.1f} of about {announced_s:.1f} s"
            raise DataError(what, self.path, "what came before is kept; fetch a whole copy for the rest")


class VideoWriter:
    """A video written frame by frame, at an even rate; MPEG-4 in an ``.mp4`` file, which any player plays.

    Parameters
    ----------
    path : Path
    fps : float

    Raises
    ------
    DataError
        When the first frame comes: the file cannot be written.
    """

    def __init__(self, path: Path, *, fps: float) -> None:
        self._path, self._fps = path, fps
        self._writer: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._n_written = 0

    def write(self, seconds: float, image: NDArray[np.uint8]) -> None:
        """Show an image (h, w, 3) uint8, BGR, from this time on, as often as the even rate asks for."""
        if self._writer is None:
            height, width = image.shape[:2]
            self._size = (width - width % 2, height - height % 2)
            with silence():
                codec = cv2.VideoWriter.fourcc(*"mp4v")
                self._writer = cv2.VideoWriter(str(self._path), cv2.CAP_FFMPEG, codec, self._fps, self._size)
            if not self._writer.isOpened():
                raise DataError("cannot be written", self._path, "choose a folder that can be written")
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        while self._n_written <= seconds * self._fps:
            self._writer.write(image)
            self._n_written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.release()


@contextmanager
def silence() -> Iterator[None]:
    """Keep OpenCV's own log off the terminal: what failed is said once, as an error."""
    # FFmpeg writes to the terminal by itself; a person who wants that sets the variable
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)
