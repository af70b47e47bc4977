"""The ASGI app: the page, a WebSocket of images and answers, and uploaded videos, which are analyzed and deleted."""

from __future__ import annotations

import asyncio
import math
import struct
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ckseq.errors import CkseqError
from ckseq.storage.images import header
from ckseq.web.messages import About, ClipAnswer, Failure, FrameAnswer, Message, javascript
from ckseq.web.origin_check import OriginCheck

MAX_FRAME_BYTES = 2**20
MAX_CLIP_BYTES = 64 * 2**20
_MAX_FRAME_PIXELS = 1920 * 1080
_MAX_CLIENTS = 4
# codes of the WebSocket protocol: try again later, unsupported data
_FULL, _BAD_FRAME = 1013, 1003
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


@dataclass(frozen=True)
class Site:
    """The content of the page: a run, and what analyzes images and videos with its model.

    ``new_analyzer`` is called for each client; both functions are called from several threads.
    """

    run: str
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    new_analyzer: Callable[[], FrameAnalyzer]
    analyze_clip: Callable[[Path], ClipAnswer]


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
        self._n_clients = 0
        self._clip_lock = asyncio.Lock()

    async def messages(self, _: Request) -> Response:
        return Response(javascript(), media_type="text/javascript")

    async def about(self, _: Request) -> Response:
        site = self._site
        return _json(About(run=site.run, labels=site.labels, notes=site.notes, max_clip_bytes=MAX_CLIP_BYTES))

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
                last_s, image = _decode(await socket.receive_bytes(), last_s)
                answer = await to_thread.run_sync(analyzer.analyze, last_s, image)
                await socket.send_text(answer.model_dump_json())
        except WebSocketDisconnect:
            pass
        except (CkseqError, ValueError) as error:
            await socket.close(_BAD_FRAME, str(error)[:120])
        finally:
            self._n_clients -= 1

    async def clip(self, request: Request) -> Response:
        """Analyze an uploaded video, which is in a temporary file for as long as that takes."""
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > MAX_CLIP_BYTES:
            return _failure(_too_large(), 413)
        if self._clip_lock.locked():
            return _failure("another video is being analyzed; try again when it is done", 503)
        async with self._clip_lock:
            with tempfile.TemporaryDirectory(prefix="ckseq-clip-") as folder:
                path = Path(folder) / "clip"
                try:
                    await _receive(request, path)
                    answer = await to_thread.run_sync(self._site.analyze_clip, path)
                except ClientDisconnect:
                    return _failure("the upload was interrupted", 400)
                except CkseqError as error:
                    return _failure(error.what if error.fix is None else f"{error.what}; {error.fix}", 400)
        return _json(answer)


def _json(message: Message, status: int = 200) -> Response:
    return Response(message.model_dump_json(), status, media_type="application/json")


def _failure(error: str, status: int) -> Response:
    return _json(Failure(error=error), status)


def _too_large() -> str:
    return f"the video is larger than {MAX_CLIP_BYTES >> 20} MiB"


async def _receive(request: Request, path: Path) -> None:
    n_bytes = 0
    with path.open("wb") as file:
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
    if size.width * size.height > _MAX_FRAME_PIXELS:
        raise ValueError("the image is too large")
    image = cv2.imdecode(np.frombuffer(message, np.uint8, offset=8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a damaged image")
    return time_s, np.asarray(image, np.uint8)
