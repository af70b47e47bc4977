"""Visitors of the page of ``ckseq live``, good and bad: each does something and checks how it is answered."""

import json
import random
import socket
import struct
import threading
import time
import urllib.error
import urllib.request
from collections import Counter

import cv2
from websockets.exceptions import ConnectionClosed, ConnectionClosedError, InvalidStatus
from websockets.sync.client import connect

_FULL, _BAD_FRAME = 1013, 1003


class Visitors:
    """What visitors of one server may do; each method is one visit and returns what was answered."""

    def __init__(self, url, frames, clip):
        self._url, self._clip = url, clip
        self._port = int(url.rpartition(":")[2])
        self._images = [cv2.imencode(".jpg", frame)[1].tobytes() for frame in frames]

    def _live(self):
        return connect(f"{self._url.replace('http', 'ws', 1)}/live", origin=self._url, open_timeout=60)

    def watches(self, rng):
        """Sends images and gets as many answers, then leaves with or without a goodbye."""
        try:
            with self._live() as page:
                for number in range(rng.randint(1, 12)):
                    page.send(struct.pack("<d", number / 20) + rng.choice(self._images))
                    answer = json.loads(page.recv(timeout=60))
                    assert answer["time_s"] == number / 20
                if rng.random() < 0.3:
                    page.socket.close()
        except ConnectionClosedError as closed:
            return _reason(closed, _FULL)
        return "answered"

    def sends_nonsense(self, rng):
        """Sends what is no image, and is shown the door."""
        try:
            with self._live() as page:
                page.send(
                    rng.choice(["text", "{}", b"", b"\0" * 9, rng.randbytes(200), rng.choice(self._images)[:300]])
                )
                page.recv(timeout=60)
        except ConnectionClosed as closed:
            return _reason(closed, _BAD_FRAME, _FULL)
        raise AssertionError("nonsense was answered")

    def uploads(self, rng):
        """Uploads a video, whole, cut or none at all."""
        part = self._clip[: len(self._clip) // 3]
        return self._post(rng.choice([self._clip, part, rng.randbytes(999), b"", b"RIFF" + bytes(60)]), self._url)

    def uploads_from_elsewhere(self, rng):
        """Is the page of somebody else."""
        self._post(self._clip, "http://evil.example", allowed=(403,))
        try:
            with connect(f"ws://127.0.0.1:{self._port}/live", origin="http://evil.example", open_timeout=60):
                raise AssertionError("a foreign page was let in")
        except InvalidStatus as refused:
            return str(refused.response.status_code)

    def breaks_off(self, rng):
        """Announces a video and goes away in the middle of it."""
        with socket.create_connection(("127.0.0.1", self._port), timeout=60) as line:
            head = f"POST /clip HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nOrigin: {self._url}\r\n"
            line.sendall(f"{head}Content-Length: {len(self._clip)}\r\n\r\n".encode())
            line.sendall(self._clip[: rng.randrange(len(self._clip))])
        return "gone"

    def _post(self, data, origin, allowed=(400, 503)):
        headers = {"Origin": origin}
        request = urllib.request.Request(f"{self._url}/clip", data=data, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                assert json.loads(answer.read())["n_frames"] > 0
                return str(answer.status)
        except urllib.error.HTTPError as refused:
            if refused.code not in allowed:
                raise
            return f"{refused.code} {refused.read()[:60].decode()}"
        except urllib.error.URLError as error:  # refused before all of it was sent
            if not isinstance(error.reason, BrokenPipeError | ConnectionResetError):
                raise
            return "refused early"


def _reason(closed, *allowed):
    """Return the code with which a page was closed; None where it closed itself."""
    code = None if closed.rcvd is None else closed.rcvd.code
    if code not in (None, *allowed):
        raise closed
    return code


def come(visitors, seconds, *, at_once, seed=0):
    """Let visitors come for so long; return how often what was answered, and every error."""
    answered, errors = Counter(), []
    end = time.monotonic() + seconds
    kinds = [visitors.watches, visitors.watches, visitors.sends_nonsense, visitors.uploads]
    kinds += [visitors.uploads_from_elsewhere, visitors.breaks_off]

    def visit(number):
        rng = random.Random(seed + number)
        while time.monotonic() < end and not errors:
            kind = rng.choice(kinds)
            try:
                answered[f"{kind.__name__}: {kind(rng)}"] += 1
            except Exception as error:
                errors.append(f"{kind.__name__}: {type(error).__name__}: {error}")

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answered, errors
