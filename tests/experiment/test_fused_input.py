"""Landmarks and projections from a store to a model: alone, side by side, and where they do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from made_trainings import Listener

from ckseq.errors import CallError, DataError
from ckseq.experiment.early_checks import check_before_work
from ckseq.experiment.recipe import load_experiment
from ckseq.inference.predictor import load_predictor
from ckseq.inference.sequences import with_neutral
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import ImageFiles, Recording
from ckseq.signal.fused import beside, less_neutral, neutral_face
from ckseq.storage.predictions import read_predictions
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.storage.store_writer import Prepared, assemble, write_part
from ckseq.tasks.compare import compare
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
            gradients = rng.random((n, 2, 256), dtype=np.float32)
            arrays = {"projections": projections, "landmarks": landmarks, "gradients": gradients}
            write_part(folder, Prepared(recording, "d", "s", n + 1, 0, arrays, None))
            ids.append(recording.id)
    out, pipeline = folder / "store.h5", load_pipeline("landmarks").model_dump(mode="json")
    assemble(folder, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline, digest="d" * 16, notes=[])
    return out


def arrays_of(store, id):
    return {name: getattr(store, name)(id) for name in ("projections", "landmarks", "gradients")}


def correct(run):
    rows = read_predictions(run).rows
    return sum(row.truth == row.predicted for row in rows) / len(rows)


def test_fusion_needs_both_and_names_people_it_has_not_seen(store, tmp_path):
    crossval(store, experiment="default", out=tmp_path / "fused", console=Listener())
    assert correct(tmp_path / "fused") > 0.9
    ridge = ["input=projections", "model.kind=ridge", "model.parts=2", "augmentation.mirror=0"]
    crossval(store, experiment="motion", out=tmp_path / "ridge", settings=ridge, console=Listener())
    assert correct(tmp_path / "ridge") < 0.9


def test_landmarks_alone_are_an_input_of_other_models(store, tmp_path):
    settings = ["input=landmarks", 'model={kind="ridge", root=false, pool=1, parts=2}']
    settings += [f"augmentation.{name}=0" for name in ("shift_px", "scale", "time_stretch", "mirror", "gain")]
    crossval(store, experiment="motion", out=tmp_path / "run", settings=settings, console=Listener())
    rows = read_predictions(tmp_path / "run").rows
    assert all(row.predicted == "fear" for row in rows if row.truth == "fear")


def test_a_saved_run_answers_as_its_test_part_did(store, tmp_path):
    train(store, experiment="default", out=tmp_path / "run", console=Listener())
    predictor = load_predictor(tmp_path / "run")
    with open_store(store) as opened:
        for row in read_predictions(tmp_path / "run").rows:
            arrays = arrays_of(opened, row.recording)
            probabilities = predictor.predict_proba(predictor.read_input(arrays))
            np.testing.assert_allclose(probabilities, row.probabilities, atol=1e-5)


def test_what_does_not_fit_is_refused_before_any_work(store, tmp_path):
    with pytest.raises(CallError, match="the pipeline anchored: input = fused reads landmarks, and there are none"):
        check_before_work([], load_pipeline("anchored"), load_experiment("default"))
    photo = Recording("p", "p", "001", "anger", ImageFiles((tmp_path / "p.png",)))
    with pytest.raises(CallError, match="the experiment default reads motion, and these are single images"):
        check_before_work([photo], load_pipeline("landmarks"), load_experiment("default"))
    with pytest.raises(CallError, match="conv_time_width takes their square root"):
        load_experiment("motion", ["input=landmarks", "augmentation={}"])
    for kind in ("conv_time_width", "conv_lstm_light", "gru"):
        load_experiment("motion", ["input=landmarks", "augmentation={}", f"model.kind={kind}", "model.root=false"])
    with pytest.raises(CallError, match=r"ridge takes their square root; set model\.root = false"):
        load_experiment("motion", ["input=fused", "augmentation={}", "model.kind=ridge"])
    with pytest.raises(CallError, match=r"\[augmentation\] varies projections"):
        load_experiment("motion", ["input=landmarks", "model.kind=svm", "model.root=false"])
    with pytest.raises(CallError, match="fusion"):
        load_experiment("default", ["input=projections"])


def test_a_store_without_landmarks_says_so(tmp_path):
    recording = Recording("S001_001", "S001", "001", "fear", ImageFiles(()))
    arrays = {"projections": np.zeros((4, 2, 30, 3), np.float32)}
    write_part(tmp_path, Prepared(recording, "d", "s", 5, 0, arrays, None))
    out = tmp_path / "store.h5"
    assemble(tmp_path, {recording.id: "d"}, out, pipeline={"name": "anchored"}, digest="d" * 16, notes=[])
    with open_store(out) as opened, pytest.raises(DataError, match="it has no landmarks"):
        opened.frame_shape("S001_001", "fused")
    with pytest.raises(CallError, match="there are none; use the pipeline landmarks, or the experiment motion"):
        train(out, experiment="default", out=tmp_path / "run", console=Listener())


@pytest.fixture(scope="module")
def personal_store(tmp_path_factory):
    """Eight people with faces of their own, beside which the class hardly shows; six have a neutral recording."""
    folder, rng, ids = tmp_path_factory.mktemp("parts"), np.random.default_rng(0), []
    for person in range(8):
        own = rng.normal(0, 0.4, (2, 147)).astype(np.float32)
        own[:, -3:] = 0
        for number, label in enumerate(["neutral", *LABELS]):
            landmarks = rng.normal(0, 0.01, (6, 2, 147)).astype(np.float32) + own
            landmarks[:, 1, 20 * number : 20 * number + 10] += 0.1 * (number > 0)
            neutral = number == 0 and person < 6
            session = f"{number:03}"
            recording = Recording(f"S{person}_{session}", f"S{person}", session, label, ImageFiles(()), neutral=neutral)
            arrays = {"projections": rng.random((6, 2, 30, 3), dtype=np.float32), "landmarks": landmarks}
            arrays["gradients"] = rng.random((6, 2, 256), dtype=np.float32)
            write_part(folder, Prepared(recording, "d", "s", 7, 0, arrays, None))
            ids.append(recording.id)
    out, pipeline = folder / "store.h5", load_pipeline("landmarks").model_dump(mode="json")
    assemble(folder, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline, digest="e" * 16, notes=[])
    return out


def test_calibration_by_person_shows_what_the_faces_themselves_hide(personal_store, tmp_path):
    settings = ["protocol.kind=leave_one_subject_out", f"classes={list(LABELS)}"]
    settings += ["augmentation={}", "input=landmarks", 'model={kind="ridge",root=false,pool=1,parts=2}']
    for name in ("none", "neutral"):
        calibration = f"calibration={name}"
        out = tmp_path / name
        crossval(personal_store, experiment="default", out=out, settings=[*settings, calibration], console=Listener())
    assert correct(tmp_path / "neutral") == 1.0
    assert correct(tmp_path / "none") < 0.85
    run = read_run(tmp_path / "neutral")
    assert run.protocol.n_test == 18
    assert any("calibrated by person" in note for note in run.notes)
    assert any("6 sequences of 2 subjects without a neutral one left out" in note for note in run.notes)
    with pytest.raises(CallError, match="is calibrated by person, and the other is not"):
        compare([tmp_path / "none", tmp_path / "neutral"], anyway=False, picture=None, console=Listener())


def test_a_calibrated_run_reads_landmarks_relative_to_the_neutral_recording(personal_store, tmp_path):
    train(personal_store, experiment="calibrated", out=tmp_path / "r", console=Listener())
    predictor = load_predictor(tmp_path / "r")
    assert predictor.labels == LABELS  # the neutral recordings are not among the sequences
    with pytest.raises(CallError, match="name a clip of it with --neutral"):
        with_neutral(predictor, None)
    with open_store(personal_store) as opened:
        for row in read_predictions(tmp_path / "r").rows:
            own = arrays_of(opened, f"{row.subject}_000")
            calibrated = replace(predictor, neutral=neutral_face(own["landmarks"], own["gradients"]))
            arrays = arrays_of(opened, row.recording)
            median = np.median(own["landmarks"], axis=0)
            median[:, -3:] = 0
            texture = arrays["gradients"] - np.median(own["gradients"], axis=0)
            expected = beside(arrays["projections"], arrays["landmarks"] - median, texture)
            np.testing.assert_array_equal(calibrated.read_input(arrays), expected)
            found = calibrated.predict_proba(calibrated.read_input(arrays))
            np.testing.assert_allclose(found, row.probabilities, atol=1e-5)


def test_calibration_needs_neutral_recordings_and_landmarks(store, tmp_path):
    with pytest.raises(DataError, match="no subject has a neutral recording to calibrate with"):
        train(store, experiment="default", settings=["calibration=neutral"], out=tmp_path / "r", console=Listener())
    with pytest.raises(CallError, match="calibration is of landmarks, and input = projections has none"):
        load_experiment("motion", ["calibration=neutral"])
    with pytest.raises(DataError, match="no landmarks were found in the neutral recording"):
        neutral_face(np.zeros((3, 2, 147), np.float32), np.zeros((3, 2, 256), np.float32))
    assert not less_neutral(np.zeros((3, 2, 147), np.float32), np.ones((2, 147), np.float32)).any()
    train(store, experiment="default", out=tmp_path / "plain", console=Listener())
    with pytest.raises(CallError, match="--neutral is for runs with calibration = neutral"):
        with_neutral(load_predictor(tmp_path / "plain"), tmp_path)


def test_sequences_without_landmarks_are_named(tmp_path):
    rng = np.random.default_rng(0)
    for person in range(4):
        for label in LABELS:
            lost = person == 2 and label == "fear"
            landmarks = np.zeros((5, 2, 147)) if lost else rng.normal(0, 0.1, (5, 2, 147))
            gradients = np.zeros((5, 2, 256)) if lost else rng.random((5, 2, 256))
            arrays = {"projections": rng.random((5, 2, 30, 3)), "landmarks": landmarks, "gradients": gradients}
            arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
            recording = Recording(f"S{person}_{label}", f"S{person}", label, label, ImageFiles(()))
            write_part(tmp_path, Prepared(recording, "d", "s", 6, 0, arrays, None))
    ids = [f"S{person}_{label}" for person in range(4) for label in LABELS]
    out, pipeline = tmp_path / "store.h5", load_pipeline("landmarks").model_dump(mode="json")
    assemble(tmp_path, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline, digest="f" * 16, notes=[])
    train(out, experiment="default", out=tmp_path / "run", console=Listener())
    lost = "no landmarks were found in 1 sequence, which count as the mean face: S2_fear"
    assert lost in read_run(tmp_path / "run").notes
