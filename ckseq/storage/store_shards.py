"""The files of a store of many: each a store of its own, found through the index, and compared with it when opened.

They lie in the folder ``NAME.shards`` beside the index ``NAME``. A file is never changed: more recordings are more
files, and an index that names them takes the place of the one before.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from ckseq.errors import DataError
from ckseq.storage.hdf5 import child
from ckseq.storage.store_entry import PREPARE_AGAIN, Entry, root_checksum
from ckseq.storage.store_index import Columns, Entries, Index, columns_of_texts

SCHEMA = 3
"""Of an index; its files have that of a store of one file."""
_NAME = re.compile(r"[0-9]{6,}-[0-9a-f]{16}\.h5")
# of some hundred; each holds a few hundred kilobytes while it is open
_MOST_OPEN = 32


class Shard(NamedTuple):
    """A file of a store: its name, its checksum (`root_checksum`), its recordings, and its size in bytes."""

    name: str
    checksum: str
    n: int
    n_bytes: int


def folder_of(store: Path) -> Path:
    """Return where the files of a store are."""
    return store.with_name(f"{store.name}.shards")


def is_shard(path: Path) -> bool:
    """Whether a path is named as a file of a store of many."""
    return _NAME.fullmatch(path.name) is not None


def columns_of_shards(shards: Sequence[Shard]) -> Columns:
    """Return the table of files as columns of an index."""
    return {
        **columns_of_texts("shards.name", [shard.name for shard in shards]),
        **columns_of_texts("shards.checksum", [shard.checksum for shard in shards]),
        "shards.n": np.array([shard.n for shard in shards], np.int64),
        "shards.n_bytes": np.array([shard.n_bytes for shard in shards], np.int64),
    }


class Shards:
    """The recordings of a store of many files, which are opened when they are asked for, and some kept open.

    Parameters
    ----------
    file : h5py.File
        The open index.
    path : Path
        Where it is.
    keep : bool
        As of `Index`.
    """

    def __init__(self, file: h5py.File, path: Path, *, keep: bool = False) -> None:
        self._path, self._folder = path, folder_of(path)
        self.index = Index(file, path, keep=keep)
        self.entries: Sequence[Entry] = Entries(self.index)
        self._n_shards = int(file.attrs["n_shards"])
        self._table: list[Shard] | None = None
        self._open: OrderedDict[int, h5py.File] = OrderedDict()

    @property
    def table(self) -> list[Shard]:
        """All files.

        Raises
        ------
        DataError
            The table is damaged.
        """
        if self._table is None:
            n = self._n_shards
            texts = [self.index.texts(f"shards.{name}", n).read(0, n) for name in ("name", "checksum")]
            numbers = [self.index.column(f"shards.{name}", n).tolist() for name in ("n", "n_bytes")]
            self._table = [Shard(*row) for row in zip(*texts, *numbers, strict=True)]
            if strange := next((one.name for one in self._table if not _NAME.fullmatch(one.name)), None):
                raise DataError(f"names a file that no store has: {strange}", self._path, PREPARE_AGAIN)
        return self._table

    def path_of(self, number: int) -> Path:
        """Return where a file is, by its place in the table."""
        return self._folder / self.table[number].name

    def group(self, id: str) -> h5py.Group | None:
        """Return the group of a recording, or None where there is none.

        Raises
        ------
        DataError
            Its file is missing, damaged, or another one.
        """
        place = self.index.find(id)
        if place is None:
            return None
        recordings = child(self.file(self.index.shard(place)), "recordings")
        return child(recordings, id) if id in recordings else None

    def checksum(self, id: str) -> str | None:
        """Return the checksum of a recording as the index has it."""
        place = self.index.find(id)
        return None if place is None else self.index.text("checksum", place)

    def file(self, number: int) -> h5py.File:
        """Return a file, opened and compared with the table.

        Raises
        ------
        DataError
            It is missing, damaged, or another one.
        """
        if number in self._open:
            self._open.move_to_end(number)
            return self._open[number]
        if not 0 <= number < self._n_shards:
            raise DataError("its index is damaged: it names a file that is not in its table", self._path, PREPARE_AGAIN)
        opened = open_shard(self.path_of(number), self.table[number], self._path)
        if len(self._open) >= _MOST_OPEN:
            self._open.popitem(last=False)[1].close()
        self._open[number] = opened
        return opened

    def close(self) -> None:
        """Close all files."""
        while self._open:
            self._open.popitem()[1].close()


def open_shard(path: Path, shard: Shard, store: Path) -> Any:
    """Open a file of a store and compare it with what the store's table says of it.

    Raises
    ------
    DataError
        It is missing, damaged, or another one.
    """
    if not path.is_file():
        fix = f"bring {path.parent.name} back: the folder belongs to {store.name}; or {PREPARE_AGAIN}"
        raise DataError(f"is missing, and {shard.n} recordings of {store.name} with it", path, fix)
    if path.stat().st_size != shard.n_bytes:
        raise DataError(f"has not the size that {store.name} names", path, PREPARE_AGAIN)
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise DataError("is damaged: it cannot be opened", path, PREPARE_AGAIN) from None
    try:
        if file.attrs["checksum"] != shard.checksum or root_checksum(file) != shard.checksum:
            raise DataError(f"is another file than {store.name} names: its checksum differs", path, PREPARE_AGAIN)
        child(file, "recordings")
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        file.close()
        raise DataError(f"is damaged ({error})", path, PREPARE_AGAIN) from None
    except DataError:
        file.close()
        raise
    return file
