"""``ckseq live`` with a run trained on drawn faces, for a face that it never saw, also in a real browser."""

import base64
import math
import os
import random
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import psutil
import pytest
import uvicorn
from made_browser import CHROMIUM, browser, write_y4m
from made_pages import page_of
from made_runs import made_run
from made_visitors import Visitors, come
from starlette.testclient import TestClient

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.inference import live_session as session_module
from ckseq.inference.live_session import LiveSession
from ckseq.inference.predictor import load_predictor
from ckseq.storage.run_record import write_run
from ckseq.storage.video import Video
from ckseq.storage.video_writer import VideoWriter
from ckseq.tasks import live as module
from ckseq.tasks.live import live
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.synth import synth
from ckseq.tasks.train import train
from ckseq.twin.tree import TwinConfig, draw, plan
from ckseq.web.app import Site, make_app
from ckseq.web.origin_check import LOOPBACK

FPS = 20
PEOPLE = 5
TWIN = {"emotions": ("happiness", "surprise"), "emotions_per_subject": 2, "unlabeled_share": 0.0, "median_frames": 10}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder, console = tmp_path_factory.mktemp("live"), Console(quiet=True)
    synth(folder / "data", config=TwinConfig(n_subjects=PEOPLE, **TWIN), jobs=2, overwrite=False, console=console)
    preprocess(folder / "data", pipeline="live", out=folder / "s.h5", jobs=2, console=console)
    settings = ["training.epochs=25", "protocol.test_share=0.2"]
    train(folder / "s.h5", experiment="live", out=folder / "run", settings=settings, seed=1, console=console)
    return folder / "run"


def frames_of(emotion):
    """A person whom the run never saw: neutral for two seconds, then an expression that is held."""
    sequences = plan(TwinConfig(n_subjects=PEOPLE + 1, **TWIN, color_share=1.0))
    drawn, _ = draw([one for one in sequences if one.label.name == emotion][-1])
    drawn = [cv2.resize(frame, (640, 480)) for frame in drawn]
    return [drawn[0]] * (2 * FPS) + drawn + [drawn[-1]] * (2 * FPS)


@pytest.fixture(scope="module")
def surprise():
    return frames_of("surprise")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "happiness.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (640, 480))
    for frame in frames_of("happiness"):
        writer.write(frame)
    writer.release()
    return path


def test_a_page_gets_the_face_its_motion_and_its_class(run, surprise, clip):
    predictor = load_predictor(run)
    session = LiveSession(predictor)
    site = Site(predictor.run, predictor.labels, predictor.notes, session.new_analyzer, session.analyze_clip)
    app = make_app(site, names=LOOPBACK, any_address=False)
    headers = {"host": "localhost", "origin": "http://localhost"}
    with TestClient(app, base_url="http://localhost") as page:
        about = page.get("/about").json()
        assert about["labels"] == ["happiness", "surprise"]
        assert "synthetic twin" in about["notes"][0]
        with page.websocket_connect("/live", headers=headers) as socket:
            answers = []
            for number, frame in enumerate(surprise):
                encoded = cv2.imencode(".jpg", frame)[1].tobytes()
                socket.send_bytes(struct.pack("<d", number / FPS) + encoded)
                answers.append(socket.receive_json())
        timeline = page.post("/clip", content=clip.read_bytes(), headers=headers).json()
    assert all(len(one["faces"]) == 1 for one in answers[5:])
    assert {one["largest"]["state"] for one in answers[5 : 2 * FPS]} == {"still"}
    last = answers[-1]["largest"]
    assert (last["state"], about["labels"][last["label"]]) == ("moving", "surprise")
    assert sum(last["smoothed"]) == pytest.approx(1, abs=1e-3)
    left, top, right, bottom = answers[-1]["faces"][0]["box"]
    assert 150 < left < 320 < right < 500
    assert 100 < top < 240 < bottom < 450
    named = [part["label"] for part in timeline["segments"] if part["label"]]
    assert named[-1] == "happiness"
    assert timeline["incomplete"] is None


