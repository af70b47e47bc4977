import csv
import json
import weakref
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from made_videos import turned, with_durations, write_video

from ckseq import registry
from ckseq.config import Config
from ckseq.console import Bar
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import CallError, DataError
from ckseq.experiment.early_classification import stop_rule
from ckseq.inference import predictor as predictor_module
from ckseq.inference import video_timeline as film_module
from ckseq.inference.predictor import causal, load_model
from ckseq.inference.video_timeline import watch_film
from ckseq.preprocessing.stages import run_stages
from ckseq.signal.faces import Box
from ckseq.storage.prefix_predictions import read_prefix_predictions
from ckseq.tasks.predict import predict
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.train import train
from ckseq.tracking.stream import Stream
from ckseq.tracking.timeline import TimelineConfig

PIPELINE = """
[detector]
kind = "bright"
[faces]
policy = "tracked"
pick = "first"
side_px = 32
stride_frames = 2
[motion]
reference = "neutral"
difference = "signed"
threshold = 12
erosion_px = 1
running_frames = 200
"""
EXPERIMENT = """
pipeline = "small"
[balance]
per_class = "all"
[sequence]
length_frames = 8
overflow = "resample"
short = "stretch"
[protocol]
kind = "subject_holdout"
test_share = 0.5
[model]
kind = "ridge"
"""


def squares(image):
    """A detector that finds squares with a bright frame, from left to right."""
    parts = cv2.connectedComponentsWithStats((image > 225).astype(np.uint8))[2][1:]
    boxes = [Box(int(x), int(y), int(x + w), int(y + h), 1.0) for x, y, w, h, _ in parts if min(w, h) > 12]
    return sorted(boxes)


@pytest.fixture(scope="module", autouse=True)
def bright():
    """A detector among the choices that finds what is drawn here."""
    module = SimpleNamespace(SPEC=DetectorSpec(Config, lambda config: squares))
    load = registry.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            registry, "load", lambda room, name, **rest: module if name == "bright" else load(room, name, **rest)
        )
        yield


def face(image, label, strength, *, left=20, light=60):
    """Draw a square whose upper or lower half turns dark: the expression at a strength from 0 to 1."""
    cv2.rectangle(image, (left, 20), (left + 39, 59), 250, 3)
    image[23:57, left + 3 : left + 37] = 200
    rows = slice(26, 38) if label == "anger" else slice(42, 54)
    image[rows, left + 8 : left + 32] = 200 - round(100 * strength) - light // 30


def sequence(label, n=12, light=60, strengths=None):
    frames = []
    for strength in np.linspace(0, 1, n) if strengths is None else strengths:
        frame = np.full((80, 160), light, np.uint8)
        face(frame, label, strength, light=light)
        frames.append(frame)
    return frames


def there_and_back(label):
    return sequence(label, strengths=[0] * 10 + [step / 10 for step in range(11)] + [1] * 15 + [0.5] + [0] * 20)


