from types import SimpleNamespace

import pytest

from ckseq import registry
from ckseq.config import Config
from ckseq.console import Console
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import CallError, DataError
from ckseq.signal.faces import Box
from ckseq.tasks.bench import bench
from ckseq.tasks.bench_detectors import Agreement, agreement, spread
from ckseq.twin.tree import TwinConfig, plan, write


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    write(plan(TwinConfig(n_subjects=1))[0], folder)
    return folder


def test_agreement_is_that_of_the_largest_boxes():
    large, small = Box(0, 0, 40, 40, 1.0), Box(50, 50, 60, 60, 2.0)
    half, far = Box(20, 0, 60, 40, 1.0), Box(90, 90, 99, 99, 1.0)
    one = [[large, small], [large], [large], [], [large]]
    other = [[large], [half], [far], [large], []]
    # frame by frame: equal; 20 of 60 columns in common; nothing in common; and two that only one of them sees
    assert agreement(one, other, [(100, 100)] * 5) == Agreement(3, round((1 + 1 / 3) / 3, 3), 1)
    assert agreement([[]], [[large]], [(100, 100)]) == Agreement(0, None, 0)


def test_frames_are_spread_over_the_whole_data_set(tree):
    everything = [one.paths[0] for one in spread(tree, 10**6)]
    assert [one.paths[0] for one in spread(tree, 3)] == [
        everything[0], everything[round((len(everything) - 1) / 2)], everything[-1]
    ]  # fmt: skip


def test_nothing_to_measure_on(tmp_path):
    with pytest.raises(DataError):
        spread(tmp_path, 3)


def test_detectors_are_measured_on_the_same_frames(tree, monkeypatch, capsys):
    load = registry.load

    def missing(image):
        raise CallError("mtcnn needs the package mtcnn", fix="pip install it")

    without = SimpleNamespace(SPEC=DetectorSpec(Config, lambda config: missing))
    monkeypatch.setattr(
        registry, "load", lambda room, name, **rest: without if name == "mtcnn" else load(room, name, **rest)
    )
    result = bench("detectors", data=tree, frames=4, jobs=1, console=Console())
    assert result["n_frames"] == 4
    for name in ("blazeface", "dlib_hog", "opencv_haar"):
        assert result["detectors"][name]["n_hits"] == result["detectors"][name]["n_faces"] == 4
        assert result["detectors"][name]["ms_a_frame"] > 0
    assert len(result["agreement"]) == 3
    for pair in result["agreement"].values():
        assert pair["n_both"] == pair["n_same"] == 4
        assert 0.5 < pair["mean_iou"] < 1
    assert result["left_out"] == {"mtcnn": "mtcnn needs the package mtcnn; pip install it"}
    assert "the same one in 4" in capsys.readouterr().out
