import os

import numpy as np
import pytest

from ckseq.storage.cache import StageCache, trim

ARRAYS = {"crops": np.arange(60, dtype=np.uint8).reshape(3, 4, 5), "n_dropped": np.array(2)}


def never():
    raise AssertionError("it was there already")


def test_what_was_made_once_is_served_as_it_was(tmp_path):
    first, second = StageCache(tmp_path), StageCache(tmp_path)
    made = first.fetch("faces", "0f", lambda: ARRAYS)
    served = second.fetch("faces", "0f", never)
    for name, array in ARRAYS.items():
        assert served[name].dtype == array.dtype
        np.testing.assert_array_equal(served[name], array)
    assert made is ARRAYS
    assert (first.made["faces"], first.served["faces"]) == (1, 0)
    assert (second.made["faces"], second.served["faces"]) == (0, 1)
    assert StageCache(tmp_path).fetch("faces", "10", lambda: {"x": np.zeros(1)})["x"] == 0


@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "other"])
def test_a_damaged_entry_is_a_miss_and_is_computed_again(tmp_path, damage):
    StageCache(tmp_path).fetch("faces", "0f", lambda: ARRAYS)
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = {"cut": whole[:place], "empty": b"", "zeros": bytes(place + 4), "other": b"PK" * 50}
        path.write_bytes(damaged[damage])
        cache = StageCache(tmp_path)
        found = cache.fetch("faces", "0f", lambda: ARRAYS)
        np.testing.assert_array_equal(found["crops"], ARRAYS["crops"])
        assert cache.made["faces"] == 1
    cache = StageCache(tmp_path)
    np.testing.assert_array_equal(cache.fetch("faces", "0f", never)["crops"], ARRAYS["crops"])


def test_no_flipped_bit_ever_changes_a_result(tmp_path):
    StageCache(tmp_path).fetch("faces", "0f", lambda: ARRAYS)
    (path,) = tmp_path.rglob("*.npz")
    whole, misses = path.read_bytes(), 0
    for place in range(len(whole)):
        flipped = whole[place] ^ (1 << place % 8)
        path.write_bytes(whole[:place] + bytes([flipped]) + whole[place + 1 :])
        cache = StageCache(tmp_path)
        found = cache.fetch("faces", "0f", lambda: ARRAYS)
        assert found.keys() == ARRAYS.keys()
        for name, array in ARRAYS.items():
            assert found[name].dtype == array.dtype
            np.testing.assert_array_equal(found[name], array)
        misses += cache.made["faces"]
    # what is not noticed stands in the fields of the zip format that nothing reads, such as the time
    assert misses > 0.7 * len(whole)


def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path):
    (tmp_path / "faces").write_text("a file where a folder should be")
    assert StageCache(tmp_path).fetch("faces", "0f", lambda: ARRAYS) is ARRAYS


def test_what_was_not_asked_for_the_longest_goes_first(tmp_path):
    cache = StageCache(tmp_path)
    for number in range(4):
        cache.fetch("faces", f"{number:02}", lambda: ARRAYS)
        os.utime(tmp_path / "faces" / f"{number:02}.npz", (number, number))
    cache.fetch("faces", "00", never)
    size = (tmp_path / "faces" / "00.npz").stat().st_size
    assert trim(tmp_path, 2 * size) == 2 * size
    assert sorted(path.stem for path in tmp_path.rglob("*.npz")) == ["00", "03"]
    assert trim(tmp_path / "nowhere", 0) == 0
