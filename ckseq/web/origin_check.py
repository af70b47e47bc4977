"""Which requests are answered: those addressed to this computer, from the page of this server.

A page of another site can send requests to a server on the loopback address (cross-site request forgery), and with DNS
rebinding under a name of its own. So the Host header must name this computer, and a WebSocket or an upload must come
from this server's own page, according to the Origin header that the browser sets.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SAFE_METHODS = ("GET", "HEAD")
# a name or an address, and a port: nothing that could end a directive of the policy built from it
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,253}[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_HEADERS = {
    # not every browser counts WebSocket connections to the page's own server as 'self'
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src blob:; connect-src 'self' ws://{host} wss://{host}; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "permissions-policy": "camera=(self), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class OriginCheck:
    """Middleware that accepts a request if its Host is this computer and, unless it only reads, its Origin this server.

    Parameters
    ----------
    app : ASGI app
    names : iterable of str
        Host names of the server.
    any_address : bool
        Accept any plain IP address as Host too: rebinding needs a name.
    """

    def __init__(self, app: ASGIApp, *, names: Iterable[str], any_address: bool) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 400 or 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not _HOST.fullmatch(host):
            await _refuse(scope, receive, send, "bad request: the Host header is no host", 400)
            return
        reads_only = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
        same_origin = origin in (f"http://{host}", f"https://{host}")
        if not self._is_own_host(host) or not (same_origin or (reads_only and origin is None)):
            await _refuse(scope, receive, send, "forbidden: wrong Host or Origin", 403)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.replace("{host}", host).encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, receive, with_headers)

    def _is_own_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return self._any_address


async def _refuse(scope: Scope, receive: Receive, send: Send, text: str, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
    else:
        await PlainTextResponse(text, status)(scope, receive, send)
