"""The twin: what CK+ promises holds for the drawn data set, and the landmarks sit on what is drawn."""

from itertools import pairwise

import cv2
import numpy as np
import pytest

from ckseq.config import parse
from ckseq.errors import CallError
from ckseq.twin.tree import LONGEST, SHORTEST, TwinConfig, draw, plan, write

SMALL = TwinConfig(seed=11, n_subjects=6, median_frames=7, color_share=0.2, unlabeled_share=0.25)


@pytest.fixture(scope="module")
def drawn():
    """One short sequence of each subject, all emotions among them."""
    chosen = {}
    for sequence in plan(SMALL.model_copy(update={"emotions_per_subject": 7})):
        if sequence.label and sequence.label.code == sequence.index % 7 + 1:
            chosen[sequence.index] = sequence
    return [(sequence, *draw(sequence)) for sequence in chosen.values()]


def test_same_seed_same_pixels_whatever_the_number_of_subjects():
    few, many = plan(SMALL), plan(SMALL.model_copy(update={"n_subjects": 9}))
    assert [s.id for s in few] == [s.id for s in many[: len(few)]]
    first, again = draw(few[-1]), draw(many[len(few) - 1])
    assert all(np.array_equal(a, b) for a, b in zip(first[0], again[0], strict=True))
    np.testing.assert_array_equal(first[1], again[1])


def test_another_seed_is_another_data_set():
    one, other = plan(SMALL), plan(SMALL.model_copy(update={"seed": 12}))
    assert [s.units for s in one] != [s.units for s in other]


def test_lengths_are_those_of_ckplus():
    lengths = [s.n_frames for s in plan(TwinConfig(n_subjects=120, seed=3))]
    assert 15 <= np.median(lengths) <= 17
    assert min(lengths) >= SHORTEST
    assert max(lengths) <= LONGEST
    assert np.mean(lengths) > np.median(lengths)


def test_an_emotion_at_most_once_a_subject_and_classes_are_even():
    sequences = plan(TwinConfig(n_subjects=14, emotions_per_subject=4))
    shown = [(s.subject, s.label.name) for s in sequences if s.label]
    assert len(shown) == len(set(shown)) == 14 * 4
    counts = [sum(name == emotion for _, name in shown) for emotion in {name for _, name in shown}]
    assert counts == [8] * 7


def test_unlabeled_sequences_colors_and_sizes_are_mixed():
    sequences = plan(TwinConfig(n_subjects=12))
    unlabeled = [s for s in sequences if s.label is None]
    assert 0.08 < len(unlabeled) / len(sequences) < 0.25
    assert {s.empty_emotion_folder for s in unlabeled} == {True, False}
    assert {(s.height, s.width) for s in sequences} == {(490, 640), (480, 640)}
    assert 0 < sum(s.color for s in sequences) < len(sequences) / 3


def test_only_the_emotions_asked_for():
    sequences = plan(TwinConfig(emotions=("anger", "surprise"), n_subjects=3, unlabeled_share=0.0))
    assert {s.label.name for s in sequences} == {"anger", "surprise"}
    assert len(sequences) == 6


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"n_subjects": 0}, "n_subjects"),
        ({"emotions": ["boredom"]}, "emotions"),
        ({"emotions": ["fear", "fear"]}, "twice"),
        ({"noise": 2.0}, "noise_levels"),
        ({"median_frames": 5}, "median_frames"),
    ],
)
def test_an_impossible_config_is_named(values, key):
    with pytest.raises(CallError, match=key):
        parse(TwinConfig, values, where="here")


def test_frames_have_the_planned_shape(drawn):
    for sequence, frames, landmarks in drawn:
        shape = (sequence.height, sequence.width, 3) if sequence.color else (sequence.height, sequence.width)
        assert [f.shape for f in frames] == [shape] * sequence.n_frames
        assert all(f.dtype == np.uint8 for f in frames)
        assert landmarks.shape == (sequence.n_frames, 68, 2)


def test_no_two_subjects_look_alike(drawn):
    faces = [
        cv2.resize(f[0] if f[0].ndim == 2 else cv2.cvtColor(f[0], cv2.COLOR_BGR2GRAY), (64, 48)) for _, f, _ in drawn
    ]
    for k, one in enumerate(faces):
        assert all(np.abs(one.astype(int) - other).mean() > 8 for other in faces[:k])