def test_blobs_and_projections_of_the_page_agree(run, surprise):
    analyzer = LiveSession(load_predictor(run)).new_analyzer()
    for number, frame in enumerate(surprise):
        motion = analyzer.analyze(number / FPS, frame).largest.motion
    blobs = np.frombuffer(base64.b64decode(motion.blobs), np.uint8).reshape(motion.side, -1)
    columns, rows = (
        np.frombuffer(base64.b64decode(means), np.uint8).reshape(-1, motion.channels)
        for means in (motion.columns, motion.rows)
    )
    assert blobs.shape == (89, 89)
    for channel in range(motion.channels):
        moving = blobs == channel + 1
        assert moving.any()
        # both are made of the same blobs: where one has more, the other has
        assert np.corrcoef(moving.mean(axis=0), columns[:, channel])[0, 1] > 0.9
        assert np.corrcoef(moving.mean(axis=1), rows[:, channel])[0, 1] > 0.9


def test_a_video_of_huge_frames_is_refused_by_its_header(run, tmp_path):
    path = tmp_path / "huge.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 25, (4096, 4096))
    for _ in range(2):
        writer.write(np.zeros((4096, 4096, 3), np.uint8))
    writer.release()
    session, start = LiveSession(load_predictor(run)), time.monotonic()
    with pytest.raises(DataError, match="its frames of 4096x4096 pixels are too large; make them smaller"):
        session.analyze_clip(path)
    assert time.monotonic() - start < 2


def test_a_video_that_takes_too_long_is_ended(run, clip, monkeypatch):
    monkeypatch.setattr(session_module, "_MAX_WORK_S", 0.0)
    answer = LiveSession(load_predictor(run)).analyze_clip(clip)
    assert answer.n_frames == 1
    assert answer.incomplete.startswith("only the first 0.0 seconds were analyzed: the rest would take too long")


@pytest.mark.parametrize("size", [(16, 16), (16, 600), (600, 16), (17, 31)])
def test_images_of_any_size_are_analyzed(run, size):
    analyzer = LiveSession(load_predictor(run)).new_analyzer()
    for number in range(3):
        assert analyzer.analyze(number / FPS, np.full((*size, 3), 60 * number, np.uint8)).faces == ()


def test_an_early_decision_is_the_first_above_the_threshold(run, surprise):
    analyzer = LiveSession(replace(load_predictor(run), sure_above=0.6)).new_analyzer()
    answers = [analyzer.analyze(number / FPS, frame).largest for number, frame in enumerate(surprise)]
    assert answers[-1].sure == 1
    assert 2 < answers[-1].sure_s < len(surprise) / FPS
    assert all(one.sure is None for one in answers[5 : 2 * FPS])
    assert "too few people" in LiveSession(replace(load_predictor(run), sure_above=math.inf)).notes[-1]


@pytest.fixture(scope="module")
def server(run):
    """The address and the process of the page."""
    with page_of(run) as served:
        yield served


@pytest.fixture
def served(server):
    return server[0]


