"""Runs on landmarks applied to videos: of a drawn smile, with a model of made-up sequences."""

import cv2
import numpy as np
import pytest
from made_trainings import Listener
from made_videos import write_video

from ckseq.errors import CallError, DataError
from ckseq.inference.causal_pipeline import make_face_tracker, pipeline_for_video
from ckseq.inference.face_classifier import make_face_classifier
from ckseq.inference.live_session import LiveSession
from ckseq.inference.predictor import load_predictor
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.preprocessing.stages import run_stages
from ckseq.recording import ImageFiles, Recording
from ckseq.signal.face_shape import face_shape
from ckseq.signal.fused import beside, neutral_face
from ckseq.signal.landmarks import landmark_columns
from ckseq.sources.manifest import frames_at
from ckseq.storage.store_writer import Prepared, assemble, write_part
from ckseq.tasks.predict import predict
from ckseq.tasks.train import train
from ckseq.tracking.timeline import TimelineConfig
from ckseq.twin.tree import TwinConfig, draw, plan

SHAPE = face_shape("face_mesh")
PARTS = ("projections", "gradients")
NO_AUGMENTATION = "augmentation={}"


@pytest.fixture(scope="module")
def smile():
    """The frames of a drawn smile there and back, gray, and the 68 landmarks of each."""
    planned = plan(TwinConfig(n_subjects=1, emotions_per_subject=7, unlabeled_share=0.0))
    frames, landmarks = draw(next(one for one in planned if one.label is not None and one.label.name == "happiness"))
    gray = [frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in frames]
    return gray + gray[::-1], [*landmarks, *landmarks[::-1]]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder, rng, ids = tmp_path_factory.mktemp("parts"), np.random.default_rng(0), []
    for person in range(4):
        for code, label in enumerate(("anger", "happiness", "neutral")):
            arrays = {
                "projections": rng.random((6, 2, 267, 3), dtype=np.float32) / 9 + code / 9,
                "landmarks": rng.normal(code / 20, 0.02, (6, 2, 147)).astype(np.float32),
                "gradients": rng.random((6, 2, 256), dtype=np.float32) / 4,
            }
            recording = Recording(
                f"S{person:03}_{code:03}", f"S{person:03}", f"{code:03}", label, ImageFiles(()), neutral=code == 2
            )
            write_part(folder, Prepared(recording, "d", "s", 7, 0, arrays, None))
            ids.append(recording.id)
    out, pipeline = folder / "store.h5", load_pipeline("landmarks").model_dump(mode="json")
    assemble(folder, dict.fromkeys(sorted(ids), "d"), out, pipeline=pipeline, digest="d" * 16, notes=[])
    return out


@pytest.mark.parametrize(
    ("settings", "fused"),
    [([], True), (["input=landmarks", NO_AUGMENTATION, 'model={kind="ridge",root=false,pool=1}'], False)],
)
def test_a_window_is_classified_as_the_same_frames_from_a_store(settings, fused, store, smile, tmp_path):
    train(store, experiment="default", settings=settings, out=tmp_path / "run", console=Listener())
    predictor = load_predictor(tmp_path / "run")
    pipeline, _ = pipeline_for_video(predictor)
    tracker, classifier = make_face_tracker(predictor, TimelineConfig()), make_face_classifier(predictor, pipeline)
    frames, decisions = [], []
    for number, image in enumerate(smile[0]):
        (face,) = tracker.update(number / 25, image)
        frames.append(face.frame)
        decisions.append(face.decision)
        eyes = [face.frame.landmarks[SHAPE.place(point), :2] for point in (33, 263)]
        known = smile[1][number][[36, 45]]
        assert np.hypot(*(eyes - known).T).max() < 0.15 * np.hypot(*(known[1] - known[0]))
    assert any(decision is not None and decision.probabilities is not None for decision in decisions)
    assert classifier.keep(frames[0]) is None  # there is no motion yet
    assert classifier.keep(frames[1]._replace(landmarks=np.full((144, 3), np.nan, np.float32))) is None
    kept = [classifier.keep(frame) for frame in frames[1:]]
    columns = landmark_columns(np.stack([frame.landmarks for frame in frames[1:]]), SHAPE)
    expected = columns
    if fused:
        projections, gradients = (np.stack([getattr(frame, name) for frame in frames[1:]]) for name in PARTS)
        expected = beside(projections, columns, gradients)
    found = classifier.classify(kept, np.arange(1, len(frames)) / 25)
    np.testing.assert_allclose(found, predictor.predict_proba(expected), atol=1e-6)


