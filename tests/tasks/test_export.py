"""``ckseq export``: a run folder's network for other programs."""

import json
import zipfile
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from made_models import TinyConfig, build_tiny
from made_runs import write_made_run

from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import load_experiment
from ckseq.learn import backend
from ckseq.learn.extract import extract, save_extractor
from ckseq.learn.predict import load_trained_model, probabilities, save_network
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage.examples import Example, write_examples
from ckseq.tasks import export as module
from ckseq.tasks.export import export

LABELS = ("anger", "disgust", "happiness", "surprise")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run whose network was never trained: what is exported need not be clever."""
    folder = tmp_path_factory.mktemp("made") / "run"
    tree = load_experiment("motion").model_dump(mode="json")
    write_made_run(
        folder,
        experiment=tree,
        examples=False,
        model={"kind": "conv_time_width", "input_shape": [24, 2, 9, 2], "n_parameters": 1},
        store={"path": "s.h5", "digest": "d1", "pipeline": {"detector": {"kind": "dlib_hog"}, "name": "anchored"}},
    )
    rng = np.random.default_rng(1)
    moved = rng.random((7, 2, 9, 2), dtype=np.float32)
    write_examples(
        folder, [Example("S001_001", "anger", np.zeros((2, 9, 9), np.uint8), np.zeros((7, 9, 9, 2), bool), moved)]
    )
    backend.start(3)
    save_network(folder, build_tiny(TinyConfig(), input_shape=(24, 2, 9, 2), n_classes=len(LABELS)))
    return folder


def test_onnx_agrees_and_describes_its_input(made, tmp_path, console):
    result = export(made, format="onnx", out=tmp_path / "m.onnx", overwrite=False, console=console)
    assert result["largest_difference"] <= 1e-4
    assert result["n_compared"] == 13
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    description = json.loads(session.get_modelmeta().custom_metadata_map["ckseq"])
    assert description["labels"] == list(LABELS)
    assert description["pipeline"]["name"] == "anchored"
    assert description["sequence"] == {"length_frames": 24, "overflow": "resample", "short": "stretch"}
    assert description["input"]["shape"] == [None, 24, 2, 9, 2]
    assert description["input"]["axes"] == ["sequences", "steps", "rows", "columns", "channels"]
    assert description["input"]["values"].startswith("0 to 1")
    assert description["detector"]["kind"] == "dlib_hog"
    assert description["explained"].keys() >= {"sequence.short", "motion.threshold", "detector.upsample"}
    assert "acted expressions" in description["use"]
    x = np.random.default_rng(9).random((3, 24, 2, 9, 2), dtype=np.float32)
    (answer,) = session.run(None, {session.get_inputs()[0].name: x})
    np.testing.assert_allclose(answer, probabilities(load_trained_model(made), x), atol=1e-5)


def test_the_default_file_is_in_the_run_and_is_not_replaced(made, console):
    path = made / "exported.keras"
    assert export(made, format="keras", out=None, overwrite=False, console=console)["path"] == str(path)
    assert zipfile.is_zipfile(path)
    with pytest.raises(CallError, match="exists; --overwrite replaces it"):
        export(made, format="keras", out=None, overwrite=False, console=console)
    export(made, format="keras", out=None, overwrite=True, console=console)


def test_another_suffix_is_refused(made, tmp_path, console):
    with pytest.raises(CallError, match=r"litert files end in \.tflite"):
        export(made, format="litert", out=tmp_path / "m.lite", overwrite=False, console=console)


def test_a_model_that_differs_is_deleted(made, tmp_path, console, monkeypatch):
    monkeypatch.setattr(module, "largest_difference", lambda *_, **__: 0.01)
    with pytest.raises(DataError, match=r"differs by 0\.01, more than 0\.0001"):
        export(made, format="keras", out=tmp_path / "m.keras", overwrite=False, console=console)
    assert not list(tmp_path.iterdir())


def test_a_difference_that_is_not_a_number_is_refused(made, tmp_path, console, monkeypatch):
    monkeypatch.setattr(module, "largest_difference", lambda *_, **__: float("nan"))
    with pytest.raises(DataError, match="differs by nan"):
        export(made, format="keras", out=tmp_path / "m.keras", overwrite=False, console=console)


@pytest.mark.parametrize("n_frames", [1, 4])
def test_a_run_on_features_is_exported_with_its_backbone(tmp_path, console, n_frames):
    keras = backend.load_keras()
    images = keras.layers.Input((12, 12, 3))
    pooled = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(5, 3, activation="relu")(images) / 255)
    extractor = keras.Model(images, pooled + 1)
    tree = load_experiment("webcam_features").model_dump(mode="json")
    model = {"kind": "dense_net", "input_shape": [n_frames, 1, 5, 1], "n_parameters": 1}
    pipeline = load_pipeline("still_224_rgb").model_dump(mode="json")
    store = {"path": "s.h5", "digest": "d1", "pipeline": pipeline}
    run = write_made_run(tmp_path / "run", experiment=tree, examples=False, model=model, store=store)
    network = build_tiny(TinyConfig(), input_shape=(n_frames, 1, 5, 1), n_classes=len(LABELS))
    save_network(run, network)
    save_extractor(run, extractor)
    for format_ in ("keras", "onnx"):
        result = export(run, format=format_, out=None, overwrite=False, console=console)
        assert result["largest_difference"] <= 1e-4
    frames = np.random.default_rng(9).integers(0, 256, (n_frames, 12, 12, 3)).astype(np.float32)
    features = extract(extractor, frames.astype(np.uint8))
    if n_frames > 1:  # padding counts for nothing, as in training
        frames[0], features[0] = 0, 0
    session = onnxruntime.InferenceSession(run / "exported.onnx")
    (answer,) = session.run(None, {session.get_inputs()[0].name: frames[None] if n_frames > 1 else frames})
    np.testing.assert_allclose(answer, probabilities(network, features.reshape(1, n_frames, 1, 5, 1)), atol=1e-5)
    described = json.loads(session.get_modelmeta().custom_metadata_map["ckseq"])
    single = [None, 12, 12, 3]
    assert described["input"]["shape"] == (single if n_frames == 1 else [None, 4, 12, 12, 3])
    assert described["input"]["what"] == "crops"
    assert described["input"]["values"].startswith("0 to 255")
    assert described["input"]["channels"] == ["red", "green", "blue"]
    assert len(described["input"]["axes"]) == len(described["input"]["shape"])
    assert described["sequence"]["length_frames"] == n_frames


def test_an_estimator_cannot_be_exported(made, tmp_path, console, monkeypatch):
    monkeypatch.setattr(module, "load_predictor", lambda run: SimpleNamespace(network=object(), experiment=None))
    with pytest.raises(CallError, match="is not a network"):
        export(made, format="onnx", out=tmp_path / "m.onnx", overwrite=False, console=console)
