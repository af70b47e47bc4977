"""The face mesh on drawn faces, whose landmarks are known, and landmarks from frame to frame."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
from made_litert import make_litert, sha256_of

from ckseq import registry
from ckseq.errors import DataError
from ckseq.preprocessing import stages
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.preprocessing.stages import landmark_tracker_for, run_stages
from ckseq.recording import ImageFiles
from ckseq.signal.face_shape import face_shape
from ckseq.signal.faces import Box, overlap
from ckseq.signal.fused import beside
from ckseq.signal.gradients import face_gradients, gradient_columns
from ckseq.signal.landmarks import facs_distances, landmark_columns
from ckseq.storage.cache import ENTRIES, Cache
from ckseq.storage.store import open_store
from ckseq.tasks.preprocess import preprocess
from ckseq.twin.tree import TwinConfig, draw, plan

SHAPE = face_shape("face_mesh")
# corners of the eyes and of the mouth, tip of the nose: in the mesh, and among 68 landmarks from 0
SAME = {33: 36, 133: 39, 362: 42, 263: 45, 61: 48, 291: 54, 1: 30}


@pytest.fixture(scope="module")
def smile():
    """The frames of a drawn smile, gray, and the 68 landmarks of each."""
    planned = plan(TwinConfig(n_subjects=1, emotions_per_subject=7, unlabeled_share=0.0))
    sequence = next(one for one in planned if one.label is not None and one.label.name == "happiness")
    frames, landmarks = draw(sequence)
    return [f if f.ndim == 2 else cv2.cvtColor(f, cv2.COLOR_BGR2GRAY) for f in frames], landmarks


def tracker(**settings):
    set_to = [f"landmarks.{name}={value}" for name, value in settings.items()]
    return landmark_tracker_for(load_pipeline("landmarks", set_to))


def test_landmarks_are_where_the_drawn_face_has_them(smile):
    frames, landmarks = smile
    find = tracker()
    for frame, known in zip(frames, landmarks, strict=True):
        points = find.update(frame)
        apart = [np.hypot(*(points[SHAPE.place(one), :2] - known[other])) for one, other in SAME.items()]
        assert max(apart) < 0.15 * np.hypot(*(known[45] - known[36]))


def test_a_smile_draws_the_corners_of_the_mouth_apart_and_up(smile):
    find = tracker()
    columns = landmark_columns(np.stack([find.update(frame) for frame in smile[0]]), SHAPE)
    change = facs_distances(columns, SHAPE)
    change = change[-1] - change[0]
    assert change[23] > 0.05  # width of the mouth
    assert max(change[7], change[18]) < -0.02  # heights of its corners; y points down


def test_a_face_is_found_again_after_black_frames_and_follows_a_turned_image(smile):
    frame = smile[0][0]
    find = tracker()
    before = find.update(frame)
    assert np.isnan(find.update(np.zeros_like(frame))).all()
    np.testing.assert_allclose(find.update(frame), before, atol=2)
    height, width = frame.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -20, 1.0)
    turned = tracker().update(cv2.warpAffine(frame, turn, (width, height), borderMode=cv2.BORDER_REPLICATE))
    expected = before[:, :2] @ turn[:, :2].T + turn[:, 2]
    eyes = np.hypot(*(before[SHAPE.place(263), :2] - before[SHAPE.place(33), :2]))
    assert np.hypot(*(turned[:, :2] - expected).T).mean() < 0.05 * eyes


def test_a_network_of_other_shapes_is_refused(tmp_path):
    spec = registry.load("landmarks", "face_mesh").SPEC
    path = make_litert(tmp_path / "other.tflite")
    with pytest.raises(DataError, match="is not a network for 468 landmarks"):
        spec.make(spec.config(file=str(path), sha256=sha256_of(path)))
    # the same path with other contents is another recipe
    with pytest.raises(DataError, match="its SHA-256 is"):
        tracker(file=f"'{path}'", sha256="0" * 64)


def test_a_store_has_one_row_of_landmarks_for_each_step_of_motion(smile, tmp_path, console):
    folder = tmp_path / "data" / "happiness" / "S001_001"
    folder.mkdir(parents=True)
    # the paper's rule drops frames before the first face
    frames = [np.zeros_like(smile[0][0]), *smile[0]]
    for number, frame in enumerate(frames):
        cv2.imwrite(str(folder / f"{number:03}.png"), frame)
    settings = ["faces.policy=every_frame", "detector.upsample=0"]
    store = tmp_path / "store.h5"
    preprocess(tmp_path / "data", pipeline="landmarks", settings=settings, out=store, jobs=1, console=console)
    arrays, faces = run_stages(ImageFiles(tuple(sorted(folder.iterdir()))), load_pipeline("landmarks", settings))
    assert faces.n_dropped == 1
    find = tracker()
    points = np.stack([find.update(frame) for frame in frames])
    expected = landmark_columns(points, SHAPE)[2:]
    with open_store(store) as opened:
        (entry,) = opened.entries
        assert entry.n_steps == len(smile[0]) - 1
        np.testing.assert_allclose(opened.landmarks(entry.id), expected, atol=1e-5)
        np.testing.assert_array_equal(opened.landmarks(entry.id), arrays["landmarks"])
        fused = opened.fused(entry.id)
        texture = gradient_columns(np.stack([face_gradients(*one, SHAPE) for one in zip(frames, points, strict=True)]))
        np.testing.assert_allclose(opened.gradients(entry.id), texture[2:], atol=1e-3)
        parts = opened.projections(entry.id), opened.landmarks(entry.id), opened.gradients(entry.id)
        np.testing.assert_array_equal(fused, beside(*parts))
        assert opened.frame_shape(entry.id, "fused") == fused.shape[1:]


def test_the_box_follows_from_the_landmarks_and_nobody_else_is_asked(smile, tmp_path, monkeypatch):
    for number, frame in enumerate(smile[0]):
        cv2.imwrite(str(tmp_path / f"{number:03}.png"), frame)
    frames = ImageFiles(tuple(sorted(tmp_path.iterdir())))
    by_dlib = run_stages(frames, load_pipeline("landmarks", ["faces.policy=anchor"]))[1]
    asked = []
    dlib = stages.registry.load("detectors", "dlib_hog")
    monkeypatch.setattr(dlib, "SPEC", replace(dlib.SPEC, make=lambda _: asked.append))
    faces = run_stages(frames, load_pipeline("landmarks"))[1]
    assert not asked
    assert faces.n_found.tolist() == [1] * len(smile[0])
    assert len(np.unique(faces.boxes, axis=0)) == 1
    assert overlap(Box(*faces.boxes[0], 1.0), Box(*by_dlib.boxes[0], 1.0)) > 0.7
    whole = run_stages(frames, load_pipeline("landmarks", ["detector.kind=whole_frame"]))[1]
    height, width = smile[0][0].shape
    assert whole.boxes[0].tolist() == [0, 0, width, height]


def test_faces_found_for_one_pipeline_serve_another_and_change_nothing(smile, tmp_path, console, monkeypatch):
    folder = tmp_path / "data" / "happiness" / "S001_001"
    folder.mkdir(parents=True)
    for number, frame in enumerate(smile[0]):
        cv2.imwrite(str(folder / f"{number:03}.png"), frame)

    def prepared(name, pipeline, cache=None):
        out = tmp_path / name
        preprocess(tmp_path / "data", pipeline=pipeline, out=out, jobs=1, cache=cache, console=console)
        return out.read_bytes()

    cache = Cache(tmp_path / "cache", 10**9)
    anchors = tmp_path / "anchors.toml"
    anchors.write_text('extends = "landmarks"\n[faces]\npolicy = "anchor"\n')
    plain = {name: prepared(f"{name}.h5", name) for name in ("anchored", "landmarks")}
    plain["anchors"] = prepared("plain.h5", str(anchors))
    assert prepared("a.h5", "anchored", cache) == plain["anchored"]
    with monkeypatch.context() as without:
        without.setattr(stages, "track_face", None)
        assert prepared("b.h5", str(anchors), cache) == plain["anchors"]
    # the landmarks are there, the crops at their box are not
    monkeypatch.setattr(stages, "face_gradients", None)
    assert prepared("c.h5", "landmarks", cache) == plain["landmarks"]
    monkeypatch.setattr(stages, "track_face", None)
    assert prepared("d.h5", "landmarks", cache) == plain["landmarks"]
    assert prepared("e.h5", str(anchors), cache) == plain["anchors"]
    assert prepared("f.h5", "anchored", cache) == plain["anchored"]
    assert {path.parent.name for path in cache.folder.glob(ENTRIES)} == {"faces", "aligned", "landmarks"}
    monkeypatch.undo()
    assert prepared("g.h5", "landmarks", Cache(tmp_path / "other", 10**9)) == plain["landmarks"]