def test_visitors_of_all_kinds_leave_the_page_as_it_was(server, surprise, clip):
    """For `CKSEQ_SOAK_S` seconds; an hour is ``make soak``."""
    url, process = server
    seconds = float(os.environ.get("CKSEQ_SOAK_S", "4"))
    visitors, status = Visitors(url, surprise[::9], clip.read_bytes()), psutil.Process(process.pid)
    sizes = []
    for part in range(3):  # the first part fills caches
        answered, errors = come(visitors, seconds / 3, at_once=3, seed=10 * part)
        assert errors == []
        time.sleep(0.5)
        sizes.append((status.memory_info().rss / 1e6, status.num_fds() if hasattr(status, "num_fds") else 0))
        print(f"{dict(answered)}; {sizes[-1][0]:.0f} MB, {sizes[-1][1]} open files")
    assert visitors.watches(random.Random(0)) in ("answered", None)
    assert sizes[2][0] - sizes[0][0] < 150
    assert sizes[2][1] - sizes[0][1] < 20
    handles = Path(f"/proc/{process.pid}/fd")
    if handles.is_dir():  # a clip has no name there
        assert [path for path in handles.iterdir() if "(deleted)" in str(path.readlink())] == []


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium; Debian's is the package chromium")
class TestInChromium:
    def test_the_face_gets_a_box_and_a_class_and_a_clip_its_timeline(self, served, surprise, clip, tmp_path):
        write_y4m(tmp_path / "camera.y4m", surprise, fps=FPS)
        with browser(tmp_path / "profile", camera=tmp_path / "camera.y4m") as page:
            page.open(served)
            page.value("document.getElementById('start').click()")
            page.until("document.getElementById('state').textContent === '1 face'")
            page.until("document.getElementById('class').textContent === 'surprise'")
            assert "surprise" in page.text("moment")
            assert page.value(_LEVELS.format("boxes")) > 3
            for canvas in ("columns", "rows", "blobs"):
                assert page.value(_LEVELS.format(canvas)) > 3
            page.choose_file("#clip", clip)
            page.until("document.querySelector('#timeline .part')")
            assert "happiness" in page.text("timeline")
            assert "0 without a face" in page.text("clip-state")
            asked = page.value("performance.getEntriesByType('resource').map((one) => one.name)")
            assert len(asked) >= 4
            assert all(name.startswith(f"{served}/") for name in asked)
            page.value("stream.getVideoTracks()[0].dispatchEvent(new Event('ended'))")  # as when it is unplugged
            assert page.text("error") == "The camera was disconnected. The results so far stay here."
            assert page.text("state") == "stopped"
            assert "surprise" in page.text("log")

    def test_a_clip_is_played_and_its_timeline_follows_and_is_saved(self, served, clip, tmp_path):
        pytest.importorskip("av", reason="the extra video is not installed")
        with VideoWriter(tmp_path / "clip.mp4", fps=FPS) as writer:
            for seconds, image in Video(clip).frames():
                writer.write(seconds, image)
        player = "document.getElementById('clip-video')"
        with browser(tmp_path / "profile") as page:
            page.open(served)
            page.choose_file("#clip", tmp_path / "clip.mp4")
            page.until("document.querySelector('#timeline .part')", seconds=90)
            page.until(f"!{player}.hidden")
            page.until("document.querySelector('#timeline .playhead')")
            duration = page.value(f"{player}.duration")
            page.value(
                "(() => { const band = document.querySelector('#timeline .band'), edges = band.getBoundingClientRect();"
                "band.dispatchEvent(new MouseEvent('click', { clientX: edges.left + edges.width / 2 })); })()"
            )
            assert page.value(f"{player}.currentTime") == pytest.approx(duration / 2, abs=0.2)
            page.until("parseFloat(document.querySelector('#timeline .playhead').style.left) > 40")
            saved = page.value("clipFiles[1].text().then(JSON.parse)")
            assert page.value("document.getElementById('clip-download').href === clipUrls[1]")
            assert saved["file"] == "clip.mp4"
            assert "happiness" in {segment["label"] for segment in saved["segments"]}
            page.choose_file("#clip", clip)  # of a kind that no browser plays
            page.until("document.getElementById('clip-state').textContent.includes('does not play')", seconds=90)
            assert page.value(f"{player}.hidden")

    @pytest.mark.parametrize(
        ("has", "says"), [(True, "The camera is not allowed."), (False, "There is no camera.")], ids=["denied", "none"]
    )
    def test_without_a_camera_the_page_says_so_and_fits_a_phone(self, served, surprise, tmp_path, has, says):
        write_y4m(tmp_path / "camera.y4m", surprise[:1], fps=FPS)
        camera = tmp_path / "camera.y4m" if has else None
        with browser(tmp_path / "profile", camera=camera, allowed=not has) as page:
            page.open(served, width=390, height=844, dark=True, phone=True)
            assert page.value("document.documentElement.scrollWidth") == 390
            assert page.value("getComputedStyle(document.body).backgroundColor") == "rgb(17, 23, 29)"
            page.value("document.getElementById('start').click()")
            page.until("!document.getElementById('error').hidden")
            assert page.text("error").startswith(says)

    def test_a_neutral_face_is_taken_and_another_person_is_noticed(self, served, surprise, tmp_path):
        other = draw(plan(TwinConfig(n_subjects=PEOPLE + 2, **TWIN, color_share=1.0))[-1])[0][0]
        frames = surprise[: 4 * FPS] + [np.full_like(surprise[0], 30)] * FPS + [cv2.resize(other, (640, 480))] * 6 * FPS
        write_y4m(tmp_path / "camera.y4m", frames, fps=FPS)
        with browser(tmp_path / "profile", camera=tmp_path / "camera.y4m") as page:
            page.open(served, width=390, height=1400, phone=True)
            assert page.value("document.getElementById('person').hidden")
            page.value("document.getElementById('start').click()")
            page.until("document.getElementById('state').textContent === '1 face'")
            page.until("document.getElementById('advice').textContent.includes('Another face has taken the place')")
            page.picture(tmp_path / "another.png")
            page.value("document.getElementById('over').click()")
            page.until("!document.getElementById('advice').textContent")
            page.value("document.getElementById('neutral').click()")
            page.until("/^Look neutral: [01][.][0-9] s$/.test(document.getElementById('countdown').textContent)")
            page.picture(tmp_path / "countdown.png")
            assert page.value("document.getElementById('neutral').disabled")
            assert page.value("document.documentElement.scrollWidth") == 390
            page.until("document.getElementById('countdown').hidden")
            page.until("document.getElementById('neutral').disabled === false")