@pytest.fixture(scope="module")
def run(tmp_path_factory, console_module):
    """A run of twelve people and two expressions."""
    folder = tmp_path_factory.mktemp("people")
    lines = ["path,subject,session,label"]
    for person in range(24):
        for label in ("anger", "joy"):
            place = folder / f"P{person}_{label}"
            place.mkdir()
            for number, frame in enumerate(sequence(label, 8 + person % 6, light=40 + 2 * person)):
                cv2.imwrite(str(place / f"{number:03}.png"), frame)
            lines.append(f"{place.name},P{person},{label},{label}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "small.toml").write_text(PIPELINE)
    (folder / "ask.toml").write_text(EXPERIMENT)
    store, out = folder / "store.h5", folder / "run"
    preprocess(folder, pipeline=str(folder / "small.toml"), out=store, jobs=1, console=console_module)
    train(store, experiment=str(folder / "ask.toml"), out=out, console=console_module)
    return out


@pytest.fixture(scope="module")
def console_module():
    from ckseq.console import Console

    return Console(quiet=True)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_short_clip_gets_one_answer_as_a_folder_and_as_a_video(run, tmp_path, console):
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


def test_a_sure_moment_comes_with_the_rate_that_the_run_can_vouch_for(run, console):
    assert len({row.subject for row in read_prefix_predictions(run)[1]}) == 12
    assert stop_rule(run, error_rate=0.01) == np.inf
    assert 0 < stop_rule(run, error_rate=0.2) < 1
    (item,) = predict(run, inputs=[run.parent / "P3_anger"], error_rate=0.2, console=console)["predictions"]
    assert item["sure"]["label"] == "anger"
    assert 0 < item["sure"]["share"] < 1
    (item,) = predict(run, inputs=[run.parent / "P3_anger"], error_rate=0.01, console=console)["predictions"]
    assert item["sure"] is None


@pytest.fixture(scope="module")
def watched(run, tmp_path_factory, console_module):
    """A film: anger, joy, nobody, then two faces at once; watched, drawn and kept."""
    folder = tmp_path_factory.mktemp("film")
    frames = there_and_back("anger") + there_and_back("joy") + [np.full((80, 160), 60, np.uint8)] * 50
    for one in there_and_back("joy"):
        strength = (200 - 2 - one[48, 40]) / 100
        face(one, "anger", max(0.0, float(strength)), left=100)
        frames.append(one)
    path = write_video(folder / "film.avi", frames, codec="MJPG")
    result = predict(run, inputs=[path], out=folder / "kept", draw=True, error_rate=0.2, console=console_module)
    return frames, folder / "kept", result


def test_a_long_film_gets_a_timeline(watched):
    frames, _, result = watched
    (item,) = result["predictions"]
    assert result["failed"] == {}
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


def test_nobody_is_told_as_nobody(watched):
    _, kept, result = watched
    (item,) = result["predictions"]
    assert abs(item["n_without_face"] - 50) <= 2
    rows = rows_of(kept / "film.csv")
    gone = [row for row in rows if 4.6 < float(row["time_s"]) < 6.4]
    assert len(gone) >= 9
    for row in gone:
        assert (row["state"], row["label"], row["p_joy"], row["left"]) == ("no face", "", "", "")


def test_what_is_kept_of_a_film(watched):
    frames, kept, result = watched
    (item,) = result["predictions"]
    assert {path.name for path in kept.iterdir()} == {
        "film.csv",
        "film.json",
        "film.png",
        "film.drawn.mp4",
        "predictions.json",
    }
    told = json.loads((kept / "film.json").read_text())
    assert told["segments"] == item["segments"]
    rows = rows_of(kept / "film.csv")
    assert {row["label"] for row in rows} == {"", "anger", "joy"}
    assert all(abs(float(row["p_anger"]) + float(row["p_joy"]) - 1) < 1e-4 for row in rows if row["p_joy"])
    capture = cv2.VideoCapture(str(kept / "film.drawn.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == len(frames)
    assert (kept / "film.png").read_bytes().startswith(b"\x89PNG")


def test_a_stream_equals_the_batch_path_to_the_last_probability(run):
    model = load_model(run)
    frames = sequence("joy", 15)
    arrays, _ = run_stages_of(frames, model, run)
    stream = Stream(model.pipeline.faces, model.pipeline.align, model.pipeline.motion, detector=squares)
    steps = [stream.step(frame) for frame in frames]
    projections = np.stack([step.projections for step in steps[1:]])
    np.testing.assert_array_equal(projections, arrays["projections"])
    even = np.arange(1, 15) / 25
    np.testing.assert_allclose(model.ask(projections, even), model.ask(arrays["projections"]), atol=1e-6)


def run_stages_of(frames, model, run):
    folder = run.parent / "frames"
    folder.mkdir(exist_ok=True)
    from ckseq.recording import ImageFiles

    paths = tuple(folder / f"{number:03}.png" for number in range(len(frames)))
    for path, frame in zip(paths, frames, strict=True):
        cv2.imwrite(str(path), frame)
    return run_stages(ImageFiles(paths), model.pipeline)


def test_a_film_held_upright_and_one_held_otherwise_are_the_same(run, tmp_path, console):
    upright = write_video(tmp_path / "upright.mp4", sequence("joy"))
    lying = write_video(tmp_path / "lying.mp4", [cv2.rotate(one, cv2.ROTATE_90_CLOCKWISE) for one in sequence("joy")])
    items = predict(run, inputs=[upright, turned(lying, 270)], console=console)["predictions"]
    assert items[1]["probabilities"]["joy"] == pytest.approx(items[0]["probabilities"]["joy"], abs=0.02)


def test_frames_at_uneven_times_are_shown_to_the_model_at_even_ones(run, tmp_path, console, monkeypatch):
    shown = []

    def asked(model, sequences):
        shown.append(sequences[0])
        return np.array([[0.5, 0.5]], np.float32)

    monkeypatch.setattr(predictor_module, "probabilities", asked)
    frames = sequence("joy", strengths=[0] * 12 + [1] * 13)
    even = write_video(tmp_path / "even.mp4", frames)
    # the camera was slow in the second half
    kept, lasts = [*frames[:12], *frames[12::4]], [1] * 12 + [4] * 4
    uneven = with_durations(write_video(tmp_path / "uneven.mp4", kept), lasts)
    as_if_even = write_video(tmp_path / "as_if.mp4", kept)
    predict(run, inputs=[even, uneven, as_if_even], read_as="sequence", error_rate=0.01, console=console)
    ours, theirs, wrong = shown
    assert np.abs(theirs - ours).mean() < 0.3 * np.abs(wrong - ours).mean()


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"RIFF....WAVEfmt a sound", "gave no frame"), (b"text", "gave no fra")]
)
def test_what_is_no_film_is_left_out_and_the_rest_goes_on(content, message, run, tmp_path, console, capfd):
    (tmp_path / "bad.mp4").write_bytes(content)
    result = predict(run, inputs=[tmp_path / "bad.mp4", run.parent / "P3_joy"], console=console)
    assert list(result["failed"]) == [str(tmp_path / "bad.mp4")]
    assert message in result["failed"][str(tmp_path / "bad.mp4")]
    assert len(result["predictions"]) == 1
    assert capfd.readouterr().err.count("\n") == 1


