"""A recorded data set: complete clips with their consent, and subjects that are deleted completely."""

import json

import cv2
import numpy as np
import pytest

from ckseq.errors import CallError, DataError
from ckseq.sources import ckplus
from ckseq.storage import recorded
from ckseq.storage.frames import fingerprint, read_gray
from ckseq.storage.recorded import Clip

FRAMES = [np.full((6, 8), level, np.uint8) for level in range(10, 17)]
SHEET = np.zeros((4, 4), np.uint8)


def write(root, subject="S001", label="surprise", consent="I agree. A. B."):
    recorded.create_data_set(root)
    clip = Clip(subject, label, FRAMES, consent, "camera:0", SHEET)
    return recorded.add_clip(root, clip, when="2026-01-02T03:04:05+00:00", version="1")


def test_a_clip_is_a_recording_of_ckplus_to_the_pixel(tmp_path):
    assert [write(tmp_path), write(tmp_path, label="anger"), write(tmp_path, "S004")] == [
        "S001_001",
        "S001_002",
        "S004_001",
    ]
    found = ckplus.scan(tmp_path)
    assert [(one.id, one.subject, one.label) for one in found] == [
        ("S001_001", "S001", "surprise"),
        ("S001_002", "S001", "anger"),
        ("S004_001", "S004", "surprise"),
    ]
    np.testing.assert_array_equal(np.stack(list(read_gray(found[0].frames))), np.stack(FRAMES))
    assert {problem.what for problem in ckplus.problems(tmp_path)} == {"there are no FACS", "there are no Landmarks"}


def test_the_consent_stands_with_the_data(tmp_path):
    write(tmp_path)
    said = json.loads((tmp_path / "Consent/S001/001/S001_001_consent.json").read_text())
    assert said["consent"] == "I agree. A. B."
    assert said["when"] == "2026-01-02T03:04:05+00:00"
    assert (said["label"], said["source"], said["n_frames"]) == ("surprise", "camera:0", 7)


@pytest.mark.parametrize("consent", ["", "  \n"])
def test_without_consent_nothing_is_written(tmp_path, consent):
    with pytest.raises(CallError, match="without consent"):
        write(tmp_path, consent=consent)
    assert [path.name for path in tmp_path.iterdir()] == ["ABOUT.txt"]


def test_a_clip_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    write(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    encode = cv2.imencode

    def full(ending, image):
        if image.max() == 14:
            raise OSError(28, "No space left on device")
        return encode(ending, image)

    monkeypatch.setattr(cv2, "imencode", full)
    with pytest.raises(DataError, match="No space left on device; free some space"):
        write(tmp_path)
    assert [path for path in sorted(tmp_path.rglob("*")) if path.is_file()] == [p for p in before if p.is_file()]
    monkeypatch.undo()
    assert write(tmp_path) == "S001_002"


def test_a_subject_is_deleted_completely_and_its_number_is_not_used_again(tmp_path):
    for subject in ("S001", "S002"):
        write(tmp_path, subject)
    digests = [fingerprint(frames) for frames in recorded.clips_of(tmp_path, "S002").values()]
    recorded.delete_subject(tmp_path, "S002", digests=digests, when="2026-01-03T00:00:00+00:00")
    assert not recorded.has_subject(tmp_path, "S002")
    assert not [path for path in tmp_path.rglob("*") if "S002" in path.name]
    assert [one.id for one in ckplus.scan(tmp_path)] == ["S001_001"]
    assert recorded.read_forgotten(tmp_path)["S002"]["digests"] == digests
    assert recorded.next_subject(tmp_path) == "S003"


def test_a_link_in_the_place_of_a_subject_is_removed_and_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "f.txt").write_text("x")
    root = tmp_path / "data"
    write(root)
    (root / "Emotion/S009").symlink_to(precious)
    recorded.delete_subject(root, "S009", digests=[], when="now")
    assert not (root / "Emotion/S009").exists()
    assert (precious / "f.txt").is_file()


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "cohn-kanade-images").mkdir()
    with pytest.raises(CallError, match="not recorded with ckseq"):
        recorded.check_target(tmp_path)
    recorded.check_target(tmp_path / "new")


@pytest.mark.parametrize("subject", ["Anna", "S1", "S0012", "S01/", "../S001", ""])
def test_a_subject_is_a_number_not_a_name(subject):
    with pytest.raises(CallError, match="S and three digits"):
        recorded.check_subject(subject)


@pytest.mark.parametrize("text", ["{", "[]", "\xff", '{"S001": 1}'])
def test_a_damaged_note_of_who_was_forgotten_is_one_line(tmp_path, text):
    (tmp_path / "forgotten.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=r"forgotten\.json"):
        recorded.read_forgotten(tmp_path)


@pytest.mark.parametrize("text", ["", "code,label\n7,joy\n", "code,label\n8,\n", "code,label\nx,joy\n", "label\n8\n"])
def test_a_damaged_table_of_labels_is_one_line(tmp_path, text):
    write(tmp_path)
    (tmp_path / "labels.csv").write_text(text)
    with pytest.raises(DataError, match=r"labels\.csv: is not a table of codes and labels; write code,label"):
        ckplus.scan(tmp_path)
