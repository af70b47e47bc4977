"""``ckseq record``: from video files, and from a stub of a camera."""

import json

import cv2
import numpy as np
import pytest

from ckseq.capture import clips as clips_module
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.recording import VideoFile
from ckseq.sources import ckplus
from ckseq.storage.frames import read_gray
from ckseq.tasks import record as module
from ckseq.tasks.record import record
from ckseq.twin.tree import TwinConfig, draw, plan

FPS = 10
CONSENT = "I agree; this face is drawn."


@pytest.fixture(scope="module")
def faces():
    """A drawn face from neutral to surprise, BGR."""
    config = TwinConfig(
        n_subjects=1, emotions=("surprise",), emotions_per_subject=1, unlabeled_share=0, median_frames=9
    )
    frames, _ = draw(plan(config)[0])
    return [cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR) if frame.ndim == 2 else frame for frame in frames]


@pytest.fixture(scope="module")
def video(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("videos") / "surprise.avi"
    write_clip(path, [faces[0]] * 8 + faces + [faces[-1]] * 8)
    return path


def write_clip(path, frames):
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, (width, height))
    for frame in frames:
        writer.write(frame)
    writer.release()


class Person(Console):
    """A person at a terminal who gives these answers in turn."""

    def __init__(self, *answers):
        super().__init__(quiet=True)
        self.answers, self.asked, self.warned = list(answers), [], []

    def ask(self, question, *, option):
        self.asked.append(question)
        return self.answers.pop(0)

    def warn(self, what):
        self.warned.append(what)


def recorded(out, console, **changes):
    values = {"inputs": (), "camera": 0, "subject": None, "labels": ("surprise",), "consent": CONSENT, "seconds": 3.0}
    return record(out, **{**values, "unasked": True, **changes}, console=console)


@pytest.fixture
def stub_camera(monkeypatch, faces):
    """A camera before which the face is neutral, shows surprise when asked to, and is unplugged after a time."""

    def plug(*, recordings, unplugged_after_s=1e9):
        meeting = [faces[0]] * 40
        one = [faces[0]] * (3 * FPS + 12) + faces + [faces[-1]] * 40

        def open_camera(index):
            # of a recording as much is read as it lasts: 3 s of countdown and 3 s of recording
            n_met = 5 * (4 - 1) + 1
            stream = meeting[:n_met] + one[: 6 * FPS + 1] * recordings + [faces[0]] * recordings
            for number, frame in enumerate(stream):
                if number / FPS > unplugged_after_s:
                    raise DataError("gave no more pictures", f"camera:{index}", "plug it in")
                yield number / FPS, frame
            pytest.fail("more was read than the recordings last")

        monkeypatch.setattr(module, "open_camera", open_camera)

    return plug


def test_a_video_is_cut_from_neutral_to_apex(video, faces, tmp_path):
    result = recorded(tmp_path / "own", Person(), inputs=(video,))
    assert (result["kept"], result["failed"]) == (["S001_001"], {})
    (recording,) = ckplus.scan(tmp_path / "own")
    assert recording.label == "surprise"
    kept, shown = list(read_gray(recording.frames)), list(read_gray(VideoFile(video)))
    places = [next(n for n, frame in enumerate(shown) if np.array_equal(frame, one)) for one in (kept[0], kept[-1])]
    assert places[0] < 10
    assert 8 + len(faces) // 2 < places[1] <= 8 + len(faces)
    assert json.loads(next((tmp_path / "own").rglob("*.json")).read_text())["consent"] == CONSENT
    sheet = cv2.imread(str(next((tmp_path / "own/Review").rglob("*.png"))))
    assert sheet.shape[1] == 960


def test_videos_that_cannot_be_used_are_listed_and_the_rest_is_saved(video, faces, tmp_path):
    still, empty = tmp_path / "still.avi", tmp_path / "empty.avi"
    write_clip(still, [faces[0]] * 12)
    empty.write_bytes(b"")
    wall = tmp_path / "wall.avi"
    write_clip(wall, [np.full((120, 160, 3), 90, np.uint8)] * 12)
    result = recorded(tmp_path / "own", Person(), inputs=(still, empty, tmp_path / "none.avi", wall, video))
    assert result["kept"] == ["S001_001"]
    reasons = [result["failed"][str(path)] for path in (still, empty, tmp_path / "none.avi", wall)]
    for reason, says in zip(reasons, ("hardly any motion", "is empty", "does not exist", "no face"), strict=True):
        assert says in reason


