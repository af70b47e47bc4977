"""The server of the page, without a model: which requests it answers, what it accepts, and that it saves nothing."""

import asyncio
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from ckseq.errors import DataError
from ckseq.web import app as module
from ckseq.web.app import Site, make_app
from ckseq.web.messages import START_OVER, TAKE_NEUTRAL, ClipAnswer, FaceBox, FrameAnswer
from ckseq.web.origin_check import _HOST, LOOPBACK

HOST = "127.0.0.1:8765"
HERE = {"host": HOST, "origin": f"http://{HOST}"}
AVI = b"RIFF\x00\x00\x00\x00AVI " + bytes(50)


class Analyzer:
    """Answers with a box of the image's size, and its mean level as the number."""

    def analyze(self, time_s, image):
        height, width, _ = image.shape
        face = FaceBox(number=round(float(image.mean())), box=(0, 0, width, height), label=None)
        return FrameAnswer(time_s=time_s, faces=(face,), largest=None, neutral=self.neutral)

    neutral = "none"

    def take_neutral(self):
        self.neutral = "taking"

    def start_over(self):
        self.neutral = "needed"


def analyze_clip(path):
    """Answers with the number of bytes as that of frames."""
    data = path.read_bytes()
    if data.endswith(b"damaged"):
        raise DataError("is damaged", path, "fetch it again")
    return ClipAnswer(n_frames=len(data), n_without_face=0, duration_s=1, faces=0, segments=(), incomplete=None)


def client(any_address=False, names=LOOPBACK, analyze_clip=analyze_clip):
    site = Site("run", ("anger",), ("a note",), Analyzer, analyze_clip)
    return TestClient(make_app(site, names=names, any_address=any_address), base_url=f"http://{HOST}")


@pytest.fixture
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def image(time_s, height=18, width=24, level=100):
    encoded = cv2.imencode(".jpg", np.full((height, width, 3), level, np.uint8))[1]
    return struct.pack("<d", time_s) + encoded.tobytes()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (HOST, 200),
        ("localhost:8765", 200),
        ("LOCALHOST", 200),
        ("[::1]:8765", 200),
        ("evil.example:8765", 403),  # a name of its own that was rebound to 127.0.0.1
        ("127.0.0.1.evil.example", 403),
        ("localhost.evil.example:8765", 403),
        ("192.168.1.5:8765", 403),
        ("evil.example@127.0.0.1", 400),
        ("[", 400),
        ("", 400),
        ("localhost:80;script-src *", 400),  # the policy of every answer is built from it
        ("localhost:80 evil.example", 400),
        ("localhost:", 400),
        ("localhost:123456", 400),
    ],
)
def test_only_requests_that_name_this_machine_are_answered(host, status):
    for path in ("/", "/page.js", "/messages.js", "/page.css", "/about"):
        assert client().get(path, headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("192.168.1.5:8765", 200), ("[fe80::1]:8765", 200), ("mine.local:8765", 200), ("evil.example:8765", 403)],
)
def test_a_server_open_to_others_answers_to_addresses_and_to_its_name(host, status):
    page = client(any_address=True, names=(*LOOPBACK, "mine.local"))
    assert page.get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", f"http://{HOST}.evil.example", "http://localhost:1", None]
)
def test_only_our_own_page_may_do_something(origin, own_folder):
    headers = {"host": HOST} | ({"origin": origin} if origin else {})
    assert client().post("/clip", content=AVI, headers=headers).status_code == 403
    with pytest.raises(WebSocketDisconnect) as caught, client().websocket_connect("/live", headers=headers):
        pass
    assert caught.value.code == 1008
    if origin:
        assert client().get("/about", headers=headers).status_code == 403


def test_every_answer_forbids_other_servers_frames_and_caches():
    headers = client().get("/", headers={"host": HOST}).headers
    rules = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert rules["connect-src"] == f"'self' ws://{HOST} wss://{HOST}"
    assert rules["frame-ancestors"] == "'none'"
    assert headers["cache-control"] == "no-store"


