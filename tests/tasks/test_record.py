"""``ckseq record``: from films, and from a camera that is none."""

import json

import cv2
import made_runs
import numpy as np
import pytest

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.sources import ckplus
from ckseq.storage.frames import read_gray
from ckseq.storage.recorded import holds
from ckseq.tasks import record as module
from ckseq.tasks.forget import forget
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.record import record, seen
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
def film(faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "surprise.avi"
    write_film(path, [faces[0]] * 8 + faces + [faces[-1]] * 8)
    return path


def write_film(path, frames):
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
def film_camera(monkeypatch, faces):
    """A camera before which the face rests, shows surprise once it was told to, and is unplugged after so many."""

    def plug(*, takes, unplugged_after_s=1e9):
        meeting = [faces[0]] * 40
        one = [faces[0]] * (3 * FPS + 12) + faces + [faces[-1]] * 40

        def open_camera(index):
            # of a take as much is read as it lasts: 3 s of countdown and 3 s of recording
            n_met = 5 * (4 - 1) + 1
            stream = meeting[:n_met] + one[: 6 * FPS + 1] * takes + [faces[0]] * takes
            for number, frame in enumerate(stream):
                if number / FPS > unplugged_after_s:
                    raise DataError("gave no more pictures", f"camera:{index}", "plug it in")
                yield number / FPS, frame
            pytest.fail("more was read than the takes last")

        monkeypatch.setattr(module, "open_camera", open_camera)

    return plug


def test_a_film_is_kept_from_neutral_to_apex(film, faces, tmp_path):
    result = recorded(tmp_path / "own", Person(), inputs=(film,))
    assert (result["kept"], result["failed"]) == (["S001_001"], {})
    (recording,) = ckplus.scan(tmp_path / "own")
    assert recording.label == "surprise"
    kept, shown = list(read_gray(recording.frames)), list(read_gray(module.VideoFile(film)))
    places = [next(n for n, frame in enumerate(shown) if np.array_equal(frame, one)) for one in (kept[0], kept[-1])]
    assert places[0] < 10
    assert 8 + len(faces) // 2 < places[1] <= 8 + len(faces)
    assert json.loads(next((tmp_path / "own").rglob("*.json")).read_text())["consent"] == CONSENT
    sheet = cv2.imread(str(next((tmp_path / "own/Review").rglob("*.png"))))
    assert sheet.shape[1] == 960


def test_films_that_cannot_be_used_are_named_and_the_rest_is_kept(film, faces, tmp_path):
    still, empty = tmp_path / "still.avi", tmp_path / "empty.avi"
    write_film(still, [faces[0]] * 12)
    empty.write_bytes(b"")
    wall = tmp_path / "wall.avi"
    write_film(wall, [np.full((120, 160, 3), 90, np.uint8)] * 12)
    result = recorded(tmp_path / "own", Person(), inputs=(still, empty, tmp_path / "none.avi", wall, film))
    assert result["kept"] == ["S001_001"]
    reasons = [result["failed"][str(path)] for path in (still, empty, tmp_path / "none.avi", wall)]
    for reason, says in zip(reasons, ("hardly anything moved", "is empty", "does not exist", "no face"), strict=True):
        assert says in reason


def test_a_long_film_and_one_without_a_label_are_refused(film, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_MOST_FRAMES", 10)
    (reason,) = recorded(tmp_path / "own", Person(), inputs=(film,))["failed"].values()
    assert "more than 10 frames" in reason
    with pytest.raises(CallError, match="the one emotion that they show"):
        recorded(tmp_path / "own", Person(), inputs=(film,), labels=())


@pytest.mark.parametrize("consent", [None, "", "   "])
def test_without_consent_nothing_is_opened_and_nothing_written(consent, film, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "open_camera", None)
    monkeypatch.setattr(module, "read_gray", None)
    for inputs in ((), (film,)):
        with pytest.raises(CallError, match="no consent"):
            recorded(tmp_path / "own", Person(""), consent=consent, inputs=inputs)
    assert not (tmp_path / "own").exists()


def test_nobody_at_the_terminal_is_told_which_option_answers(film, tmp_path):
    with pytest.raises(CallError, match="--consent"):
        recorded(tmp_path / "own", Console(quiet=True), consent=None, inputs=(film,))


def test_a_camera_take_by_take_as_the_person_wants(film_camera, tmp_path):
    film_camera(takes=4)
    person = Person("A. B.", "again", "what?", "", "s", "K")
    labels = ("surprise", "fear", "anger")
    result = recorded(tmp_path / "own", person, labels=labels, consent=None, unasked=False)
    assert result["kept"] == ["S001_001", "S001_002"]
    assert [one.label for one in ckplus.scan(tmp_path / "own")] == ["surprise", "anger"]
    assert json.loads(next((tmp_path / "own").rglob("*.json")).read_text())["consent"].endswith("Agreed by: A. B.")
    assert not (tmp_path / "own/review.png").exists()
    assert not person.answers


def test_a_camera_that_is_unplugged_leaves_what_was_kept(film_camera, tmp_path):
    film_camera(takes=2, unplugged_after_s=9)
    person = Person()
    result = recorded(tmp_path / "own", person, labels=("surprise", "fear"))
    assert result["kept"] == ["S001_001"]
    assert result["failed"] == {"camera:0": "camera:0: gave no more pictures; plug it in"}
    assert person.warned == ["camera:0: gave no more pictures; plug it in"]
    assert [one.label for one in ckplus.scan(tmp_path / "own")] == ["surprise"]


def test_a_camera_that_never_worked_is_an_error(film_camera, tmp_path):
    film_camera(takes=2, unplugged_after_s=0.5)
    with pytest.raises(DataError, match="camera:0: gave no more pictures"):
        recorded(tmp_path / "own", Person())
    assert not (tmp_path / "own").exists()


def test_what_the_detector_sees_is_told_with_what_to_do(faces):
    gray = cv2.cvtColor(faces[0], cv2.COLOR_BGR2GRAY)
    box = module._Studio(module.load_pipeline("anchored")).look(gray)
    told, good = seen(gray, box)
    assert good
    assert told.startswith("face ")
    assert seen(gray // 4, box) == (f"face {box.right - box.left} pixels wide, light {int((gray // 4).mean())} of 255: "
                                    "more light", False)  # fmt: skip
    assert seen(gray, box._replace(left=-5))[0].endswith("to the middle, please")
    assert seen(gray, box._replace(right=box.left + 50))[0].endswith("come nearer")


def test_who_is_forgotten_is_gone_and_what_still_holds_them_is_named(film, tmp_path, console):
    own, store = tmp_path / "p/own", tmp_path / "p/s.h5"
    for subject in ("S001", "S002"):
        recorded(own, Person(), inputs=(film,), subject=subject)
    fast = tmp_path / "fast.toml"
    fast.write_text('[detector]\nkind = "whole_frame"\n[faces]\nside_px = 32\n[motion]\nerosion_px = 1\n')
    preprocess(own, pipeline=str(fast), out=store, jobs=1, console=console)
    run = made_run(tmp_path / "p/run", store, train=["S002_001"], test=["S001_001"])
    made_run(tmp_path / "p/other", None, train=["S002_001"], test=["S001_001"])
    made_run(tmp_path / "p/without", store, train=["S003_001"], test=["S001_001"])
    person = Person("n", "y")
    with pytest.raises(CallError, match="nothing is deleted"):
        forget("S002", data=own, search=(), unasked=False, console=person)
    assert holds(own, "S002")
    result = forget("S002", data=own, search=(), unasked=False, console=person)
    assert (result["n_deleted"], holds(own, "S002"), holds(own, "S001")) == (1, False, True)
    # both films are the same: the store holds these frames twice, and S001's stay where they are
    assert [item["path"] for item in result["stores"]] == [str(store)]
    told = {item["path"]: item["what"] for item in result["runs"]}
    assert list(told) == [str(tmp_path / "p/other"), str(run)]
    assert "its model learned from" in told[str(run)]
    assert "may be another person" in told[str(tmp_path / "p/other")]
    again = forget("S002", data=own, search=(tmp_path / "p",), unasked=True, console=person)
    assert (again["n_deleted"], again["stores"], again["runs"]) == (0, result["stores"], result["runs"])


def made_run(folder, store, *, train, test):
    from ckseq.storage.run_record import write_run
    from ckseq.storage.store import open_store

    digest = "unknown"
    if store:
        with open_store(store) as opened:
            digest = opened.digest
    folds = [{"number": 0, "test": test}]
    write_run(folder, made_runs.made_run(train_only=train, folds=folds, store={"digest": digest}))
    return folder


def test_who_is_not_known_is_told(film, tmp_path, console):
    recorded(tmp_path / "own", Person(), inputs=(film,))
    with pytest.raises(CallError, match="knows no subject S007"):
        forget("S007", data=tmp_path / "own", search=(), unasked=True, console=console)
    with pytest.raises(CallError, match="was not recorded with ckseq"):
        forget("S001", data=tmp_path, search=(), unasked=True, console=console)
