"""Whatever a run's model reads, images, their features or motion, it classifies videos, cameras and live images."""

import base64
import json
from dataclasses import replace

import cv2
import keras
import numpy as np
import pytest
from made_expressions import (
    EXPERIMENT,
    PIPELINE,
    make_store,
    registered_detector,
    sequence,
    squares,
    there_and_back,
    train_on,
)
from made_videos import write_video

from ckseq.errors import CallError
from ckseq.inference import inputs as inputs_module
from ckseq.inference.causal_pipeline import make_face_tracker, pipeline_for_video
from ckseq.inference.face_detection import face_detection_for
from ckseq.inference.live_session import LiveSession
from ckseq.inference.portraits import cut_portraits
from ckseq.inference.predictor import load_predictor
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage.run_record import read_run
from ckseq.tasks.predict import predict
from ckseq.tracking.timeline import TimelineConfig

ONE_IMAGE = 'length_frames = 1\noverflow = "cut_start"'
RIDGE = 'kind = "ridge"\nroot = false\npool = 1'
DENSE = 'kind = "dense_net"\nhidden = []\ndropout = 0.0'
TRAINING = '[training]\nepochs = 30\nbatch_size = 8\nlearning_rate = 0.03\nvalidation = "none"\n'
SIDE = 32


@pytest.fixture(scope="module", autouse=True)
def detector():
    with registered_detector():
        yield


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """The recordings with motion, as images in gray, and as images in color."""
    kept = PIPELINE + "[reduce]\nkeep_crops = true\nhalvings = 1\n"
    still = PIPELINE.partition("[motion]")[0] + '[motion]\ndifference = "none"\n[reduce]\nkeep_crops = true\n'
    color = still.replace("side_px = 32", 'side_px = 32\ncolor = "rgb"')
    made = {"motion": kept, "gray": still, "rgb": color}
    return {name: make_store(tmp_path_factory.mktemp(name), pipeline=text) for name, text in made.items()}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((SIDE, SIDE, 1)), keras.layers.Rescaling(1 / 255)]
    layers += [keras.layers.AveragePooling2D(8, name="maps"), keras.layers.Flatten(name="flat"), keras.layers.Dense(2)]
    path = tmp_path_factory.mktemp("backbone") / "small.keras"
    keras.Sequential(layers).save(path)
    return path


def experiment(input_, model, length=ONE_IMAGE, features=""):
    text = f'input = "{input_}"\n' + EXPERIMENT.replace('kind = "ridge"', model) + TRAINING + features
    if length is None:
        return text
    return text.replace('length_frames = 8\noverflow = "resample"\nshort = "stretch"', length)


RUNS = {
    "image": ("gray", "crops", DENSE + "\nwhite = 255.0", ONE_IMAGE, {"visible"}),
    "color image": ("rgb", "crops", DENSE + "\nwhite = 255.0", ONE_IMAGE, {"visible"}),
    "image, from a store with motion": ("motion", "crops", DENSE + "\nwhite = 255.0", ONE_IMAGE, {"visible"}),
    "features": ("gray", "features", DENSE, ONE_IMAGE, {"visible"}),
    "feature maps": ("gray", "features", 'kind = "cnn_small"\nfilters = [8]\nwhite = 1.0', ONE_IMAGE, {"visible"}),
    "sequence of features": ("gray", "features", RIDGE, None, {"visible"}),
    "gru over features": ("gray", "features", 'kind = "gru"\nroot = false\npool = 1', None, {"visible"}),
    "sequence of features, with motion": ("motion", "features", RIDGE, None, {"still", "moving"}),
    "sequence of crops": ("motion", "crops", RIDGE, None, {"still", "moving"}),
    "blobs": ("motion", "blobs", RIDGE, None, {"still", "moving"}),
    "halved": ("motion", "halved", RIDGE, None, {"still", "moving"}),
}


@pytest.fixture(scope="module", params=RUNS)
def run(request, stores, backbone, tmp_path_factory):
    store, input_, model, length, states = RUNS[request.param]
    features = ""
    if input_ == "features":
        features = f'[features]\nbackbone = "{backbone}"\nweights = "own"\n'
        features += 'cut_after = "maps"\npool = "none"' if request.param == "feature maps" else 'cut_after = "flat"'
    out = tmp_path_factory.mktemp("runs") / "run"
    return train_on(stores[store], out, experiment(input_, model, length, features)), states, request.param


