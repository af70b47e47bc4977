"""Landmarks and projections from a store to a model: alone, side by side, and where they do not fit."""

import numpy as np
import pytest
from made_trainings import Listener

from ckseq.errors import CallError, DataError
from ckseq.experiment.early_checks import check_before_work
from ckseq.experiment.recipe import load_experiment
from ckseq.inference.predictor import load_predictor
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import ImageFiles, Recording
from ckseq.storage.predictions import read_predictions
from ckseq.storage.store import open_store
from ckseq.storage.store_writer import Prepared, assemble, write_part
from ckseq.tasks.crossval import crossval
from ckseq.tasks.train import train

LABELS = ("anger", "fear", "surprise")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Nine people whose class shows partly in the projections and partly in the landmarks."""
    folder, rng, ids = tmp_path_factory.mktemp("parts"), np.random.default_rng(0), []
    for person in range(9):
        for code, label in enumerate(LABELS):
            n = 5 + (person + code) % 4
            projections = rng.random((n, 2, 30, 3), dtype=np.float32) / 4
            landmarks = rng.normal(0, 0.02, (n, 2, 147)).astype(np.float32)
            if code == 0:
                projections[:, :, :10] += 0.4
            landmarks[:, 1, 10:20] += 0.1 * (code == 1)
            recording = Recording(f"S{person:03}_{code:03}", f"S{person:03}", f"{code:03}", label, ImageFiles(()))
            arrays = {"projections": projections, "landmarks": landmarks}
            write_part(folder, Prepared(recording, "d", "s", n + 1, 0, arrays, None))
            ids.append(recording.id)
    out, pipeline = folder / "store.h5", load_pipeline("landmarks").model_dump(mode="json")
    assemble(folder, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline, digest="d" * 16, notes=[])
    return out


def correct(run):
    rows = read_predictions(run).rows
    return sum(row.truth == row.predicted for row in rows) / len(rows)


def test_fusion_needs_both_and_names_people_it_has_not_seen(store, tmp_path):
    crossval(store, experiment="fusion", out=tmp_path / "fused", console=Listener())
    assert correct(tmp_path / "fused") > 0.9
    ridge = ["input=projections", "model.kind=ridge", "model.parts=2", "augmentation.mirror=0"]
    crossval(store, experiment="default", out=tmp_path / "ridge", settings=ridge, console=Listener())
    assert correct(tmp_path / "ridge") < 0.9


def test_landmarks_alone_are_an_input_of_other_models(store, tmp_path):
    settings = ["input=landmarks", 'model={kind="ridge", root=false, pool=1, parts=2}']
    settings += [f"augmentation.{name}=0" for name in ("shift_px", "scale", "time_stretch", "mirror", "gain")]
    crossval(store, experiment="default", out=tmp_path / "run", settings=settings, console=Listener())
    rows = read_predictions(tmp_path / "run").rows
    assert all(row.predicted == "fear" for row in rows if row.truth == "fear")


def test_a_saved_run_answers_as_its_test_part_did(store, tmp_path):
    train(store, experiment="fusion", out=tmp_path / "run", console=Listener())
    predictor = load_predictor(tmp_path / "run")
    with open_store(store) as opened:
        for row in read_predictions(tmp_path / "run").rows:
            arrays = {"projections": opened.projections(row.recording), "landmarks": opened.landmarks(row.recording)}
            probabilities = predictor.predict_proba(predictor.read_input(arrays))
            np.testing.assert_allclose(probabilities, row.probabilities, atol=1e-5)


def test_what_does_not_fit_is_refused_before_any_work(store, tmp_path):
    with pytest.raises(CallError, match="input = fused reads landmarks, and the pipeline anchored finds none"):
        check_before_work([], load_pipeline("anchored"), load_experiment("fusion"))
    with pytest.raises(CallError, match="conv_time_width takes their square root"):
        load_experiment("default", ["input=landmarks", "augmentation={}"])
    with pytest.raises(CallError, match=r"ridge takes their square root; set model\.root = false"):
        load_experiment("default", ["input=fused", "augmentation={}", "model.kind=ridge"])
    with pytest.raises(CallError, match=r"\[augmentation\] varies projections"):
        load_experiment("default", ["input=landmarks", "model.kind=svm", "model.root=false"])
    with pytest.raises(CallError, match="fusion"):
        load_experiment("fusion", ["input=projections"])


def test_a_store_without_landmarks_says_so(tmp_path):
    recording = Recording("S001_001", "S001", "001", "fear", ImageFiles(()))
    arrays = {"projections": np.zeros((4, 2, 30, 3), np.float32)}
    write_part(tmp_path, Prepared(recording, "d", "s", 5, 0, arrays, None))
    out = tmp_path / "store.h5"
    assemble(tmp_path, {recording.id: "d"}, out, pipeline={"name": "anchored"}, digest="d" * 16, notes=[])
    with open_store(out) as opened, pytest.raises(DataError, match="it has no landmarks"):
        opened.frame_shape("S001_001", "fused")
