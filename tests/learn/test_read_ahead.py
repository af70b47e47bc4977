import threading

import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.learn import read_ahead
from ckseq.learn.read_ahead import batches

ROWS = [np.array([4, 0]), np.array([1, 3]), np.array([2])]


class OnDisk:
    """Rows that say when and by whom they are read."""

    def __init__(self, array, log, rows=None):
        self.array, self.log, self.rows = array, log, rows
        self.shape = array.shape

    def __getitem__(self, rows):
        return OnDisk(self.array, self.log, rows)

    def __len__(self):
        return len(self.rows)

    def __array__(self, dtype=None, copy=None):
        self.log.append((self.rows.tolist(), threading.current_thread().name))
        if 3 in self.rows and self.array[3, 0] < 0:
            raise DataError("is gone")
        return self.array[self.rows]


@pytest.fixture
def array():
    return np.arange(10.0, dtype=np.float32).reshape(5, 2)


def test_the_next_batch_is_read_before_this_one_is_done_with(array):
    log = []
    found = batches(OnDisk(array, log), ROWS)
    np.testing.assert_array_equal(next(found), array[[4, 0]])
    for rows in ROWS[1:]:
        np.testing.assert_array_equal(next(found), array[rows])
    assert next(found, None) is None
    assert [rows for rows, _ in log] == [rows.tolist() for rows in ROWS]
    assert all(name.startswith("read ahead") for _, name in log)


def test_an_array_and_what_is_too_large_are_not_read_ahead(array, monkeypatch):
    for one, rows in zip(batches(array, ROWS), ROWS, strict=True):
        np.testing.assert_array_equal(one, array[rows])
    monkeypatch.setattr(read_ahead, "_MOST_BYTES", 15)
    log = []
    assert all(isinstance(one, OnDisk) for one in batches(OnDisk(array, log), ROWS))
    assert log == []


def test_an_error_in_reading_is_the_same_error(array):
    array[3] = -1
    found = batches(OnDisk(array, []), ROWS)
    next(found)
    with pytest.raises(DataError, match="is gone"):
        next(found)
    before = {thread.name for thread in threading.enumerate()}
    assert not any(name.startswith("read ahead") for name in before)


def test_whoever_stops_in_between_leaves_no_thread(array):
    found = batches(OnDisk(array, []), ROWS)
    next(found)
    found.close()
    assert not any(thread.name.startswith("read ahead") for thread in threading.enumerate())