def test_a_video_gets_a_timeline_with_the_expression_in_it(run, tmp_path, console):
    folder, states, name = run
    path = write_video(tmp_path / "video.avi", there_and_back("joy") + there_and_back("anger"), codec="MJPG")
    # without motion a window cannot begin at the neutral face: here it is as long as the recordings
    options = {"out": tmp_path / "out", "settings": ["timeline.window_s=0.8"] if states == {"visible"} else []}
    result = predict(folder, inputs=[path], read_as="timeline", **options, console=console)
    assert result["failed"] == {}
    (item,) = result["predictions"]
    assert (item["kind"], item["faces"]) == ("timeline", 1)
    assert {one["state"] for one in item["segments"]} == states
    if "gru" not in name:  # which is trained too shortly
        at_apex = [
            {one["label"] for one in item["segments"] if one["start_s"] <= s <= one["end_s"]} for s in (1.2, 3.5)
        ]
        assert at_apex == [{"joy"}, {"anger"}]
    assert json.loads((tmp_path / "out" / "predictions.json").read_text()) == result


def test_the_live_page_shows_what_the_model_reads(run):
    folder, states, _ = run
    session = LiveSession(load_predictor(folder))
    assert session.measures_motion == ("visible" not in states)
    analyzer = session.new_analyzer()
    for number, frame in enumerate(there_and_back("joy")[:30]):
        largest = analyzer.analyze(number / 25, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)).largest
    assert largest.state in states
    assert sum(largest.smoothed) == pytest.approx(1, abs=1e-3)
    assert (largest.crop is None) == (largest.motion is not None) == session.measures_motion
    if largest.crop is not None:
        pixels = np.frombuffer(base64.b64decode(largest.crop.pixels), np.uint8)
        crop = pixels.reshape(SIDE, SIDE, largest.crop.channels)
        assert crop[:, :, 0].astype(int)[17:28, 10:22].mean() < 160 < crop[4:12, 10:22].mean()  # joy darkens below
        assert (largest.crop.side, largest.crop.model_side) == (SIDE, SIDE)


@pytest.fixture(scope="module")
def image_run(stores, tmp_path_factory):
    return train_on(
        stores["gray"], tmp_path_factory.mktemp("r") / "run", experiment("crops", DENSE + "\nwhite = 255.0")
    )


def test_a_crop_of_a_stream_is_the_crop_of_training(image_run):
    predictor = load_predictor(image_run)
    frame = sequence("joy")[-1]
    (face,) = make_face_tracker(predictor, TimelineConfig()).update(0.0, frame)
    (crop,) = cut_portraits(frame, squares, predictor.pipeline.faces).crops
    np.testing.assert_array_equal(face.frame.cut, crop)
    np.testing.assert_allclose(face.decision.probabilities, predictor.predict_proba_images(crop[None])[0], atol=1e-6)


def test_an_image_network_reads_photos_videos_and_cameras_in_one_call(image_run, tmp_path, console, monkeypatch):
    def camera(index):
        for number, frame in enumerate(there_and_back("anger")[:30]):
            yield number / 25, cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR)

    monkeypatch.setattr(inputs_module, "open_camera", camera)
    cv2.imwrite(str(tmp_path / "joy.png"), sequence("joy")[-1])
    video = write_video(tmp_path / "joy.avi", there_and_back("joy")[:36], codec="MJPG")
    inputs = [tmp_path / "joy.png", video, "camera:0"]
    result = predict(image_run, inputs=inputs, out=tmp_path / "out", console=console)
    assert result["failed"] == {}
    photo, clip, live = result["predictions"]
    assert photo["faces"][0]["dominant_emotion"] == "joy"
    assert (clip["kind"], clip["segments"][-1]["label"]) == ("timeline", "joy")
    assert live["segments"][-1]["label"] == "anger"
    assert {path.name for path in (tmp_path / "out").glob("*.json")} == {
        "camera0.json", "joy.json", "photos.json", "predictions.json",
    }  # fmt: skip
    frames = predict(image_run, inputs=[image_run.parents[0] / "nowhere"], read_as="timeline", console=console)
    assert "does not exist" in next(iter(frames["failed"].values()))
    with pytest.raises(CallError, match="--as sequence is for models of sequences"):
        predict(image_run, inputs=[video], read_as="sequence", console=console)


def test_whole_training_images_call_for_a_detector_that_tracks_faces(image_run):
    assert read_run(image_run).value("input") == "crops"
    predictor = replace(load_predictor(image_run), pipeline=load_pipeline("still_48_gray"))
    pipeline, changes = pipeline_for_video(predictor)
    assert (pipeline.detector_kind, pipeline.faces.policy, pipeline.faces.side_px) == ("dlib_hog", "tracked", 48)
    assert changes == ["faces detected by dlib_hog and tracked, unlike in training"]
    pipeline, changes = pipeline_for_video(predictor, face_detection_for(predictor, "whole_frame"))
    assert (pipeline.detector_kind, changes) == ("whole_frame", [])
