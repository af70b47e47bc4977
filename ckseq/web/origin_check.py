"""Who may talk to the page: requests that name this machine, from pages that this server gave out.

A page of another site can send requests to a server on the loopback address. With DNS rebinding it can do so under a
name of its own, so the Host header must name this machine; a WebSocket and an upload must come from our own page, which
the browser tells in the Origin header.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SAFE_METHODS = ("GET", "HEAD")
_HEADERS = {
    # WebSocket connections to the page's own server are not in 'self' for every browser
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws://{host} wss://{host}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "permissions-policy": "camera=(self), microphone=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Doors:
    """Lets a request in if its Host names this machine and, where it does something, its Origin is this server.

    Parameters
    ----------
    app : ASGI app
    names : iterable of str
        Host names under which the server may be asked.
    any_address : bool
        Whether any plain IP address may stand in Host as well: rebinding needs a name.
    """

    def __init__(self, app: ASGIApp, *, names: Iterable[str], any_address: bool) -> None:
        self._app = app
        self._names = {name.lower() for name in names}
        self._any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it with 403."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        harmless = scope["type"] == "http" and scope["method"] in _SAFE_METHODS
        same = origin in (f"http://{host}", f"https://{host}")
        if not self._is_here(host) or not (same or (harmless and origin is None)):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await PlainTextResponse("not for this address", 403)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = [(name.encode(), value.replace("{host}", host).encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *told]}
            await send(message)

        await self._app(scope, receive, with_headers)

    def _is_here(self, host: str) -> bool:
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
