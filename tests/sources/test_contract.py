"""What every source promises; a new one needs a tree here."""

import cv2
import numpy as np
import pytest
from made_stills import write_fer2013

from ckseq import registry
from ckseq.contracts.check import run_checks
from ckseq.contracts.sources import SourceContract
from ckseq.preprocessing.data_set import find_source
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
def test_a_source_keeps_its_contract(name, source, content, tmp_path):
    TREES[name](tmp_path, content)
    for checked in run_checks(SourceContract(source, tmp_path).checks):
        assert checked == (checked.what, "")
    found = source.scan(tmp_path)
    assert len(found) == 2
    assert all(recording.n_frames for recording in found)


def test_it_is_the_only_one_to_recognize_its_tree(name, source, tmp_path):
    TREES[name](tmp_path, PNG)
    assert find_source(tmp_path, None) is source
    assert isinstance(source, SourceSpec)
    assert source.name == name
    assert "\n" not in source.looks_for
