import csv
import json

import cv2
import numpy as np
import pytest
from made_expressions import make_run, registered_detector, sequence, there_and_back
from made_videos import write_video

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.early_classification import stop_rule
from ckseq.inference import inputs as inputs_module
from ckseq.storage.prefix_predictions import read_prefix_predictions
from ckseq.tasks.predict import predict


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


def test_a_short_clip_gets_one_class_as_a_folder_and_as_a_video(run, tmp_path, console):
    folder = run.parent / "P3_joy"
    clip = write_video(tmp_path / "joy.avi", sequence("joy"), codec="MJPG")
    result = predict(run, inputs=[folder, clip], console=console)
    assert result["schema"] == 2
    assert result["labels"] == ["anger", "joy"]
    assert result["failed"] == {}
    for item, n in zip(result["predictions"], (11, 12), strict=True):
        assert (item["kind"], item["predicted"], item["n_frames"], item["n_without_face"]) == ("sequence", "joy", n, 0)
        assert sum(item["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert json.loads(json.dumps(result)) == result
    tested = rows_of(run / "predictions.csv")
    right, people = sum(row["truth"] == row["predicted"] for row in tested), {row["subject"] for row in tested}
    assert result["notes"][-1] == (
        f"in its own test, {len(tested)} sequences of {len(people)} people, the run was right {right} of {len(tested)} "
        "times; this says more than its probabilities"
    )


def test_early_decisions_depend_on_the_error_rate(run, console):
    assert len({row.subject for row in read_prefix_predictions(run)[1]}) == 12
    assert stop_rule(run, error_rate=0.01) == np.inf
    assert 0 < stop_rule(run, error_rate=0.2) < 1
    (item,) = predict(run, inputs=[run.parent / "P3_anger"], error_rate=0.2, console=console)["predictions"]
    assert item["sure"]["label"] == "anger"
    assert 0 < item["sure"]["share"] < 1
    (item,) = predict(run, inputs=[run.parent / "P3_anger"], error_rate=0.01, console=console)["predictions"]
    assert item["sure"] is None


def test_a_short_clip_is_drawn_with_its_box_and_its_class(run, tmp_path, capsys):
    frames = sequence("joy")
    clip = write_video(tmp_path / "joy.avi", frames, codec="MJPG")
    one = write_video(tmp_path / "one.avi", frames[:1], codec="MJPG")
    inputs = [clip, run.parent / "P3_joy", one]
    result = predict(run, inputs=inputs, out=tmp_path / "out", draw=True, console=Console())
    paths = [item["drawn"] for item in result["predictions"]]
    assert [str(path) for path in sorted((tmp_path / "out").glob("*.drawn.mp4"))] == sorted(paths)
    said = capsys.readouterr().out
    assert all(path in said for path in paths)
    assert f"{one}: nothing is drawn, since there is no prediction" in said
    capture = cv2.VideoCapture(paths[0])
    drawn = [image for found, image in iter(capture.read, (False, None))]
    assert abs(len(drawn) - len(frames)) <= 1
    # the box of the face is orange, the frames are gray
    colored = [np.ptp(image.astype(int), axis=2).max() > 60 for image in drawn]
    assert all(colored)


def test_a_timeline_without_a_class_says_why(run, tmp_path, capsys):
    frames = sequence("joy")
    still = write_video(tmp_path / "still.avi", np.stack([frames[0]] * 10), codec="MJPG")
    empty = write_video(tmp_path / "empty.avi", np.full((10, *frames[0].shape), 90, np.uint8), codec="MJPG")
    predict(run, inputs=[still, empty], read_as="timeline", console=Console())
    said = capsys.readouterr().out
    assert "no expression: the face is still" in said
    assert "no face" in said


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"RIFF....WAVEfmt a sound", "gave no frame"), (b"text", "gave no fra")]
)
def test_a_file_that_is_no_video_is_left_out_and_the_rest_goes_on(content, message, run, tmp_path, console, capfd):
    (tmp_path / "bad.mp4").write_bytes(content)
    result = predict(run, inputs=[tmp_path / "bad.mp4", run.parent / "P3_joy"], console=console)
    assert list(result["failed"]) == [str(tmp_path / "bad.mp4")]
    assert message in result["failed"][str(tmp_path / "bad.mp4")]
    assert len(result["predictions"]) == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_a_truncated_video_is_analyzed_as_far_as_it_goes(run, tmp_path, console):
    path = write_video(tmp_path / "video.avi", there_and_back("joy") * 4, codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = predict(run, inputs=[path], read_as="timeline", out=tmp_path / "kept", console=console)
    (item,) = result["predictions"]
    assert "cut short or damaged" in result["failed"][str(path)] == item["ended"]
    assert item["n_frames"] > 80
    assert {row["label"] for row in rows_of(tmp_path / "kept" / "video.csv")} == {"", "joy"}


def test_an_unplugged_camera_saves_what_it_delivered(run, tmp_path, console, monkeypatch):
    def camera(index):
        assert index == 0
        for number, frame in enumerate(there_and_back("anger")):
            yield number / 25, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        raise DataError("delivered no more frames after 2.2 s", "camera:0", "plug it in")

    monkeypatch.setattr(inputs_module, "open_camera", camera)
    result = predict(run, inputs=["camera:0"], out=tmp_path / "kept", console=console)
    assert result["failed"] == {"camera:0": "camera:0: delivered no more frames after 2.2 s; plug it in"}
    (item,) = result["predictions"]
    assert [one["label"] for one in item["segments"] if one["label"]] == ["anger"]
    assert (tmp_path / "kept" / "camera0.json").is_file()
    short = predict(run, inputs=["camera:0"], seconds=0.5, console=console)
    assert short["failed"] == {}
    assert short["predictions"][0]["n_frames"] == 13


def test_a_camera_stopped_by_hand_is_no_failure(run, tmp_path, console, monkeypatch):
    def camera(index):
        for number, frame in enumerate(there_and_back("joy")):
            yield number / 25, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        raise KeyboardInterrupt

    monkeypatch.setattr(inputs_module, "open_camera", camera)
    result = predict(run, inputs=["camera:0", "none.mp4"], out=tmp_path / "kept", console=console)
    assert result["failed"] == {}
    assert result["predictions"][0]["ended"] == "stopped by hand"
    assert json.loads((tmp_path / "kept" / "predictions.json").read_text()) == result


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"draw": True}, "--draw needs a folder"),
        ({"settings": ["timeline.windw_s=2"]}, "did you mean 'window_s'"),
        ({"settings": ["motion.threshold=2"]}, "only timeline and detector can be set here"),
        ({"settings": ["detector.min_face_px=90"]}, "a detector is for models of single images"),
        ({"detector": "mtcnn"}, "a detector is for models of single images"),
        ({"settings": ["timeline.leave=0.9"]}, "leave must not be larger than enter"),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_read(call, message, run, console):
    with pytest.raises(CallError, match=message):
        predict(run, inputs=["none.mp4"], console=console, **call)
