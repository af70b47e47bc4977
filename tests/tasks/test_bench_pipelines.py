from pathlib import Path

import numpy as np
import pytest

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.recording import ImageFiles, Recording
from ckseq.sources.ckplus import scan
from ckseq.storage.store import open_store
from ckseq.tasks.bench_pipelines import PIPELINES, bench_pipelines
from ckseq.twin.tree import TwinConfig, plan, write


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("twin")
    for one in plan(TwinConfig(n_subjects=1))[:2]:
        write(one, folder)
    return [
        Recording(one.id, one.subject, one.session, one.label, ImageFiles(one.frames.paths[-4:]))
        for one in scan(folder)
    ]


def test_pipelines_are_measured_against_decoding_on_the_same_frames(recordings, tmp_path):
    found = bench_pipelines(recordings, tmp_path, jobs=1, console=Console(quiet=True))
    assert (found["n_frames"], found["cores"]) == (8, 1)
    rows = found["pipelines"]
    assert list(rows) == ["decoding alone", *PIPELINES]
    assert rows.pop("decoding alone")["times_decoding"] == 1
    # each of them decodes every frame, and then some
    assert all(row["times_decoding"] > 1 for row in rows.values())
    with open_store(tmp_path / "fast.h5") as fast, open_store(tmp_path / "anchored, BlazeFace.h5") as anchored:
        for entry in fast.entries:
            whole, half = anchored.projections(entry.id), fast.projections(entry.id)
            assert (whole.shape[2], half.shape[2]) == (267, 134)
            pairs = (whole[:, :, :-1:2] + whole[:, :, 1::2]) / 2
            assert np.corrcoef(pairs.ravel(), half[:, :, :133].ravel())[0, 1] > 0.9
            assert anchored.has(entry.id, "blobs")
            assert not fast.has(entry.id, "blobs")


def test_a_recording_that_fails_ends_the_measurement(recordings, tmp_path):
    short = [Recording("one", "a", "1", None, ImageFiles(recordings[0].frames.paths[:1]))]
    with pytest.raises(DataError, match=r"one cannot be prepared by anchored: 1 frame"):
        bench_pipelines(short, Path(tmp_path), jobs=1, console=Console(quiet=True))