def test_each_image_is_answered_in_turn():
    with client().websocket_connect("/live", headers=HERE) as socket:
        for number in range(3):
            socket.send_bytes(image(number / 10, level=50 * number))
            face = {"number": 50 * number, "box": [0, 0, 24, 18], "label": None}
            more = {"neutral": "none", "neutral_left_s": None, "person": "same"}
            assert socket.receive_json() == {"time_s": number / 10, "faces": [face], "largest": None, **more}


def test_commands_are_answered_with_the_next_image():
    with client().websocket_connect("/live", headers=HERE) as socket:
        for number, (command, answer) in enumerate([(TAKE_NEUTRAL, "taking"), (START_OVER, "needed")]):
            socket.send_text(command)
            socket.send_bytes(image(number / 10))
            assert socket.receive_json()["neutral"] == answer
    script = client().get("/page.js", headers={"host": HOST}).text
    assert f'TAKE_NEUTRAL = "{TAKE_NEUTRAL}", START_OVER = "{START_OVER}"' in script


@pytest.mark.parametrize(
    "message",
    [
        b"",
        bytes(8),
        struct.pack("<d", 1) + b"no image",
        image(float("nan")),
        image(float("inf")),
        image(0.5),  # not after the first
        image(2.0)[:-40],
        image(2.0).replace(b"\xff\xc0\x00\x11\x08\x00\x12\x00\x18", b"\xff\xc0\x00\x11\x08\xff\xff\xff\xff"),
        image(2.0) + bytes(module.MAX_FRAME_BYTES),
        image(2.0, height=1, width=1),
        image(2.0, height=1, width=500),
        "hello",
        "",
    ],
    ids=[
        "empty", "no image", "text", "not a time", "endless", "back in time", "cut", "huge", "heavy", "one pixel",
        "a line", "words", "no words",
    ],
)  # fmt: skip
def test_a_message_that_is_no_image_ends_the_connection(message):
    with client().websocket_connect("/live", headers=HERE) as socket:
        socket.send_bytes(image(1.0))
        socket.receive_json()
        if isinstance(message, str):
            socket.send_text(message)
        else:
            socket.send_bytes(message)
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
        assert caught.value.code == 1003


@pytest.mark.parametrize("channels", [None, 1, 2, 4], ids=str)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_an_image_of_any_number_of_channels_has_three(channels, kind):
    pixels = np.full((20, 30) if channels is None else (20, 30, channels), 100, kind)
    if channels == 2:
        pixels = cv2.merge([pixels[..., 0]] * 3)
    content = struct.pack("<d", 0) + cv2.imencode(".png", pixels)[1].tobytes()
    with client().websocket_connect("/live", headers=HERE) as socket:
        socket.send_bytes(content)
        assert socket.receive_json()["faces"][0]["box"] == [0, 0, 30, 20]


def test_an_image_that_breaks_the_analysis_ends_the_connection_without_a_traceback(monkeypatch):
    def analyze(self, time_s, image):
        raise cv2.error("(-215:Assertion failed)\nin a detector")

    monkeypatch.setattr(Analyzer, "analyze", analyze)
    with client().websocket_connect("/live", headers=HERE) as socket:
        socket.send_bytes(image(1.0))
        with pytest.raises(WebSocketDisconnect) as caught:
            socket.receive_json()
    assert (caught.value.code, caught.value.reason) == (1011, "this image could not be analyzed")


def test_too_many_pages_are_refused_until_one_is_closed(monkeypatch):
    monkeypatch.setattr(module, "_MAX_CLIENTS", 1)
    with client() as page:
        with page.websocket_connect("/live", headers=HERE) as first:
            first.send_bytes(image(0.0))
            first.receive_json()
            with page.websocket_connect("/live", headers=HERE) as second, pytest.raises(WebSocketDisconnect) as caught:
                second.receive_json()
            assert caught.value.code == 1013
        with page.websocket_connect("/live", headers=HERE) as third:
            third.send_bytes(image(0.0))
            assert third.receive_json()["faces"][0]["number"] == 100