# of how many levels a canvas is drawn: more than three is more than its ground
_LEVELS = (
    "(() => {{ const c = document.getElementById('{}'); "
    "return new Set(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).size; }})()"
)


def test_a_port_in_use_and_a_run_without_a_model_are_errors(tmp_path, console):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(CallError, match="choose another --port"):
        live(tmp_path, host="127.0.0.1", port=taken.getsockname()[1], error_rate=0.1, browser=False, console=console)
    write_run(tmp_path / "cv", made_run(kind="cross_validation"))
    words = [sys.executable, "-m", "ckseq", "live", str(tmp_path / "cv"), "--port", "0"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 1
    assert "cross-validation" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_package_is_named(tmp_path, console, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(CallError, match=r"pip install 'ckseq\[live\]'"):
        live(tmp_path, host="127.0.0.1", port=0, error_rate=0.1, browser=False, console=console)


def test_another_address_gets_a_warning(monkeypatch, tmp_path, capsys):
    class NoSession:
        notes = ()

        def __init__(self, predictor):
            self.new_analyzer = self.analyze_clip = self.measures_motion = self.takes_neutral = None

    experiment = SimpleNamespace(calibration="none")
    predictor = SimpleNamespace(run="run", shown_labels=(), notes=(), experiment=experiment)
    monkeypatch.setattr(module, "load_run_or_ready_made", lambda run, *, error_rate: predictor)
    monkeypatch.setattr(session_module, "LiveSession", NoSession)
    monkeypatch.setattr(uvicorn.Server, "run", lambda self, sockets: [one.close() for one in sockets])
    for host, warned in (("0.0.0.0", True), ("127.0.0.1", False), ("localhost", False)):
        live(tmp_path, host=host, port=0, error_rate=0.1, browser=False, console=Console(quiet=True))
        assert ("can be reached from other computers" in capsys.readouterr().err) == warned
