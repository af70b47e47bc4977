"""The ASGI app: the page, a WebSocket of pictures and answers, and clips that are watched and forgotten."""

from __future__ import annotations

import asyncio
import math
import struct
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from anyio import to_thread
from numpy.typing import NDArray
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ckseq.errors import CkseqError
from ckseq.storage.images import header
from ckseq.web.origin_check import Doors

MOST_FRAME_BYTES = 2**20
MOST_CLIP_BYTES = 64 * 2**20
_MOST_FRAME_PIXELS = 1920 * 1080
_MOST_VISITORS = 4
_FULL, _BAD_FRAME = 1013, 1003
_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.js": ("page.js", "text/javascript"),
    "/page.css": ("page.css", "text/css"),
}
# the first bytes of the containers that browsers and phones write; FFmpeg opens much else, play lists among it
_CONTAINERS = (
    *((4, name) for name in (b"ftyp", b"moov", b"mdat", b"wide")),
    *((0, mark) for mark in (b"\x1a\x45\xdf\xa3", b"RIFF", b"OggS", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3")),
)


class Watcher(Protocol):
    """Watches the pictures of one visitor."""

    def step(self, time_s: float, image: NDArray[np.uint8]) -> dict[str, Any]:
        """Take the next picture, (h, w, 3) uint8 BGR, and return what the page shows of it, ready for JSON."""


@dataclass(frozen=True)
class Site:
    """What the page is about.

    ``about`` is told to the page as JSON; ``begin`` makes a watcher for a visitor; ``watch_clip`` returns the timeline
    of a film, ready for JSON. All three are called from several threads.
    """

    about: dict[str, Any]
    begin: Callable[[], Watcher]
    watch_clip: Callable[[Path], dict[str, Any]]


def make_app(site: Site, *, names: Iterable[str], any_address: bool) -> Starlette:
    """Return the app.

    Parameters
    ----------
    site : Site
    names : iterable of str
    any_address : bool
        Under which hosts it answers; see `Doors`.
    """
    rooms = _Rooms(site)
    routes = [
        *(Route(path, _file(*file)) for path, file in _FILES.items()),
        Route("/about", rooms.about),
        Route("/clip", rooms.clip, methods=["POST"]),
        WebSocketRoute("/live", rooms.live),
    ]
    return Starlette(routes=routes, middleware=[Middleware(Doors, names=names, any_address=any_address)])


def _file(name: str, kind: str) -> Callable[[Request], Any]:
    async def answer(_: Request) -> Response:
        return Response((_FOLDER / name).read_bytes(), media_type=kind)

    return answer


class _Rooms:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._n_visitors = 0
        self._watching = asyncio.Lock()

    async def about(self, _: Request) -> Response:
        limits = {"most_clip_bytes": MOST_CLIP_BYTES}
        return JSONResponse({**self._site.about, **limits})

    async def live(self, socket: WebSocket) -> None:
        """Answer each picture before the next is taken: a slow machine sees fewer, and no queue grows."""
        await socket.accept()
        if self._n_visitors >= _MOST_VISITORS:
            await socket.close(_FULL, "too many pages are open; close one")
            return
        self._n_visitors += 1
        try:
            watcher = await to_thread.run_sync(self._site.begin)
            last_s = -math.inf
            while True:
                last_s, image = _decoded(await socket.receive_bytes(), last_s)
                await socket.send_json(await to_thread.run_sync(watcher.step, last_s, image))
        except WebSocketDisconnect:
            pass
        except (CkseqError, ValueError) as error:
            await socket.close(_BAD_FRAME, str(error)[:120])
        finally:
            self._n_visitors -= 1

    async def clip(self, request: Request) -> Response:
        """Watch an uploaded film, which lies in a temporary file while that lasts."""
        announced = request.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > MOST_CLIP_BYTES:
            return _refused(f"the clip is larger than {MOST_CLIP_BYTES >> 20} MiB", 413)
        if self._watching.locked():
            return _refused("another clip is being watched; try again when it is done", 503)
        async with self._watching:
            with tempfile.TemporaryDirectory(prefix="ckseq-clip-") as folder:
                path = Path(folder) / "clip"
                try:
                    await _receive(request, path)
                    said = await to_thread.run_sync(self._site.watch_clip, path)
                except ClientDisconnect:
                    return _refused("the upload broke off", 400)
                except CkseqError as error:
                    return _refused(error.what if error.fix is None else f"{error.what}; {error.fix}", 400)
        return JSONResponse(said)


async def _receive(request: Request, path: Path) -> None:
    n_bytes = 0
    with path.open("wb") as file:
        async for chunk in request.stream():
            if not n_bytes and chunk and not _is_film(chunk):
                raise CkseqError("this is no film that the page reads", fix="mp4, mov, webm, mkv, avi, mpg and ogg are")
            n_bytes += len(chunk)
            if n_bytes > MOST_CLIP_BYTES:
                raise CkseqError(f"the clip is larger than {MOST_CLIP_BYTES >> 20} MiB", fix="cut it")
            file.write(chunk)
    if not n_bytes:
        raise CkseqError("the clip is empty (0 bytes)")


def _is_film(start: bytes) -> bool:
    return any(start[at : at + len(mark)] == mark for at, mark in _CONTAINERS)


def _refused(why: str, status: int) -> Response:
    return JSONResponse({"error": why}, status)


def _decoded(message: bytes, last_s: float) -> tuple[float, NDArray[np.uint8]]:
    """Return the time and the picture of a message: a double, little endian, in front of a JPEG.

    Raises
    ------
    ValueError
        It is something else, the picture is too large, or the time does not rise.
    """
    said = header(message[8:])
    if len(message) <= 8 or len(message) > MOST_FRAME_BYTES or said is None:
        raise ValueError("no picture")
    (time_s,) = struct.unpack("<d", message[:8])
    if not (math.isfinite(time_s) and time_s > last_s):
        raise ValueError("times must rise")
    if said.width * said.height > _MOST_FRAME_PIXELS:
        raise ValueError("the picture is too large")
    image = cv2.imdecode(np.frombuffer(message, np.uint8, offset=8), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError("a damaged picture")
    return time_s, np.asarray(image, np.uint8)
