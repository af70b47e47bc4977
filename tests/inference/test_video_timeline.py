import csv
import json
import weakref

import cv2
import numpy as np
import pytest
from made_expressions import face, make_run, registered_detector, there_and_back
from made_videos import write_video

from ckseq.console import Bar, Console
from ckseq.inference.predictions import as_json
from ckseq.inference.predictor import load_predictor
from ckseq.inference.recordings import RecordingOptions, predict_recordings
from ckseq.inference.video_timeline import analyze_video
from ckseq.tracking.timeline import TimelineConfig


@pytest.fixture(scope="module", autouse=True)
def detector():
    with registered_detector():
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("people"))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def analyzed(run, tmp_path_factory):
    """A video of anger, joy, nobody, then two faces at once, with its saved files."""
    folder = tmp_path_factory.mktemp("video")
    frames = there_and_back("anger") + there_and_back("joy") + [np.full((80, 160), 60, np.uint8)] * 50
    for one in there_and_back("joy"):
        strength = (200 - 2 - one[48, 40]) / 100
        face(one, "anger", max(0.0, float(strength)), left=100)
        frames.append(one)
    path = write_video(folder / "video.avi", frames, codec="MJPG")
    options = RecordingOptions("auto", folder / "out", True, 25.0, None, TimelineConfig())
    predictor = load_predictor(run, error_rate=0.2)
    (prediction,), failed = predict_recordings([str(path)], predictor, options, Console(quiet=True))
    assert failed == {}
    return frames, folder / "out", as_json(prediction)


def test_a_long_video_gets_a_timeline(analyzed):
    frames, _, item = analyzed
    assert (item["kind"], item["n_frames"], item["ended"]) == ("timeline", len(frames), "at its end")
    named = [(one["face"], one["label"]) for one in item["segments"] if one["label"]]
    assert named == [(1, "anger"), (1, "joy"), (2, "joy"), (3, "anger")] or named == [
        (1, "anger"),
        (1, "joy"),
        (3, "anger"),
        (2, "joy"),
    ]
    anger = next(one for one in item["segments"] if one["label"] == "anger")
    # the expression begins at 0.4 s, is whole at 0.8 s and gone at 1.5 s
    assert 0.4 < anger["start_s"] < 1.0
    assert 1.2 <= anger["end_s"] <= 1.5
    assert anger["sure"] == "anger"
    assert 0.4 < anger["sure_s"] <= anger["end_s"]


def test_frames_without_a_face_are_counted_and_listed(analyzed):
    _, out, item = analyzed
    assert abs(item["n_without_face"] - 50) <= 2
    rows = rows_of(out / "video.csv")
    gone = [row for row in rows if 4.6 < float(row["time_s"]) < 6.4]
    assert len(gone) >= 9
    for row in gone:
        assert (row["state"], row["label"], row["p_joy"], row["left"]) == ("no face", "", "", "")


def test_the_files_of_a_timeline(analyzed):
    frames, out, item = analyzed
    assert {path.name for path in out.iterdir()} == {
        "video.csv",
        "video.json",
        "video.png",
        "video.drawn.mp4",
    }
    summary = json.loads((out / "video.json").read_text())
    assert summary["segments"] == item["segments"]
    rows = rows_of(out / "video.csv")
    assert {row["label"] for row in rows} == {"", "anger", "joy"}
    assert all(abs(float(row["p_anger"]) + float(row["p_joy"]) - 1) < 1e-4 for row in rows if row["p_joy"])
    capture = cv2.VideoCapture(str(out / "video.drawn.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(frames)
    assert (out / "video.png").read_bytes().startswith(b"\x89PNG")


def test_a_video_of_hours_is_never_in_memory(run):
    alive = []
    most = 0

    class Frame(np.ndarray):
        """An array with weak references."""

    def frames():
        nonlocal most
        shown = there_and_back("anger")
        for number in range(4 * len(shown)):
            one = shown[number % len(shown)].copy().view(Frame)
            alive.append(weakref.ref(one))
            most = max(most, sum(ref() is not None for ref in alive))
            yield number / 25, one

    options = {"fps": 25, "files": None, "max_s": None, "bar": Bar()}
    analyze_video(frames(), load_predictor(run), TimelineConfig(), **options)
    assert most <= 4
