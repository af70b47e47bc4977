"""What every source promises; a new one needs a tree here."""

import re

import cv2
import numpy as np
import pytest
from made_stills import write_fer2013

from ckseq import registry
from ckseq.errors import CkseqError
from ckseq.preprocessing.data_set import find_source
from ckseq.recording import Problem, Recording
from ckseq.sources._spec import SourceSpec

PNG = cv2.imencode(".png", np.zeros((8, 8), np.uint8))[1].tobytes()
# not yet images: a scan must not read them
EMPTY = b""


def ckplus(root, content):
    for session in ("001", "002"):
        for number in (1, 2, 3):
            put(root / f"cohn-kanade-images/S005/{session}/S005_{session}_{number:08d}.png", content)
        put(root / f"Emotion/S005/{session}/S005_{session}_00000003_emotion.txt", b"   1.0000000e+00\n")


def manifest(root, content):
    for name in ("b", "a"):
        put(root / name / "f1.png", content)
        put(root / name / "f2.png", content)
    put(root / "manifest.csv", b"path,subject,session,label\nb,S2,1,joy\na,S1,1,\n")


def class_folders(root, content):
    for label in ("joy", "anger"):
        put(root / label / "S1_take/f1.png", content)
        put(root / label / "S1_take/f2.png", content)


def fer2013(root, content):
    write_fer2013(root / "fer2013.csv", per_class=1, codes=(0, 3))


TREES = {"ckplus": ckplus, "manifest": manifest, "class_folders": class_folders, "fer2013": fer2013}


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_every_source_is_held_to_this_contract():
    assert set(TREES) == set(registry.names("sources"))


@pytest.fixture(params=registry.names("sources"))
def name(request):
    return request.param


@pytest.fixture
def source(name):
    return registry.load("sources", name).SPEC


@pytest.mark.parametrize("content", [PNG, EMPTY], ids=["images", "no pixel is read"])
def test_scan_is_sorted_deterministic_and_reads_no_pixel(name, source, content, tmp_path):
    TREES[name](tmp_path, content)
    found = source.scan(tmp_path)
    assert found == source.scan(tmp_path)
    assert all(isinstance(recording, Recording) for recording in found)
    ids = [recording.id for recording in found]
    assert ids == sorted(set(ids))
    assert len(ids) == 2
    assert all(re.fullmatch(r"[\w.-]+", ident) for ident in ids)
    assert all(recording.n_frames for recording in found)
    assert all(recording.subject and recording.session for recording in found)
    assert all(isinstance(problem, Problem) and problem.remedy for problem in source.problems(tmp_path))


def test_it_is_the_only_one_to_recognize_its_tree(name, source, tmp_path):
    TREES[name](tmp_path, PNG)
    assert find_source(tmp_path, None) is source
    assert isinstance(source, SourceSpec)
    assert source.name == name
    assert "\n" not in source.looks_for


def test_what_it_does_not_know_is_one_clear_line(source, tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        assert not source.recognizes(root)
        with pytest.raises(CkseqError) as caught:
            source.scan(root)
        assert caught.value.fix
        assert caught.value.where
        assert "\n" not in str(caught.value)
