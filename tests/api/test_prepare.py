"""Frames and data sets to arrays: the same arrays as the command line writes, and nothing printed."""

import cv2
import numpy as np
import pytest

import ckseq
from ckseq.cli.main import cli

PIPELINE = {"detector.kind": "whole_frame", "faces.side_px": 32}


def called(*words):
    return cli.main([str(word) for word in words], standalone_mode=False)


def test_a_data_set_is_listed(twin):
    data = ckseq.scan(twin)
    assert (len(data), data.source, data.problems) == (12, "ckplus", ())
    assert data[0].label in ("happiness", "surprise")
    assert [one.id for one in data] == sorted(one.id for one in data)
    assert data[2:4] == (data[2], data[3])
    assert "<td>surprise</td><td>6</td>" in data._repr_html_()


def test_frames_become_the_arrays_of_a_recording(moving_texture, tmp_path, capfd):
    for number, frame in enumerate(moving_texture):
        cv2.imwrite(str(tmp_path / f"clip_{number:03}.png"), frame)
    (tmp_path / "manifest.csv").write_text("path,subject,session,label\n.,S1,1,joy\n")
    from_pixels = ckseq.prepare(moving_texture, pipeline="paper", settings=PIPELINE)
    (from_files,) = ckseq.prepare(ckseq.scan(tmp_path), pipeline="paper", settings=PIPELINE).values()
    assert from_pixels.keys() == from_files.keys()
    for name, array in from_pixels.items():
        np.testing.assert_array_equal(array, from_files[name])
    assert from_pixels["projections"].shape == (11, 2, 32)
    # the mean of the columns and of the rows of the blobs, computed here
    blobs = from_pixels["blobs"].astype(float)
    np.testing.assert_allclose(from_pixels["projections"], np.stack([blobs.mean(1), blobs.mean(2)], 1), atol=1e-6)
    in_color = ckseq.prepare(list(np.stack([moving_texture] * 3, -1)), pipeline="paper", settings=PIPELINE)
    np.testing.assert_array_equal(in_color["projections"], from_pixels["projections"])
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "there is nothing to prepare"),
        (np.zeros((3, 9, 9)), r"frame 0: is of shape \(9, 9\) and type float64; frames are \(h, w\)"),
        (np.zeros((3, 9, 9, 2), np.uint8), r"shape \(9, 9, 2\)"),
        (np.zeros((3, 0, 9), np.uint8), "frame 0"),
    ],
)
def test_what_is_no_frame_is_refused(data, message):
    with pytest.raises(ckseq.CallError, match=message):
        ckseq.prepare(data, pipeline="paper", settings=PIPELINE)


@pytest.fixture(scope="module")
def store(twin, tmp_path_factory):
    """The store that the command line makes of the twin."""
    out = tmp_path_factory.mktemp("store") / "ck.h5"
    called("preprocess", twin, "--pipeline", "fast", "--out", out, "--jobs", 2, "--quiet")
    return out


def test_arrays_in_memory_are_those_of_the_store(twin, store):
    progress = []
    prepared = ckseq.prepare(ckseq.scan(twin), pipeline="fast", jobs=2, progress=lambda *now: progress.append(now))
    assert progress[-1] == ("recordings", 12, 12)
    assert (len(prepared), prepared.failed) == (12, {})
    with ckseq.open_store(store) as opened:
        for entry in opened.entries:
            np.testing.assert_array_equal(prepared[entry.id]["projections"], opened.projections(entry.id))
            np.testing.assert_array_equal(prepared[entry.id]["boxes"], opened.boxes(entry.id))
    assert "12 recordings by the pipeline fast" in prepared._repr_html_()
    for one, other in zip(ckseq.load_xy(prepared), ckseq.load_xy(store), strict=True):
        np.testing.assert_array_equal(one, other)


def test_preprocess_writes_the_bytes_of_the_command_line(twin, store, tmp_path, capfd):
    n_threads = cv2.getNumThreads()
    with ckseq.preprocess(twin, out=tmp_path / "own.h5", pipeline="fast", jobs=1) as own:
        assert "6 subjects" in own._repr_html_()
    assert (tmp_path / "own.h5").read_bytes() == store.read_bytes()
    assert cv2.getNumThreads() == n_threads
    assert capfd.readouterr() == ("", "")


def test_recordings_that_fail_are_listed(tmp_path):
    for name, content in (("good", True), ("bad", False)):
        (tmp_path / name).mkdir()
        for number in range(3):
            path = tmp_path / name / f"{number}.png"
            cv2.imwrite(str(path), np.full((40, 40), 30 * number, np.uint8)) if content else path.write_bytes(b"text")
    (tmp_path / "manifest.csv").write_text("path,subject,session,label\ngood,S1,1,joy\nbad,S2,1,joy\n")
    prepared = ckseq.prepare(ckseq.scan(tmp_path), pipeline="paper", settings=PIPELINE)
    assert list(prepared) == ["S1_1"]
    assert "is not an image" in prepared.failed["S2_1"]
    assert "<td>failed</td>" in prepared._repr_html_()
    with pytest.raises(ckseq.DataError, match="none of 1 recordings could be prepared"):
        ckseq.prepare([one for one in ckseq.scan(tmp_path) if one.subject == "S2"], pipeline="paper", settings=PIPELINE)