def test_a_clip_of_the_neutral_face_is_what_landmarks_are_relative_to(store, smile, tmp_path):
    for name, frames in (("smile", smile[0][: len(smile[0]) // 2]), ("neutral", smile[0][:3])):
        (tmp_path / name).mkdir()
        for number, frame in enumerate(frames):
            cv2.imwrite(str(tmp_path / name / f"{number:03}.png"), frame)
    train(store, experiment="default", settings=["calibration=neutral"], out=tmp_path / "run", console=Listener())
    arguments = {"inputs": [tmp_path / "smile"], "console": Listener()}
    with pytest.raises(CallError, match="name a clip of it with --neutral"):
        predict(tmp_path / "run", **arguments)
    result = predict(tmp_path / "run", neutral=tmp_path / "neutral", **arguments)
    predictor = load_predictor(tmp_path / "run")
    arrays = {name: run_stages(frames_at(tmp_path / name), predictor.pipeline)[0] for name in ("smile", "neutral")}
    neutral = neutral_face(*(arrays["neutral"][name] for name in ("landmarks", "gradients")))
    relative = (arrays["smile"][name] - getattr(neutral, name) for name in ("landmarks", "gradients"))
    expected = predictor.predict_proba(beside(arrays["smile"]["projections"], *relative))
    found = list(result["predictions"][0]["probabilities"].values())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def analyzed(analyzer, images, *, start_s):
    return [analyzer.analyze(start_s + number / 25, image) for number, image in enumerate(images)]


def test_the_page_takes_a_visitors_own_neutral_face(store, smile, tmp_path):
    train(store, experiment="default", settings=["calibration=neutral"], out=tmp_path / "run", console=Listener())
    predictor = load_predictor(tmp_path / "run")
    session = LiveSession(predictor)
    assert session.takes_neutral
    clip = tmp_path / "clip.avi"
    write_video(clip, [cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) for frame in smile[0][:5]])
    with pytest.raises(DataError, match="compares each person with a neutral face; start it with --neutral CLIP"):
        session.analyze_clip(clip)
    analyzer = session.new_analyzer()
    images = [cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) for frame in smile[0]]
    nobody = np.zeros_like(images[0])
    # a face, but nothing to compare it with
    answers = analyzed(analyzer, images, start_s=0)
    assert {(one.neutral, one.largest.label) for one in answers[5:]} == {("needed", None)}
    analyzer.take_neutral()
    answers = analyzed(analyzer, [nobody] * 52, start_s=10)
    assert [one.neutral for one in answers[:50]] == ["taking"] * 50
    left = [one.neutral_left_s for one in answers[:50]]
    np.testing.assert_allclose(left, 2 - np.arange(50) / 25, atol=1e-6)
    assert [(one.neutral, one.neutral_left_s) for one in answers[50:]] == [("no face", None)] * 2
    analyzer.take_neutral()
    answers = analyzed(analyzer, [images[0]] * 52, start_s=20)
    assert (answers[0].neutral, answers[-1].neutral) == ("taking", "taken")
    answers = analyzed(analyzer, images, start_s=22.1)
    assert {(one.neutral, one.person) for one in answers} == {("taken", "same")}
    assert any(one.largest.smoothed is not None for one in answers)
    # the same as of a clip of that face, but for the pictures' being in one stream
    tracker = make_face_tracker(predictor, TimelineConfig())
    frames = [tracker.update(number / 25, smile[0][0])[0].frame for number in range(51)]
    columns = landmark_columns(np.stack([frame.landmarks for frame in frames]), SHAPE)
    expected = neutral_face(columns, np.stack([frame.gradients for frame in frames]))
    for found, one in zip(analyzer._predictor.neutral, expected, strict=True):
        np.testing.assert_allclose(found, one, atol=1e-3)
    # whoever comes later is somebody else
    answers = analyzed(analyzer, images[:9], start_s=40)
    assert (answers[-1].person, answers[-1].neutral, answers[-1].largest.label) == ("new", "needed", None)
    analyzer.take_neutral()
    analyzer.start_over()
    assert analyzed(analyzer, images[:9], start_s=50)[-1].neutral == "needed"