def test_frames_differ_and_the_face_moves_towards_the_apex(drawn):
    for sequence, frames, landmarks in drawn:
        assert all(not np.array_equal(a, b) for a, b in pairwise(frames))
        moved = np.linalg.norm(landmarks - landmarks[0], axis=2).max(axis=1)
        assert moved[-1] > 2, sequence.id
        assert moved[-1] > 1.5 * moved[1]


def test_landmarks_sit_on_what_is_drawn(drawn):
    """Pupils are darker than the cheeks, so is the closed lips' seam; the jaw is the face's edge."""
    for _, frames, landmarks in drawn:
        for frame, points in ((frames[0], landmarks[0]), (frames[-1], landmarks[-1])):
            gray = cv2.GaussianBlur(frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), (0, 0), 1.5)

            def tone(point, gray=gray):
                x, y = np.rint(point).astype(int)
                return int(gray[y - 4 : y + 5, x - 4 : x + 5].min())  # a pupil, not the light in it

            cheeks = (tone(points[[2, 31, 36]].mean(axis=0)) + tone(points[[14, 35, 45]].mean(axis=0))) / 2
            for eye in (points[36:42], points[42:48]):
                assert tone(eye.mean(axis=0)) < 0.75 * cheeks
            if frame is frames[0]:
                assert tone(points[60:68].mean(axis=0)) < 0.92 * cheeks
            assert (points[:, 0] > points[0, 0] - 3).all()
            assert (points[:, 0] < points[16, 0] + 3).all()
            assert points[8, 1] == points[:, 1].max()


def test_dlib_and_haar_find_the_faces(drawn):
    dlib = pytest.importorskip("dlib")
    detector = dlib.get_frontal_face_detector()
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_alt2.xml")
    frames = [(f, points) for _, f, p in drawn for f, points in zip(f[::3] + f[-1:], [*p[::3], p[-1]], strict=True)]
    missed, by_cascade = 0, 0
    for frame, points in frames:
        gray = frame if frame.ndim == 2 else cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        boxes = detector(gray, 0)
        nose = points[30]
        missed += not any(b.left() < nose[0] < b.right() and b.top() < nose[1] < b.bottom() for b in boxes)
        by_cascade += len(cascade.detectMultiScale(gray, 1.2)) > 0
    assert len(frames) >= 18
    assert missed <= 0.01 * len(frames)
    assert by_cascade >= 0.9 * len(frames)


def test_files_are_those_of_ckplus(tmp_path):
    sequences = plan(SMALL)
    labeled = next(s for s in sequences if s.label)
    bare = next(s for s in sequences if s.label is None and not s.empty_emotion_folder)
    empty = next(s for s in sequences if s.label is None and s.empty_emotion_folder)
    for sequence in (labeled, bare, empty):
        write(sequence, tmp_path)
    place = f"{labeled.subject}/{labeled.session:03d}"
    last = f"{labeled.id}_{labeled.n_frames:08d}"
    images = sorted(p.name for p in (tmp_path / "cohn-kanade-images" / place).iterdir())
    assert images == [f"{labeled.id}_{k:08d}.png" for k in range(1, labeled.n_frames + 1)]
    emotion = tmp_path / "Emotion" / place / f"{last}_emotion.txt"
    assert emotion.read_text() == f"   {labeled.label.code}.0000000e+00\n"
    coded = np.loadtxt(tmp_path / "FACS" / place / f"{last}_facs.txt", ndmin=2)
    assert coded[:, 0].tolist() == [u.number for u in labeled.units]
    assert ((coded[:, 1] >= 1) & (coded[:, 1] <= 5)).all()
    points = [np.loadtxt(p) for p in sorted((tmp_path / "Landmarks" / place).iterdir())]
    assert [p.shape for p in points] == [(68, 2)] * labeled.n_frames
    assert not (tmp_path / "Emotion" / bare.subject / f"{bare.session:03d}").exists()
    assert list((tmp_path / "Emotion" / empty.subject / f"{empty.session:03d}").iterdir()) == []
    frame = cv2.imread(str(tmp_path / "cohn-kanade-images" / place / images[0]), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(frame, draw(labeled)[0][0])