def test_a_clip_is_analyzed_and_deleted(own_folder):
    answer = client().post("/clip", content=AVI, headers=HERE)
    assert (answer.status_code, answer.json()["n_frames"]) == (200, len(AVI))
    assert not list(own_folder.iterdir())


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty (0 bytes)"),
        (b"#EXTM3U\nhttp://elsewhere/", "not a video of a supported format"),
        (b"ffconcat version 1.0\nfile /etc/passwd", "not a video of a supported format"),
        (AVI + b"damaged", "is damaged; fetch it again"),
        (AVI + bytes(2000), "larger than 0 MiB"),
    ],
    ids=["empty", "play list", "list of files", "damaged", "large"],
)
def test_a_clip_that_cannot_be_analyzed_is_one_line_and_deleted(content, says, own_folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_CLIP_BYTES", 1000)

    def chunks():  # of a length that is not announced
        for start in range(0, len(content), 100):
            yield content[start : start + 100]

    answer = client().post("/clip", content=chunks(), headers=HERE)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert str(own_folder) not in answer.text
    assert not list(own_folder.iterdir())


def test_a_clip_announced_as_too_large_is_not_even_read(own_folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_CLIP_BYTES", 1000)
    assert client().post("/clip", content=AVI + bytes(2000), headers=HERE).status_code == 413


def test_one_clip_at_a_time(own_folder):
    inner = []

    def analyze(path):
        inner.append(page.post("/clip", content=AVI, headers=HERE).status_code)
        return analyze_clip(path)

    with client(analyze_clip=analyze) as page:
        assert page.post("/clip", content=AVI, headers=HERE).status_code == 200
    assert inner == [503]


async def post_clip(app, chunks):
    """Return the status of an upload that comes in chunks, each after the event before it (None: at once)."""
    statuses, left = [], iter(chunks)

    async def receive():
        chunk, event = next(left)
        if event is not None:
            await event.wait()
        return {"type": "http.request", "body": chunk, "more_body": chunk != b""}

    async def send(message):
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    headers = [(name.encode(), value.encode()) for name, value in HERE.items()]
    await app(
        {"type": "http", "method": "POST", "path": "/clip", "query_string": b"", "headers": headers}, receive, send
    )
    return statuses[0]


def test_a_slow_upload_does_not_keep_others_waiting(own_folder):
    app = client().app

    async def both():
        others_done = asyncio.Event()
        slow = asyncio.create_task(post_clip(app, [(AVI[:30], None), (AVI[30:], others_done), (b"", None)]))
        await asyncio.sleep(0.05)
        quick = await asyncio.wait_for(post_clip(app, [(AVI, None), (b"", None)]), 20)
        others_done.set()
        return quick, await slow

    assert asyncio.run(both()) == (200, 200)
    assert not list(own_folder.iterdir())


def test_an_upload_without_end_is_ended_and_too_many_are_refused(own_folder, monkeypatch):
    monkeypatch.setattr(module, "_MAX_UPLOAD_S", 0.2)
    app = client().app

    async def many():
        never = asyncio.Event()
        return await asyncio.gather(*(post_clip(app, [(AVI, None), (b"", never)]) for _ in range(5)))

    assert asyncio.run(many()) == [408] * 4 + [503]
    assert not list(own_folder.iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system opens no files by their number")
def test_a_clip_has_no_name_that_a_killed_server_could_leave(own_folder):
    found = []

    def analyze(path):
        found.append(list(own_folder.iterdir()))
        return analyze_clip(path)

    assert client(analyze_clip=analyze).post("/clip", content=AVI, headers=HERE).json()["n_frames"] == len(AVI)
    assert found == [[]]


def test_what_a_killed_server_left_elsewhere_is_removed_at_the_next_start(own_folder):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    (own_folder / f"ckseq-clip-{process.pid}-abc").write_bytes(AVI)
    (own_folder / f"ckseq-clip-{os.getpid()}-abc").write_bytes(AVI)
    (own_folder / "ckseq-clip-mine").write_bytes(AVI)
    module.remove_clips()
    assert sorted(path.name for path in own_folder.iterdir()) == [f"ckseq-clip-{os.getpid()}-abc", "ckseq-clip-mine"]


@settings(max_examples=150, deadline=None)
@given(
    st.text(alphabet=st.characters(codec="latin-1"), max_size=40)
    | st.from_regex(r"[a-z.]{1,9}:[0-9]{1,7}.?", fullmatch=True)
)
def test_a_host_that_is_answered_cannot_end_a_directive(host):
    match = _HOST.fullmatch(host)
    assert match is None or not set(host) & set(" ;,'\"*/\\@\r\n\t")
