import pickle
import tracemalloc

import numpy as np
import pytest
from made_stores import made_recordings, make_store

from ckseq.errors import DataError
from ckseq.recording import ImageFiles, Recording
from ckseq.signal.sequence import SequenceConfig, pad, resample
from ckseq.storage.store import open_store
from ckseq.storage.store_writer import Prepared
from ckseq.storage.streaming import stream

LENGTHS = (7, 3, 5)
RNG = np.random.default_rng(0)
BLOBS = [RNG.random((n, 9, 13)) > 0.5 for n in LENGTHS]
HALVED = [RNG.random((n, 5, 7, 2), dtype=np.float32) for n in LENGTHS]


def recordings(count=3, side=None):
    for i in range(count):
        recording = Recording(f"S{i:03}_001", f"S{i:03}", "001", "fear", ImageFiles(()))
        blobs = BLOBS[i] if side is None else np.ones((4, side, side), bool)
        projections = np.zeros((len(blobs), 2, 4), np.float32)
        arrays = {"projections": projections, "blobs": blobs, "halved": HALVED[i % 3][: len(blobs)]}
        yield Prepared(recording, "d", "s", len(blobs) + 1, 0, arrays)


def streamed(path, input="blobs", **config):
    with open_store(path) as store:
        return stream(store, store.entries, input, SequenceConfig(**config))


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store"), recordings())


def test_rows_are_read_as_those_of_an_array_padded_and_float32(path):
    x = streamed(path)
    expected = np.stack([pad(one, length_frames=7) for one in BLOBS])[..., np.newaxis].astype(np.float32)
    assert (x.shape, x.ndim, len(x)) == ((3, 7, 9, 13, 1), 5, 3)
    whole = np.asarray(x)
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, expected)
    for rows in ([2, 0, 2], slice(1, 9), np.array([1])):
        np.testing.assert_array_equal(np.asarray(x[rows]), expected[rows])
    np.testing.assert_array_equal(np.asarray(x[[2, 0]][1:]), expected[[0]])


def test_channels_and_policies_are_kept(path):
    x = streamed(path, "halved", length_frames=4, overflow="resample", short="stretch")
    np.testing.assert_array_equal(np.asarray(x), np.stack([resample(one, length_frames=4) for one in HALVED]))


def test_a_process_may_be_given_one(path):
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(streamed(path)))), np.asarray(streamed(path)))


def test_what_is_missing_is_told_before_anything_is_read(tmp_path):
    path = make_store(tmp_path, made_recordings(1))
    with pytest.raises(DataError, match="it has no halved"):
        streamed(path, "halved")


def test_frames_of_two_sizes_are_told(tmp_path):
    path = make_store(tmp_path, [*recordings(1), *list(recordings(2, side=8))[1:]])
    with pytest.raises(DataError, match=r"frames of 2 sizes: \[\(8, 8\), \(9, 13\)\]"):
        streamed(path)


def test_memory_is_that_of_a_batch_however_many_sequences_there_are(tmp_path):
    peaks = []
    for count in (4, 40):
        x = streamed(make_store(tmp_path / str(count), recordings(count, side=100)))
        tracemalloc.start()
        for begin in range(0, count, 2):
            np.asarray(x[begin : begin + 2])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    batch = 2 * 4 * 100 * 100 * 4
    assert batch < peaks[0] < 3 * batch
    assert peaks[1] < 1.1 * peaks[0]


def test_a_batch_reads_no_attributes_again(tmp_path, monkeypatch):
    """They were compared with their checksums when the sequences were chosen; the data are at every reading."""
    path = make_store(tmp_path, made_recordings())
    with open_store(path) as store:
        asked = stream(store, store.entries[:4], "projections", SequenceConfig(length_frames=9, overflow="resample"))
    monkeypatch.setattr("ckseq.storage.store.recording_checksum", None)
    assert np.asarray(asked).shape[0] == 4
