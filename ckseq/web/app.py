"""The ASGI app: the page, a WebSocket of images and answers, and uploaded videos, which are analyzed and deleted."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import struct
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, Protocol

import cv2
import numpy as np
import psutil
from anyio import to_thread
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ckseq.console import printable
from ckseq.errors import CkseqError
from ckseq.storage.images import header
from ckseq.web.messages import (
    START_OVER,
    TAKE_NEUTRAL,
    About,
    ClipAnswer,
    Failure,
    FrameAnswer,
    Message,
    javascript,
)
from ckseq.web.origin_check import OriginCheck

MAX_FRAME_BYTES = 2**20
MAX_CLIP_BYTES = 64 * 2**20
_MAX_FRAME_PIXELS = 1920 * 1080
_MIN_FRAME_PX = 16
_MAX_CLIENTS = _MAX_UPLOADS = 4
_MAX_UPLOAD_S = 300.0
# codes of the WebSocket protocol: try again later, unsupported data
_FULL, _BAD_FRAME, _BROKEN = 1013, 1003, 1011
_CLIP = "ckseq-clip-"
_log = logging.getLogger(__name__)
_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
# the first bytes of the containers that browsers and phones write; FFmpeg opens much else, playlists among it
_CONTAINERS = (
    *((4, name) for name in (b"ftyp", b"moov", b"mdat", b"wide")),
    *((0, mark) for mark in (b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")),
)


class FrameAnalyzer(Protocol):
    """Analyzes the images of one client."""

    def analyze(self, time_s: float, image: NDArray[np.uint8]) -> FrameAnswer:
        """Process the next image, (h, w, 3) uint8 BGR."""

    def take_neutral(self) -> None:
        """Take the visitor's neutral face from the next images."""

    def start_over(self) -> None:
        """Forget everything about the client's faces."""


@dataclass(frozen=True)
class Site:
    """The content of the page: a run, what analyzes images and videos with its model, and what is shown of a face.

    ``new_analyzer`` is called for each client; both functions are called from several threads.
    """

    run: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    new_analyzer: Callable[[], FrameAnalyzer]
    analyze_clip: Callable[[Path], ClipAnswer]
    shows: Literal["motion", "crop"] = "motion"
    takes_neutral: bool = False


def make_app(site: Site, *, names: Iterable[str], any_address: bool) -> Starlette:
    """Return the app.

    Parameters
    ----------
    site : Site
    names : iterable of str
    any_address : bool
        The hosts under which it answers; see `OriginCheck`.
    """
    handlers = _Handlers(site)
    routes = [
        *(Route(path, _file(*file)) for path, file in _FILES.items()),
        Route("/messages.js", handlers.messages),
        Route("/about", handlers.about),
        Route("/clip", handlers.clip, methods=["POST"]),
        WebSocketRoute("/live", handlers.live),
    ]
    return Starlette(routes=routes, middleware=[Middleware(OriginCheck, names=names, any_address=any_address)])


def _file(name: str, media_type: str) -> Callable[[Request], Response]:
    def handler(_: Request) -> Response:
        return Response((_FOLDER / name).read_bytes(), media_type=media_type)

    return handler


