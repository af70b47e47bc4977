import json
import os
import shutil
import zlib
from dataclasses import replace

import h5py
import numpy as np
import pytest
from made_stores import made_recordings, make_store_of_many

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.signal.sequence import SequenceConfig
from ckseq.storage import store_shards
from ckseq.storage.store import open_store
from ckseq.storage.store_entry import root_checksum
from ckseq.storage.store_shards import folder_of
from ckseq.storage.streaming import stream
from ckseq.tasks.verify import verify


@pytest.fixture(scope="module")
def made():
    return list(made_recordings(4))


@pytest.fixture(scope="module")
def original(tmp_path_factory, made):
    return make_store_of_many(tmp_path_factory.mktemp("many"), made)


@pytest.fixture
def path(tmp_path, original):
    copy = tmp_path / "copy" / original.name
    shutil.copytree(folder_of(original), folder_of(copy))
    shutil.copy(original, copy)
    return copy


def shards(path):
    return sorted(folder_of(path).iterdir())


def everything(path, *, listing=True):
    with open_store(path, listing=listing) as store:
        return [(entry, store.projections(entry.id).tobytes()) for entry in store.entries]


def test_many_files_are_read_as_one(path, made):
    expected = {one.recording.id: one.arrays for one in made}
    with open_store(path) as store:
        assert [entry.id for entry in store.entries] == sorted(expected)
        for entry in store.entries:
            assert entry.n_steps == len(expected[entry.id]["projections"])
            np.testing.assert_array_equal(store.projections(entry.id), expected[entry.id]["projections"])
            np.testing.assert_array_equal(store.blobs(entry.id), expected[entry.id]["blobs"])
            assert store.frame_shape(entry.id, "projections") == (2, 10)
            assert store.stored_bytes(entry.id, "projections") > 0
        assert not store.has("nobody", "projections")
        with pytest.raises(DataError, match="no such recording"):
            store.projections("nobody")
        assert store.verify() == []
    assert len(shards(path)) == 3


def test_rows_are_streamed_from_all_files(path, made):
    with open_store(path) as store:
        entries = store.entries
        x = stream(store, entries, "projections", SequenceConfig(length_frames=9, overflow="resample"))
        whole = np.asarray(x)
    rows = [12, 0, 7, 3]
    np.testing.assert_array_equal(np.asarray(x[rows]), whole[rows])


def test_a_store_that_takes_the_place_of_another_is_read_anew(path, made):
    """Although batches keep what finds recordings."""
    first = everything(path, listing=False)
    fewer = make_store_of_many(path.parent / "fewer", made[2:])
    shutil.rmtree(folder_of(path))
    folder_of(fewer).rename(folder_of(path))
    fewer.replace(path)
    assert everything(path, listing=False) == [one for one in first if one[0].id in {m.recording.id for m in made[2:]}]


def test_no_more_files_are_open_than_a_few(path, monkeypatch):
    monkeypatch.setattr(store_shards, "_MOST_OPEN", 1)
    with open_store(path) as store:
        for entry in (*store.entries, *reversed(store.entries)):
            store.projections(entry.id)
            assert len(store.shards._open) == 1


def test_the_same_bytes_whatever_the_order_the_parts_were_made_in(tmp_path, original, made):
    other = make_store_of_many(tmp_path, made, order=lambda one: one.recording.id[::-1])
    assert [file.read_bytes() for file in (other, *shards(other))] == [
        file.read_bytes() for file in (original, *shards(original))
    ]


def test_a_file_that_is_missing_is_named_with_what_to_do(path):
    gone = shards(path)[1]
    gone.unlink()
    with open_store(path) as store:
        first, last = store.entries[0].id, store.entries[5].id
        store.projections(first)
        with pytest.raises(DataError, match=rf"{gone.name}: is missing, and 5 recordings of store.h5 with it; bring"):
            store.projections(last)
    found = verify([path], console=Console(quiet=True))
    assert found["failed"] == 1
    shutil.rmtree(folder_of(path))
    with open_store(path) as store, pytest.raises(DataError, match=r"bring store\.h5\.shards back"):
        store.projections(first)


