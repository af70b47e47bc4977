import errno

import h5py
import numpy as np
import pytest

from ckseq.errors import DataError
from ckseq.storage import hdf5
from ckseq.storage.hdf5 import write_hdf5


def build(file):
    for number in range(8):
        file.create_dataset(f"d{number}", data=np.full(5000, number, np.int32), chunks=(500,), compression="gzip")


class FullForAMoment:
    """A file whose disk is full from one write to another, as when somebody else's temporary file comes and goes."""

    def __init__(self, file, first, last):
        self._file, self._first, self._last, self._n = file, first, last, 0

    def write(self, data):
        self._n += 1
        if self._first <= self._n <= self._last:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


def n_writes(tmp_path, monkeypatch):
    guard = hdf5._Guarded

    class Counting(guard):
        n = 0

        def write(self, data):
            Counting.n += 1
            return super().write(data)

    monkeypatch.setattr(hdf5, "_Guarded", Counting)
    write_hdf5(tmp_path / "whole.h5", [build])
    monkeypatch.setattr(hdf5, "_Guarded", guard)
    return Counting.n


def test_a_disk_that_is_full_for_a_moment_is_an_error_and_never_zeros(tmp_path, monkeypatch):
    """The moment is tried at every write."""
    n, guard = n_writes(tmp_path, monkeypatch), hdf5._Guarded
    assert n > 5
    for first in range(1, n + 1):
        for length in (1, 3, n):
            monkeypatch.setattr(
                hdf5, "_Guarded", lambda file, f=first, n=length: guard(FullForAMoment(file, f, f + n - 1))
            )
            with pytest.raises(DataError, match="cannot be written: No space left on device"):
                write_hdf5(tmp_path / "torn.h5", [build])
            assert [path.name for path in tmp_path.iterdir()] == ["whole.h5"]


def test_what_is_written_is_a_plain_hdf5_file(tmp_path):
    write_hdf5(tmp_path / "a.h5", [build])
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert len(file) == 8
        np.testing.assert_array_equal(file["d7"][...], np.full(5000, 7))


def test_an_error_while_it_is_filled_leaves_nothing(tmp_path):
    def fail(file):
        build(file)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        write_hdf5(tmp_path / "a.h5", [fail])
    assert list(tmp_path.iterdir()) == []