class _Handlers:
    """The handlers of all requests but those for files, and their common state."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._n_clients = self._n_uploads = 0
        self._clip_lock = asyncio.Lock()

    async def messages(self, _: Request) -> Response:
        return Response(javascript(), media_type="text/javascript")

    async def about(self, _: Request) -> Response:
        site = self._site
        labels = tuple(map(printable, site.labels))
        return _json(
            About(
                run=printable(site.run),
                labels=labels,
                notes=tuple(map(printable, site.notes)),
                shows=site.shows,
                takes_neutral=site.takes_neutral,
                max_clip_bytes=MAX_CLIP_BYTES,
            )
        )

    async def live(self, socket: WebSocket) -> None:
        """Answer each image before the next is read: a slow computer sees fewer images, and no queue grows."""
        await socket.accept()
        if self._n_clients >= _MAX_CLIENTS:
            await socket.close(_FULL, "too many pages are open; close one")
            return
        self._n_clients += 1
        try:
            analyzer = await to_thread.run_sync(self._site.new_analyzer)
            last_s = -math.inf
            while True:
                message = await _receive_message(socket)
                if isinstance(message, str):
                    commands = {TAKE_NEUTRAL: analyzer.take_neutral, START_OVER: analyzer.start_over}
                    if message not in commands:
                        raise ValueError("a text instead of an image")
                    await to_thread.run_sync(commands[message])
                    continue
                last_s, image = _decode(message, last_s)
                answer = await to_thread.run_sync(analyzer.analyze, last_s, image)
                await socket.send_text(answer.model_dump_json())
        except WebSocketDisconnect:
            pass
        except (CkseqError, ValueError) as error:
            await _close(socket, _BAD_FRAME, str(error))
        except Exception as error:  # of an image that a detector or the model cannot read
            _log.error("an image of the page could not be analyzed: %s: %s", type(error).__name__, error)
            await _close(socket, _BROKEN, "this image could not be analyzed")
        finally:
            self._n_clients -= 1

    async def clip(self, request: Request) -> Response:
        """Analyze an uploaded video, which is in a temporary file for as long as that takes.

        One video is analyzed at a time; others may be uploaded meanwhile, however slowly.
        """
        announced = request.headers.get("content-length", "")
        if len(announced) > 20 or (announced.isdigit() and int(announced) > MAX_CLIP_BYTES):
            return _failure(_too_large(), 413)
        if self._clip_lock.locked() or self._n_uploads >= _MAX_UPLOADS:
            return _failure(_BUSY, 503)
        self._n_uploads += 1
        try:
            with _clip_file() as (file, path):
                async with asyncio.timeout(_MAX_UPLOAD_S):
                    await _receive(request, file)
                if self._clip_lock.locked():
                    return _failure(_BUSY, 503)
                async with self._clip_lock:
                    return _json(await to_thread.run_sync(self._site.analyze_clip, path))
        except ClientDisconnect:
            return _failure("the upload was interrupted", 400)
        except TimeoutError:
            return _failure("the upload took too long", 408)
        except CkseqError as error:
            return _failure(error.what if error.fix is None else f"{error.what}; {error.fix}", 400)
        except OSError as error:
            return _failure(f"the video cannot be stored: {error.strerror or error}", 507)
        except Exception as error:  # of frames that a detector or the model cannot read
            _log.error("a video of the page could not be analyzed: %s: %s", type(error).__name__, error)
            return _failure("this video could not be analyzed", 400)
        finally:
            self._n_uploads -= 1


def _json(message: Message, status: int = 200) -> Response:
    return Response(message.model_dump_json(), status, media_type="application/json")


def _failure(error: str, status: int) -> Response:
    return _json(Failure(error=error), status)


_BUSY = "another video is being analyzed; try again when it is done"


def _too_large() -> str:
    return f"the video is larger than {MAX_CLIP_BYTES >> 20} MiB"


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    with suppress(RuntimeError, WebSocketDisconnect):  # the page may have gone
        await socket.close(code, reason.encode()[:120].decode(errors="ignore"))


async def _receive_message(socket: WebSocket) -> bytes | str:
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000))
    data = message.get("bytes")
    return str(message.get("text")) if data is None else bytes(data)


def remove_clips() -> None:
    """Remove the videos that a killed server left, on systems where their files have names; see `_clip_file`."""
    for path in Path(tempfile.gettempdir()).glob(f"{_CLIP}*"):
        process = path.name.removeprefix(_CLIP).partition("-")[0]
        if process.isascii() and process.isdecimal() and not psutil.pid_exists(int(process)):
            with suppress(OSError):
                path.unlink()


@contextmanager
def _clip_file() -> Iterator[tuple[IO[bytes], Path]]:
    """Open a temporary file, and return it with the path under which this process can open it again.

    Where the system can, it has no name: then it is gone with the process, even if that is killed.
    """
    own = Path("/proc/self/fd")
    if own.is_dir():
        with tempfile.TemporaryFile(prefix=_CLIP) as unnamed:
            yield unnamed, own / str(unnamed.fileno())
        return
    handle, name = tempfile.mkstemp(prefix=f"{_CLIP}{os.getpid()}-")
    try:
        with os.fdopen(handle, "wb") as named:
            yield named, Path(name)
    finally:
        with suppress(OSError):
            Path(name).unlink()


async def _receive(request: Request, file: IO[bytes]) -> None:
    n_bytes = 0
    async for chunk in request.stream():
        if not n_bytes and chunk and not _is_video(chunk):
            raise CkseqError(
                "this is not a video of a supported format", fix="use mp4, mov, webm, mkv, avi, mpg or ogg"
            )
        n_bytes += len(chunk)
        if n_bytes > MAX_CLIP_BYTES:
            raise CkseqError(_too_large(), fix="cut it")
        file.write(chunk)
    if not n_bytes:
        raise CkseqError("the video is empty (0 bytes)")
    file.flush()


def _is_video(start: bytes) -> bool:
    return any(start[at : at + len(mark)] == mark for at, mark in _CONTAINERS)


def _decode(message: bytes, last_s: float) -> tuple[float, NDArray[np.uint8]]:
    """Return the time and the image of a binary message, see `ckseq.web.messages`.

    Raises
    ------
    ValueError
        It is something else, the image is too large, or the time does not increase.
    """
    size = header(message[8:])
    if len(message) <= 8 or len(message) > MAX_FRAME_BYTES or size is None:
        raise ValueError("not an image")
    (time_s,) = struct.unpack("<d", message[:8])
    if not (math.isfinite(time_s) and time_s > last_s):
        raise ValueError("times must increase")
    if min(size.width, size.height) < _MIN_FRAME_PX:
        raise ValueError("the image is too small")
    if size.width * size.height > _MAX_FRAME_PIXELS:
        raise ValueError("the image is too large")
    try:
        image = cv2.imdecode(np.frombuffer(message, np.uint8, offset=8), cv2.IMREAD_COLOR)
    except cv2.error:
        image = None
    if image is None or image.shape[0] * image.shape[1] != size.width * size.height:
        raise ValueError("a damaged image")
    return time_s, np.asarray(image, np.uint8)