def test_two_files_that_were_exchanged_are_noticed(path):
    one, other, _ = shards(path)
    one.rename(path.with_name("aside"))
    other.rename(one)
    path.with_name("aside").rename(other)
    for listing in (True, False):
        with pytest.raises(DataError, match=r"is another file than store\.h5 names|has not the size"):
            everything(path, listing=listing)


def test_a_file_of_another_store_in_its_place_is_noticed(path, tmp_path, made):
    """One of the same recordings, size and metadata, whose data are others."""
    changed = [replace(one, arrays={**one.arrays, "projections": one.arrays["projections"] / 2}) for one in made]
    other = make_store_of_many(tmp_path / "other", changed)
    for here, there in zip(shards(path), shards(other), strict=True):
        assert here.name != there.name
        shutil.copy(there, here)
    for listing in (True, False):
        with pytest.raises(DataError, match=r"has not the size|is another file than store\.h5 names"):
            everything(path, listing=listing)


def test_a_recording_that_was_exchanged_within_a_file_is_noticed(path):
    """Even where the file's own checksums were made to agree."""
    with h5py.File(shards(path)[0], "r+") as file:
        ids = list(file["recordings"])
        file.move(f"recordings/{ids[0]}", "recordings/aside")
        file.move(f"recordings/{ids[1]}", f"recordings/{ids[0]}")
        file.move("recordings/aside", f"recordings/{ids[1]}")
    os.truncate(shards(path)[0], open_size(path, 0))
    with pytest.raises(DataError):
        everything(path)
    assert verify([path], console=Console(quiet=True))["failed"]


def open_size(path, number):
    with open_store(path) as store:
        return store.shards.table[number].n_bytes


def test_no_flipped_bit_changes_anything_in_silence(path):
    """Neither in the index nor in a file; verify notices each that reading everything notices."""
    expected, rng, found = everything(path), np.random.default_rng(5), 0
    for file in (path, shards(path)[0]):
        good = file.read_bytes()
        for _ in range(20):
            bad = bytearray(good)
            bad[rng.integers(len(bad))] ^= 1 << rng.integers(8)
            file.write_bytes(bad)
            try:
                assert everything(path) == expected
            except DataError:
                found += 1
                assert verify([path], console=Console(quiet=True))["failed"]
        file.write_bytes(good)
    assert found > 5


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_what_is_cut_short_is_a_named_error(path, share):
    for file in (path, shards(path)[2]):
        good = file.read_bytes()
        file.write_bytes(good[: int(share * len(good))])
        with pytest.raises(DataError, match="overwrite"):
            everything(path)
        file.write_bytes(good)


@pytest.mark.parametrize("name", ["../../secret.h5", "/etc/passwd", "000000-0000000000000000.h5/x", "store.h5"])
def test_no_file_outside_the_folder_is_opened(path, name):
    """An attacker can make fitting checksums."""
    with h5py.File(path, "r+") as file:
        table = file["columns/shards.name"][...]
        text = np.frombuffer((name.encode() * 20)[: len(table)], np.uint8)
        file["columns/shards.name"][...] = text
        columns = json.loads(file.attrs["columns"])
        columns["shards.name"] = int(np.uint32(zlib.crc32(text.tobytes())))
        file.attrs["columns"] = json.dumps(columns)
        file.attrs["checksum"] = root_checksum(file)
    with open_store(path) as store, pytest.raises(DataError, match="names a file that no store has"):
        store.projections(store.entries[0].id)


def test_an_index_that_says_otherwise_than_its_files_is_noticed_by_verify(path):
    with h5py.File(path, "r+") as file:
        dataset = file["columns/n_frames"]
        array = dataset[...]
        array[3] += 1
        dataset[...] = array
        columns = json.loads(file.attrs["columns"])
        columns["n_frames"] = int(zlib.crc32(array.tobytes()))
        file.attrs["columns"] = json.dumps(columns)
        file.attrs["checksum"] = root_checksum(file)
    (check,) = verify([path], console=Console(quiet=True))["checks"]
    assert check["wrong"]
    assert "the index says otherwise than 000000-" in check["result"]


def test_a_file_of_many_is_a_store_of_its_own(path):
    with open_store(shards(path)[0]) as store:
        assert len(store.entries) == 5
        assert store.verify() == []
    # below a folder it counts as part of its store
    assert verify([path.parent], console=Console(quiet=True))["n_stores"] == 1