def test_a_long_video_and_one_without_a_label_are_refused(video, tmp_path, monkeypatch):
    monkeypatch.setattr(clips_module, "_MAX_FRAMES", 10)
    (reason,) = recorded(tmp_path / "own", Person(), inputs=(video,))["failed"].values()
    assert "more than 10 frames" in reason
    with pytest.raises(CallError, match="the one label of what they show"):
        recorded(tmp_path / "own", Person(), inputs=(video,), labels=())


def test_any_label_is_recorded_and_a_misspelled_emotion_is_told(video, tmp_path):
    person = Person()
    for label in ("speaking", "fears", "happiness", "speaking"):
        assert recorded(tmp_path / "own", person, inputs=(video,), labels=(label,), subject="S001")["failed"] == {}
    assert [one.label for one in ckplus.scan(tmp_path / "own")] == ["speaking", "fears", "happiness", "speaking"]
    assert (tmp_path / "own/labels.csv").read_text() == "code,label\n8,speaking\n9,fears\n"
    assert person.warned == ["'fears' is a label of its own; did you mean 'fear'?"]
    assert "acted" not in (tmp_path / "own/ABOUT.txt").read_text()


@pytest.mark.parametrize("label", ["", "=1+1", "a\nb", "x" * 61])
def test_what_is_no_label_is_refused(video, tmp_path, label):
    with pytest.raises(CallError, match="is not a label"):
        recorded(tmp_path / "own", Person(), inputs=(video,), labels=(label,))
    assert not (tmp_path / "own").exists()


@pytest.mark.parametrize("consent", [None, "", "   "])
def test_without_consent_nothing_is_opened_and_nothing_written(consent, video, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "open_camera", None)
    monkeypatch.setattr(clips_module, "read_gray", None)
    for inputs in ((), (video,)):
        with pytest.raises(CallError, match="no consent"):
            recorded(tmp_path / "own", Person(""), consent=consent, inputs=inputs)
    assert not (tmp_path / "own").exists()


def test_without_a_terminal_the_error_names_the_option(video, tmp_path):
    with pytest.raises(CallError, match="--consent"):
        recorded(tmp_path / "own", Console(quiet=True), consent=None, inputs=(video,))


def test_clips_of_a_camera_are_accepted_repeated_or_skipped(stub_camera, tmp_path):
    stub_camera(recordings=4)
    person = Person("A. B.", "again", "what?", "", "s", "K")
    labels = ("surprise", "fear", "anger")
    result = recorded(tmp_path / "own", person, labels=labels, consent=None, unasked=False)
    assert result["kept"] == ["S001_001", "S001_002"]
    assert [one.label for one in ckplus.scan(tmp_path / "own")] == ["surprise", "anger"]
    assert json.loads(next((tmp_path / "own").rglob("*.json")).read_text())["consent"].endswith("Agreed by: A. B.")
    assert not (tmp_path / "own/review.png").exists()
    assert not person.answers


def test_an_unplugged_camera_leaves_the_saved_clips(stub_camera, tmp_path):
    stub_camera(recordings=2, unplugged_after_s=9)
    person = Person()
    result = recorded(tmp_path / "own", person, labels=("surprise", "fear"))
    assert result["kept"] == ["S001_001"]
    assert result["failed"] == {"camera:0": "camera:0: gave no more pictures; plug it in"}
    assert person.warned == ["camera:0: gave no more pictures; plug it in"]
    assert [one.label for one in ckplus.scan(tmp_path / "own")] == ["surprise"]


def test_a_camera_that_never_worked_is_an_error(stub_camera, tmp_path):
    stub_camera(recordings=2, unplugged_after_s=0.5)
    with pytest.raises(DataError, match="camera:0: gave no more pictures"):
        recorded(tmp_path / "own", Person())
    assert not (tmp_path / "own").exists()