def test_a_film_cut_short_is_told_as_far_as_it_goes(run, tmp_path, console):
    path = write_video(tmp_path / "film.avi", there_and_back("joy") * 4, codec="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    result = predict(run, inputs=[path], read_as="timeline", out=tmp_path / "kept", console=console)
    (item,) = result["predictions"]
    assert "cut short or damaged" in result["failed"][str(path)] == item["ended"]
    assert item["n_frames"] > 80
    assert {row["label"] for row in rows_of(tmp_path / "kept" / "film.csv")} == {"", "joy"}


def test_a_camera_unplugged_keeps_what_it_showed(run, tmp_path, console, monkeypatch):
    def camera(index):
        assert index == 0
        for number, frame in enumerate(there_and_back("anger")):
            yield number / 25, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        raise DataError("gave no more pictures after 2.2 s", "camera:0", "plug it in")

    monkeypatch.setattr(film_module, "open_camera", camera)
    result = predict(run, inputs=["camera:0"], out=tmp_path / "kept", console=console)
    assert result["failed"] == {"camera:0": "camera:0: gave no more pictures after 2.2 s; plug it in"}
    (item,) = result["predictions"]
    assert [one["label"] for one in item["segments"] if one["label"]] == ["anger"]
    assert (tmp_path / "kept" / "camera0.json").is_file()
    short = predict(run, inputs=["camera:0"], seconds=0.5, console=console)
    assert short["failed"] == {}
    assert short["predictions"][0]["n_frames"] == 13


def test_a_camera_is_ended_by_hand_and_that_is_no_failure(run, tmp_path, console, monkeypatch):
    def camera(index):
        for number, frame in enumerate(there_and_back("joy")):
            yield number / 25, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)
        raise KeyboardInterrupt

    monkeypatch.setattr(film_module, "open_camera", camera)
    result = predict(run, inputs=["camera:0", "none.mp4"], out=tmp_path / "kept", console=console)
    assert result["failed"] == {}
    assert result["predictions"][0]["ended"] == "stopped by hand"
    assert json.loads((tmp_path / "kept" / "predictions.json").read_text()) == result


def test_a_film_of_hours_is_never_in_memory(run):
    alive = []
    most = 0

    class Picture(np.ndarray):
        """An array that can be looked after."""

    def frames():
        nonlocal most
        shown = there_and_back("anger")
        for number in range(4 * len(shown)):
            one = shown[number % len(shown)].copy().view(Picture)
            alive.append(weakref.ref(one))
            most = max(most, sum(ref() is not None for ref in alive))
            yield number / 25, one

    settings = {"fps": 25, "kept": None, "sure_above": None, "at_most_s": None, "bar": Bar()}
    watch_film(frames(), load_model(run), TimelineConfig(), **settings)
    assert most <= 4


def test_what_looks_ahead_has_a_counterpart_or_is_refused(run):
    pipeline = load_model(run).pipeline
    assert causal(pipeline) == (pipeline, [])
    faces = pipeline.faces.model_copy(update={"policy": "anchor"})
    motion = pipeline.motion.model_copy(update={"reference": "first"})
    found, told = causal(pipeline.model_copy(update={"faces": faces, "motion": motion}))
    assert (found.faces.policy, found.motion.reference) == ("tracked", "neutral")
    assert len(told) == 2
    noisy = pipeline.motion.model_copy(update={"threshold_unit": "noise"})
    with pytest.raises(CallError, match=r"counts .* in the noise of the whole sequence"):
        causal(pipeline.model_copy(update={"motion": noisy}))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ({"draw": True}, "--draw needs a folder"),
        ({"settings": ["timeline.windw_s=2"]}, "did you mean 'window_s'"),
        ({"settings": ["motion.threshold=2"]}, "only timeline can be set here"),
        ({"settings": ["timeline.leave=0.9"]}, "leave must not be larger than enter"),
    ],
)
def test_wrong_calls_are_refused_before_anything_is_read(call, message, run, console):
    with pytest.raises(CallError, match=message):
        predict(run, inputs=["none.mp4"], console=console, **call)
