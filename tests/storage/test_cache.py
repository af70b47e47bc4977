import multiprocessing
import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from ckseq.storage import cache as cache_module
from ckseq.storage.cache import ENTRIES, Cache, StageCache, remove_abandoned, remove_entries, size_of, trim

ARRAYS = {"crops": np.arange(60, dtype=np.uint8).reshape(3, 4, 5), "n_dropped": np.array(2)}


def cache_in(folder, limit_bytes=None):
    return StageCache(Cache(folder, limit_bytes))


def never():
    raise AssertionError("it was there already")


def test_what_was_made_once_is_served_as_it_was(tmp_path):
    first, second = cache_in(tmp_path), cache_in(tmp_path)
    made = first.fetch("faces", "0f", lambda: ARRAYS)
    served = second.fetch("faces", "0f", never)
    for name, array in ARRAYS.items():
        assert served[name].dtype == array.dtype
        np.testing.assert_array_equal(served[name], array)
    assert made is ARRAYS
    assert (first.made["faces"], first.served["faces"]) == (1, 0)
    assert (second.made["faces"], second.served["faces"]) == (0, 1)
    assert cache_in(tmp_path).fetch("faces", "10", lambda: {"x": np.zeros(1)})["x"] == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "other"])
def test_a_damaged_entry_is_a_miss_and_is_computed_again(tmp_path, damage):
    cache_in(tmp_path).fetch("faces", "0f", lambda: ARRAYS)
    (path,) = tmp_path.glob(ENTRIES)
    whole = path.read_bytes()
    for place in range(0, len(whole), 61):
        damaged = {"cut": whole[:place], "empty": b"", "zeros": bytes(place + 4), "other": b"PK" * 50}
        path.write_bytes(damaged[damage])
        cache = cache_in(tmp_path)
        found = cache.fetch("faces", "0f", lambda: ARRAYS)
        np.testing.assert_array_equal(found["crops"], ARRAYS["crops"])
        assert cache.made["faces"] == 1
    np.testing.assert_array_equal(cache_in(tmp_path).fetch("faces", "0f", never)["crops"], ARRAYS["crops"])


def test_a_flipped_bit_is_noticed_wherever_it_is(tmp_path):
    cache_in(tmp_path).fetch("faces", "0f", lambda: ARRAYS)
    (path,) = tmp_path.glob(ENTRIES)
    whole = path.read_bytes()
    for place in range(0, len(whole), 11):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ (1 << place % 8)]) + whole[place + 1 :])
        assert cache_module._read(path) is None, place
        assert not path.exists()


def test_an_entry_under_the_name_of_another_is_a_miss(tmp_path):
    for key, value in (("a", 1), ("b", 2)):
        cache_in(tmp_path).fetch("faces", key, lambda value=value: {"x": np.array(value)})
    shutil.copy(tmp_path / "faces" / "a.cached", tmp_path / "faces" / "b.cached")
    cache = cache_in(tmp_path)
    assert cache.fetch("faces", "b", lambda: {"x": np.array(2)})["x"] == 2
    assert cache.made["faces"] == 1


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path):
    (tmp_path / "faces").write_text("a file where a folder should be")
    assert cache_in(tmp_path).fetch("faces", "0f", lambda: ARRAYS) is ARRAYS
    assert cache_in(tmp_path / "faces" / "below", 10**9).fetch("faces", "0f", lambda: ARRAYS) is ARRAYS


def test_what_was_not_asked_for_the_longest_goes_first(tmp_path):
    cache = cache_in(tmp_path)
    for number in range(4):
        cache.fetch("faces", f"{number:02}", lambda: ARRAYS)
        os.utime(tmp_path / "faces" / f"{number:02}.cached", (number, number))
    cache.fetch("faces", "00", never)
    size = (tmp_path / "faces" / "00.cached").stat().st_size
    assert trim(tmp_path, 2 * size) == 2 * size
    assert sorted(path.stem for path in tmp_path.glob(ENTRIES)) == ["00", "03"]
    assert trim(tmp_path / "nowhere", 0) == 0


def test_a_cache_keeps_below_its_limit_by_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(cache_module, "_TRIM_EVERY_S", 0.0)
    cache_in(tmp_path).fetch("faces", "first", lambda: ARRAYS)
    size = size_of(tmp_path)[1]
    limited = cache_in(tmp_path, 3 * size)
    for number in range(8):
        limited.fetch("faces", f"{number:05}", lambda: ARRAYS)
    n_entries, n_bytes = size_of(tmp_path)
    assert (n_entries, n_bytes) == (3, 3 * size)
    limited.fetch("faces", "large", lambda: {"x": np.zeros(4 * size, np.uint8)})
    assert size_of(tmp_path) == (3, 3 * size)


def test_between_trims_nobody_measures_the_folder(tmp_path, monkeypatch):
    limited = cache_in(tmp_path, 10**6)
    limited.fetch("faces", "a", lambda: ARRAYS)
    monkeypatch.setattr(cache_module, "trim", never)
    limited.fetch("faces", "b", lambda: ARRAYS)
    assert size_of(tmp_path)[0] == 2


def test_a_disk_that_is_nearly_full_is_left_to_others(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**12, 10**12, cache_module._RESERVE_BYTES + 10))
    assert cache_in(tmp_path, 10**9).fetch("faces", "0f", lambda: ARRAYS) is ARRAYS
    assert size_of(tmp_path) == (0, 0)


def test_only_entries_are_removed_and_those_of_a_source_by_its_digest(tmp_path):
    for key in ("aa-1", "aa-2", "ab-1"):
        cache_in(tmp_path).fetch("faces", key, lambda: ARRAYS)
    (tmp_path / "thesis.txt").write_text("not a cached face")
    (tmp_path / "faces" / "photo.png").touch()
    assert remove_entries(tmp_path, ["aa", "a"]) == 2
    assert [path.stem for path in tmp_path.glob(ENTRIES)] == ["ab-1"]
    assert remove_entries(tmp_path) == 1
    assert (tmp_path / "thesis.txt").is_file()
    assert (tmp_path / "faces" / "photo.png").is_file()
    assert remove_entries(tmp_path / "nowhere") == 0


def test_what_killed_processes_left_is_removed_and_what_others_write_is_not(tmp_path):
    (tmp_path / "faces").mkdir()
    for name in (".old.x.tmp", ".new.x.tmp"):
        (tmp_path / "faces" / name).touch()
    os.utime(tmp_path / "faces" / ".old.x.tmp", (1, 1))
    remove_abandoned(tmp_path)
    assert [path.name for path in (tmp_path / "faces").iterdir()] == [".new.x.tmp"]


def use(folder, seed):
    """Ask for entries in a random order while others do, and while all are trimmed away again and again."""
    generator = np.random.default_rng(seed)
    cache_module._TRIM_EVERY_S = 0.0
    limited = cache_in(folder, 20_000)
    for _ in range(150):
        number = int(generator.integers(12))
        found = limited.fetch("faces", f"{number}", lambda number=number: {"x": np.full(500, number)})
        assert (found["x"] == number).all()
        assert len(found["x"]) == 500


@pytest.mark.slow
def test_several_processes_share_a_folder(tmp_path):
    processes = [multiprocessing.get_context("spawn").Process(target=use, args=(tmp_path, seed)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert trim(tmp_path, 20_000, ENTRIES) <= 20_000
    assert not list(tmp_path.rglob("*.tmp"))


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such permissions")
def test_faces_are_readable_by_their_owner_alone(tmp_path):
    cache_in(tmp_path / "cache", 10**9).fetch("faces", "0f", lambda: ARRAYS)
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
