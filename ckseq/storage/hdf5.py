"""HDF5 files that are written whole or not at all, and read without following what they point to."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.files import write_file

CHECKSUM = "crc32"


class _Guarded:
    """A file that HDF5 writes to; the first failure is kept, and from then on writing does nothing.

    HDF5 writes when it lets go of a handle, too, and then only prints that it could not, or ends the process.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        if self.error is None:
            try:
                # as much as fits is a failure as well
                if self._file.write(data) == len(data):
                    return len(data)
                self.error = OSError(28, "No space left on device")
            except OSError as error:
                self.error = error
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: Any) -> int:
        return int(self._file.readinto(buffer))  # type: ignore[attr-defined]

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int) -> int:
        if self.error is None:
            try:
                return self._file.truncate(size)
            except OSError as error:
                self.error = error
        return size

    def flush(self) -> None:
        """Nothing: the whole file is brought to the disk at its end."""


# attributes beside an object, not in a structure of their own: as many as a recording has, and more
_MOST_BESIDE = 64


def new_file(target: Any) -> h5py.File:
    """Open a new HDF5 file in a file-like object.

    Its structure has checksums (the format of HDF5 1.8): HDF5 may go round in circles in an older one that is damaged.
    No times are stored, so equal contents are equal bytes.
    """
    creation = _plain(h5py.h5p.create(h5py.h5p.FILE_CREATE))
    return h5py.File(h5py.h5f.create(repr(target).encode(), h5py.h5f.ACC_TRUNC, fcpl=creation, fapl=_access(target)))


def _open_again(target: Any) -> h5py.File:
    return h5py.File(h5py.h5f.open(repr(target).encode(), h5py.h5f.ACC_RDWR, fapl=_access(target)))


def _access(target: Any) -> Any:
    access = h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    access.set_fileobj_driver(h5py.h5fd.fileobj_driver, target)
    access.set_libver_bounds(h5py.h5f.LIBVER_V18, h5py.h5f.LIBVER_V18)
    access.set_fclose_degree(h5py.h5f.CLOSE_STRONG)
    return access


def new_group(parent: h5py.Group, name: str) -> h5py.Group:
    """Create a group in a file of `new_file`."""
    creation = _plain(h5py.h5p.create(h5py.h5p.GROUP_CREATE))
    return h5py.Group(h5py.h5g.create(parent.id, name.encode(), gcpl=creation))


def _plain(creation: Any) -> Any:
    creation.set_obj_track_times(False)
    creation.set_attr_phase_change(_MOST_BESIDE, 0)
    return creation


def write_hdf5(path: Path, steps: Iterable[Callable[[h5py.File], None]]) -> None:
    """Write an HDF5 file whole or not at all, also on a disk that is full for a moment only.

    Parameters
    ----------
    path : Path
    steps : iterable of callables
        Fill the open file, one after the other; it is closed between them, since HDF5 keeps what was copied until then.

    Raises
    ------
    DataError
        It cannot be written.
    """

    def write(raw: BinaryIO) -> None:
        guarded = _Guarded(raw)
        failure: Exception | None = None
        try:
            for number, step in enumerate(steps):
                if guarded.error is not None:  # what was written is torn, and not to be opened
                    break
                with _open_again(guarded) if number else new_file(guarded) as file:
                    step(file)
        except (OSError, RuntimeError, ValueError) as error:
            failure = error
        if guarded.error is not None:
            raise guarded.error
        if failure is not None:
            raise failure

    write_file(path, write, buffered=False)


def read_hdf5(path: Path, read: Callable[[h5py.File], Any]) -> Any:
    """Return what ``read`` makes of a file of another program, which is open only meanwhile."""
    with h5py.File(path, "r") as file:
        return read(file)


def child(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    """Return what stands in a group of this very file.

    Raises
    ------
    KeyError
        There is nothing of that name.
    DataError
        It is a link to somewhere else, or a dataset whose bytes lie in another file.
    """
    link = group.get(name, getlink=True)
    if link is None:
        raise KeyError(name)
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{name} is a link to another place, which no store of ckseq has", group.file.filename)
    found = group[name]
    if not isinstance(found, h5py.Group | h5py.Dataset):
        raise DataError(f"{name} is damaged: it is neither a group nor a dataset", group.file.filename)
    if isinstance(found, h5py.Dataset) and (found.external or found.is_virtual):
        raise DataError(f"the bytes of {name} lie in another file, which no store of ckseq has", group.file.filename)
    return found


def checksum(array: NDArray[Any]) -> np.uint32:
    """Return the CRC-32 of an array's bytes in C order."""
    return np.uint32(zlib.crc32(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data))


def read_checked(group: h5py.Group, name: str, *, required: bool) -> NDArray[Any]:
    """Read a dataset and compare it with its checksum.

    Parameters
    ----------
    group : h5py.Group
    name : str
    required : bool
        Whether it has to have a checksum; stores of version 0.1 have none.

    Raises
    ------
    KeyError
        There is no such dataset.
    OSError
        It cannot be read.
    DataError
        It was changed after it was written.
    """
    dataset = child(group, name)
    array: NDArray[Any] = dataset[...]
    kept = dataset.attrs.get(CHECKSUM)
    if (kept is None and required) or (kept is not None and checksum(array) != kept):
        raise DataError(f"{name} was changed after it was written: its checksum differs", group.file.filename)
    return array
