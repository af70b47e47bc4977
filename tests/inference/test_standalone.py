"""Scripts beside exported models: run where no ckseq can be imported, they predict what ``ckseq predict`` does."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from made_models import TinyConfig, build_tiny
from made_runs import LABELS, write_made_run
from made_videos import with_durations, write_video

from ckseq import registry
from ckseq.console import Console
from ckseq.experiment.recipe import load_experiment
from ckseq.inference.source_bundle import Name, bundle
from ckseq.inference.standalone import packages, reason_against, script
from ckseq.learn import backend
from ckseq.learn.predict import save_network
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.tasks.export import export
from ckseq.tasks.predict import predict
from ckseq.twin.tree import TwinConfig, draw, plan

ALONE = """
import runpy, sys
for name in ("ckseq", "pydantic", "tensorflow", "keras"):
    sys.modules[name] = None  # importing it fails
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def alone(script_, *inputs):
    """Return the lines that a script prints, where only what it says it needs can be imported."""
    called = [sys.executable, "-c", ALONE, str(script_), *map(str, inputs)]
    done = subprocess.run(called, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_untrained(folder, experiment, pipeline, shape):
    """Write a run whose network was never trained, with weights so large that small differences show."""
    tree = load_experiment(experiment).model_dump(mode="json")
    store = {"path": "s.h5", "digest": "d1", "pipeline": load_pipeline(pipeline).model_dump(mode="json")}
    model = {"kind": "conv_time_width", "input_shape": list(shape), "n_parameters": 1}
    write_made_run(folder, experiment=tree, examples=False, crops=False, model=model, store=store)
    backend.start(3)
    network = build_tiny(TinyConfig(), input_shape=shape, n_classes=len(LABELS))
    rng = np.random.default_rng(0)
    network.set_weights([rng.normal(0, 2 / np.sqrt(len(w)), w.shape) for w in network.get_weights()])
    save_network(folder, network)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return {
        "sequences": write_untrained(folder / "sequences", "motion", "anchored", (39, 2, 267, 3)),
        "images": write_untrained(folder / "images", "small_stills", "still_48_gray", (48, 48, 1)),
    }


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A drawn sequence as a folder, and as a video whose frames come at uneven times; a photo."""
    folder = tmp_path_factory.mktemp("inputs")
    frames = folder / "frames"
    frames.mkdir()
    images, _ = draw(plan(TwinConfig(n_subjects=1, median_frames=9))[0])
    for number, image in enumerate(images):
        cv2.imwrite(str(frames / f"{number}.png"), image)
    video = write_video(folder / "uneven.mp4", images)
    lasts = [1 if number < len(images) // 2 else 3 for number in range(len(images))]
    last = frames / f"{len(images) - 1}.png"
    return {"sequences": [frames, with_durations(video, lasts)], "images": [last]}


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["onnx", "litert"])
@pytest.mark.parametrize("kind", ["sequences", "images"])
def test_a_script_predicts_what_ckseq_does(runs, inputs, tmp_path, kind, format_):
    suffix = {"onnx": ".onnx", "litert": ".tflite"}[format_]
    out = tmp_path / f"model{suffix}"
    written = export(runs[kind], format=format_, out=out, overwrite=False, console=Console(quiet=True))
    theirs = alone(written["script"], *inputs[kind])
    ours = predict(runs[kind], inputs=inputs[kind], console=Console(quiet=True))["predictions"]
    assert len(theirs) == len(ours) == len(inputs[kind])
    for one, other in zip(theirs, ours, strict=True):
        assert one["input"] == other["input"]
        if kind == "sequences":
            assert one["probabilities"] == pytest.approx(other["probabilities"], abs=1e-4)
            continue
        ((face,), (same,)) = one["faces"], other["faces"]
        assert face["region"] == same["region"]
        percent = {label: 100 * p for label, p in face["probabilities"].items()}
        assert percent == pytest.approx(same["emotion"], abs=1e-2)


@pytest.mark.parametrize("detector", registry.names("detectors"))
def test_the_script_of_every_detector_holds_all_that_it_defines_with(detector):
    text = script("model.onnx", format="onnx", detector=detector)
    assert "import ckseq" not in text
    assert "from ckseq" not in text
    found = {"__name__": "script"}
    exec(compile(text, "script", "exec"), found)
    assert callable(found["make"])
    assert f"pip install {' '.join(packages('onnx', detector))}" in text


def test_what_one_name_means_in_two_modules_is_refused():
    modules = ("ckseq.detectors.dlib_hog", "ckseq.detectors.whole_frame")
    with pytest.raises(ValueError, match=r"make is defined in ckseq\.detectors\.dlib_hog and in"):
        bundle([Name(module, "make") for module in modules])


def test_what_cannot_have_a_script_says_why():
    motion, live = load_experiment("motion"), load_experiment("live")
    assert reason_against(motion, format="onnx", n_frames=39, detector="dlib_hog") is None
    assert "TensorFlow" in reason_against(motion, format="keras", n_frames=39, detector="dlib_hog")
    landmarks = motion.model_copy(update={"input": "landmarks"})
    assert "landmarks" in reason_against(landmarks, format="onnx", n_frames=39, detector="dlib_hog")
    features = live.model_copy(update={"input": "features"})
    assert "interpolates" in reason_against(features, format="litert", n_frames=24, detector="dlib_hog")
    assert reason_against(features, format="litert", n_frames=1, detector="dlib_hog") is None
