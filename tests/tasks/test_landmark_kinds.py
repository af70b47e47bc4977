"""CK+'s own landmarks from the files of a drawn data set to a run, and what is said where they are missing."""

import re
import shutil
import zipfile

import numpy as np
import pytest

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.preprocessing.stages import landmark_tracker_for
from ckseq.signal.face_shape import face_shape
from ckseq.signal.fused import beside
from ckseq.signal.landmarks import landmark_columns
from ckseq.sources.ckplus import scan
from ckseq.storage.landmark_files import read_points
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.train import train
from ckseq.twin.tree import TwinConfig, plan, write

# the whole frame is the face: no detector is needed
QUICK = ["detector.kind=whole_frame", "faces.side_px=48"]
TWIN = {"emotions": ("happiness", "surprise"), "emotions_per_subject": 2, "unlabeled_share": 0.0, "median_frames": 6}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    for sequence in plan(TwinConfig(n_subjects=3, **TWIN)):
        write(sequence, folder)
    return folder


@pytest.fixture(scope="module")
def store(tree):
    out = tree / "s.h5"
    prepare(tree, out)
    return out


def prepare(tree, out, *, pipeline="landmarks_ckplus"):
    return preprocess(tree, pipeline=pipeline, settings=QUICK, out=out, jobs=1, console=Console(quiet=True))


def test_a_store_has_the_points_of_the_files_registered(tree, store):
    shape = face_shape("ckplus")
    for recording in scan(tree):
        paths = sorted((tree / "Landmarks" / recording.subject / recording.session).iterdir())
        points = np.stack([np.column_stack([np.loadtxt(path), np.zeros(68)]) for path in paths]).astype(np.float32)
        np.testing.assert_allclose(read_points(recording.landmarks), points, rtol=1e-6)
        with open_store(store) as opened:
            landmarks, projections = opened.landmarks(recording.id), opened.projections(recording.id)
            gradients = opened.gradients(recording.id)
            np.testing.assert_allclose(landmarks, landmark_columns(points, shape)[1:], atol=1e-5)
            np.testing.assert_array_equal(opened.fused(recording.id), beside(projections, landmarks, gradients))


def test_drawn_smiles_and_surprises_move_the_points_of_the_mouth_apart(tree, store):
    shape = face_shape("ckplus")
    left, right = shape.named["left_lip_corner"], shape.named["right_lip_corner"]
    with open_store(store) as opened:
        for entry in opened.entries:
            columns = opened.landmarks(entry.id)
            wider = np.ptp(columns[:, 0, right] - columns[:, 0, left])
            opening = np.ptp(columns[:, 1, shape.named["inner_lower_lip"]])
            assert (wider > opening) == (entry.label == "happiness")


@pytest.mark.parametrize("input", ["landmarks", "fused"])
def test_a_run_on_both_inputs_records_the_kind_and_refuses_another(store, tmp_path, input):
    model = {"fused": ["model.landmarks=ckplus"], "landmarks": ['model={kind="ridge",root=false,pool=1,parts=2}']}
    settings = [f"input={input}", "augmentation={}", *model[input]]
    train(store, experiment="default", settings=settings, out=tmp_path / "run", console=Console(quiet=True))
    run = read_run(tmp_path / "run")
    assert run.store.pipeline["landmarks"]["kind"] == "ckplus"
    assert run.model.input_shape[2] == 71 + (48 + 256) * (input == "fused")
    if input == "fused":
        with pytest.raises(CallError, match=r"kind ckplus, and fusion reads model\.landmarks = face_mesh"):
            train(store, experiment="default", out=tmp_path / "other", console=Console(quiet=True))


def test_archives_read_as_folders(tree, store, tmp_path):
    for name, archive in (("cohn-kanade-images", "extended-cohn-kanade-images"), ("Landmarks", "Landmarks")):
        with zipfile.ZipFile(tmp_path / f"{archive}.zip", "w") as opened:
            for path in sorted((tree / name).rglob("*.*")):
                opened.write(path, path.relative_to(tree))
    prepare(tmp_path, tmp_path / "s.h5")
    with open_store(store) as one, open_store(tmp_path / "s.h5") as other:
        for entry in one.entries:
            np.testing.assert_array_equal(one.landmarks(entry.id), other.landmarks(entry.id))


def test_missing_and_damaged_files_are_errors_of_their_recordings(tree, tmp_path):
    shutil.copytree(tree / "cohn-kanade-images", tmp_path / "cohn-kanade-images")
    shutil.copytree(tree / "Landmarks", tmp_path / "Landmarks")
    one, two, three, four, *_ = (tmp_path / "Landmarks" / r.subject / r.session for r in scan(tree))
    for path in sorted(one.iterdir())[1:3]:
        path.unlink()
    next(two.iterdir()).write_text("1 2\n3 x\n")
    shutil.rmtree(three)
    next(four.iterdir()).write_text("1 2\n" * 67)
    failed = prepare(tmp_path, tmp_path / "s.h5")["failed"]
    says = [
        r"the landmarks of S\d+_\d+_00000002\.png and of 1 more frames are missing; download Landmarks\.zip again",
        r"_landmarks\.txt: does not hold x and y of 68 points",
        "it has no landmark files, and landmarks.kind = ckplus reads these",
        "does not hold x and y of 68 points",
    ]
    assert list(failed) == [recording.id for recording in scan(tree)][:4]
    for text, expected in zip(failed.values(), says, strict=True):
        assert re.search(expected, text), text
    # the same frames without landmarks need no such files
    assert not prepare(tmp_path, tmp_path / "t.h5", pipeline="anchored")["failed"]


def test_other_landmark_files_make_another_store(tree, store, tmp_path):
    shutil.copytree(tree, tmp_path / "data")
    prepare(tmp_path / "data", tmp_path / "data" / "s.h5")  # moved as a whole, and up to date
    path = next((tmp_path / "data" / "Landmarks").rglob("*.txt"))
    np.savetxt(path, np.loadtxt(path) + 1)
    with pytest.raises(CallError, match="holds something else"):
        prepare(tmp_path / "data", tmp_path / "data" / "s.h5")


def test_no_other_frames_have_the_landmarks_of_ckplus():
    with pytest.raises(CallError, match=r"landmarks\.kind = ckplus reads the files that CK"):
        landmark_tracker_for(load_pipeline("landmarks_ckplus"))
