"""Video files, written frame by frame: H.264 with sound, which browsers play, or MPEG-4 without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.redirect import stderr_to_devnull
from ckseq.storage.video import check_name

if TYPE_CHECKING:
    import av

MAX_GAP_S = 1.0
"""A gap in the times of a video is written no longer than this."""
# of H.264: the quality, from 0 (best) to 51, and the encoder's speed, which leaves time for the analysis
_ENCODER = {"crf": "21", "preset": "veryfast"}
_SOUND_HZ, _AAC_SAMPLES = 48_000, 1024
_LARGEST_DENOMINATOR = 1001
# times of frames are rounded, so one that is this share of a frame early is in time
_EARLY = 0.1
_FIX = "choose a folder that can be written, with free space"


def plays_in_browsers() -> bool:
    """Return whether videos are written as H.264 with sound: where PyAV is installed, which contains the encoders."""
    return find_spec("av") is not None


class VideoWriter:
    """Writes a video frame by frame at a constant rate, into an ``.mp4`` file; see `plays_in_browsers`.

    Parameters
    ----------
    path : Path
    fps : float
    sound : Path, optional
        A video whose sound is written, too, from its first frame on and as long as images are; up to a gap that is
        shortened. What has no sound that can be decoded gives none.

    Raises
    ------
    DataError
        The file cannot be written, at the first frame or later.
    """

    def __init__(self, path: Path, *, fps: float, sound: Path | None = None) -> None:
        self._path, self._fps, self._sound = path, fps, sound
        self._encoder: _Encoder | None = None
        self._size = (0, 0)
        self._n_written = 0
        self._last_s = self._skipped_s = 0.0

    def write(self, seconds: float, image: NDArray[np.uint8]) -> None:
        """Add an image (h, w, 3) uint8, BGR, shown from this time on; it is repeated as the constant rate asks for.

        Gaps longer than `MAX_GAP_S` are shortened to it, so that a time that is wrong does not fill the disk.
        """
        if self._encoder is None:
            height, width = image.shape[:2]
            self._size = (width - width % 2, height - height % 2)
            check_name(self._path)
            encoder = _H264 if plays_in_browsers() else _Mpeg4
            self._encoder = encoder(self._path, self._fps, self._size, self._sound)
        if (skipped := seconds - self._last_s - MAX_GAP_S) > 0:
            self._skipped_s += skipped
            self._encoder.end_sound()
        self._last_s = seconds
        if (image.shape[1], image.shape[0]) != self._size:
            image = np.asarray(cv2.resize(image, self._size), np.uint8)
        while self._n_written <= (seconds - self._skipped_s) * self._fps + _EARLY:
            self._encoder.add(image)
            self._n_written += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._encoder is not None:
            with suppress(DataError) if error is not None else nullcontext():
                self._encoder.close()


class _Encoder(Protocol):
    def add(self, image: NDArray[np.uint8]) -> None: ...

    def end_sound(self) -> None: ...

    def close(self) -> None: ...


class _Mpeg4:
    """OpenCV's own encoder, which knows no sound."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int], sound: Path | None) -> None:  # noqa: ARG002
        with stderr_to_devnull():
            self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), fps, size)
        if not self._writer.isOpened():
            raise DataError("cannot be written", path, _FIX)

    def add(self, image: NDArray[np.uint8]) -> None:
        self._writer.write(image)

    def end_sound(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        self._writer.release()


class _H264:
    """PyAV's encoders of H.264 and AAC."""

    def __init__(self, path: Path, fps: float, size: tuple[int, int], sound: Path | None) -> None:
        import av

        self._path, self._fps, self._n_added = path, fps, 0
        self._chunks = iter(()) if sound is None else _sound_of(sound)
        self._next = next(self._chunks, None)
        try:
            # the index comes first, so that a page can begin to play before all of the file is there
            self._container = av.open(str(path), "w", options={"movflags": "+faststart"})
            rate = Fraction(fps).limit_denominator(_LARGEST_DENOMINATOR)
            self._video: Any = self._container.add_stream("libx264", rate=rate, options=_ENCODER)
            self._video.width, self._video.height = size
            self._video.pix_fmt = "yuv420p"
            if self._next is not None:
                self._sound: Any = self._container.add_stream("aac", rate=_SOUND_HZ, layout="stereo")
            self._container.start_encoding()  # opens the file
        except (av.FFmpegError, OSError) as error:
            raise DataError(f"cannot be written: {error.strerror}", path, _FIX) from None

    def add(self, image: NDArray[np.uint8]) -> None:
        import av

        self._mux(self._video, av.VideoFrame.from_ndarray(image, format="bgr24"))
        self._n_added += 1
        while self._next is not None and (self._next.pts or 0) < self._n_added / self._fps * _SOUND_HZ:
            self._mux(self._sound, self._next)
            self._next = next(self._chunks, None)

    def end_sound(self) -> None:
        self._next = None

    def close(self) -> None:
        import av

        try:
            for stream in self._container.streams:
                self._mux(stream, None)
            self._container.close()
        except (av.FFmpegError, OSError) as error:
            raise DataError(f"cannot be written: {error.strerror}", self._path, _FIX) from None

    def _mux(self, stream: Any, frame: av.VideoFrame | av.AudioFrame | None) -> None:
        import av

        try:
            self._container.mux(stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise DataError(f"cannot be written: {error.strerror}", self._path, _FIX) from None


def _sound_of(path: Path) -> Iterator[av.AudioFrame]:
    """Yield the sound of a video as AAC takes it, timed from the first frame of the images on."""
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio or not container.streams.video:
                return
            sound, images = container.streams.audio[0], container.streams.video[0]
            begin_s = float((images.start_time or 0) * (images.time_base or 0))
            resampler = av.AudioResampler("fltp", "stereo", _SOUND_HZ, _AAC_SAMPLES)
            place: int | None = None
            for decoded in container.decode(sound):
                if place is None:
                    place = round(((decoded.time or 0.0) - begin_s) * _SOUND_HZ)
                for chunk in resampler.resample(decoded):
                    chunk.pts, chunk.time_base = place, Fraction(1, _SOUND_HZ)
                    place += chunk.samples
                    if chunk.pts >= 0:
                        yield chunk
    except (av.FFmpegError, OSError):
        return  # what was decoded before is written
