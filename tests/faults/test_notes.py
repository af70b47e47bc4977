"""What is odd about the frames of a data set is named while it is prepared, and stands in the store."""

import cv2
import numpy as np
import pytest
from made_faults import class_folders, frames_of, prepare, recipe_in
from made_videos import write_video

from ckseq.console import Console
from ckseq.recording import Problem
from ckseq.storage.store import open_store
from ckseq.tasks.inspect import inspect


@pytest.fixture
def root(tmp_path):
    class_folders(tmp_path / "data")
    return tmp_path / "data"


def notes_of(root, tmp_path, **recipe):
    prepared = prepare(root, recipe_in(tmp_path, **recipe), tmp_path / "store.h5")
    with open_store(tmp_path / "store.h5") as store:
        return prepared, store.notes


def test_frames_of_two_sizes(root, tmp_path):
    cv2.imwrite(str(root / "anger" / "S1_a" / "3.png"), np.zeros((20, 24), np.uint8))
    _, notes = notes_of(root, tmp_path)
    assert notes == ["frames of different sizes in 1 recording: anger_S1_a"]
    prepared, _ = notes_of(root, tmp_path, policy="anchor")
    assert prepared.failed == ("anger_S1_a",)
    found = inspect(root, source=None, console=Console(quiet=True))["problems"]
    assert [(p["what"], p["where"]) for p in found] == [("its frames differ in size", "anger_S1_a: 24x20, 32x32")]


def test_a_foreign_image_in_a_sequence(root, tmp_path):
    cv2.imwrite(str(root / "fear" / "S1_b" / "portrait.png"), frames_of(9)[0])
    prepared, (note,) = notes_of(root, tmp_path)
    assert note.startswith("frames are named unlike the others of their sequence (fear_S1_b: portrait.png): ")
    assert note in prepared.said


def test_a_video_that_is_cut(root, tmp_path):
    path = write_video(root / "fear" / "S3_a.avi", frames_of(3, n=8, side=64), codec="MJPG")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * 0.9)])
    prepared, notes = notes_of(root, tmp_path)
    assert prepared["fear_S3_a"][2] < 8
    assert notes == ["fewer frames than the video announces in 1 recording: fear_S3_a"]


def test_a_problem_is_one_line():
    assert Problem("what", "a\n\x1b[31m\udcff", "remedy").where == r"a\n\x1b[31m\udcff"
