"""A store of many files that is being made, or gets more: file after file, and an index that names them at the end.

What is there already is never written again: until the new index takes the place of the old one, in one step, readers
see the old store. Files of an attempt that was interrupted are found by their number and used again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import h5py
from pydantic import BaseModel

from ckseq.config import digest_of_many
from ckseq.errors import CallError, DataError
from ckseq.recording import Origin
from ckseq.storage.files import remove_temporaries, write_file
from ckseq.storage.hdf5 import new_group, write_hdf5
from ckseq.storage.store import Store, open_store
from ckseq.storage.store_entry import root_checksum
from ckseq.storage.store_index import IndexBuilder, write_columns
from ckseq.storage.store_shards import SCHEMA, Shard, columns_of_shards, folder_of, is_shard
from ckseq.storage.store_writer import assemble, root_attributes, unpack

_UNFINISHED = "unfinished.h5"
_AT_ONCE = 4096


class Growing:
    """A store of many files that is being made; it is locked meanwhile.

    Parameters
    ----------
    out : Path
        The store.
    recipe : pydantic model
        The pipeline of all recordings.
    append_to : str or None
        The digest of the store at ``out``, whose recordings are kept; a store of one file becomes the first of many.

    Raises
    ------
    CallError
        The store there cannot be appended to.
    DataError
        It is damaged, or another one.
    """

    def __init__(self, out: Path, recipe: BaseModel, *, append_to: str | None) -> None:
        self._out, self._folder, self._recipe = out, folder_of(out), recipe
        self._index = IndexBuilder()
        self._table: list[Shard] = []
        self._single = False
        kept: set[str] = set()
        self._notes: list[str] = []
        self._origins: list[Origin | None] = []
        if append_to is not None:
            with open_store(out, digest=append_to) as store:
                self._take(store)
            kept = {shard.name for shard in self._table}
        elif out.exists():
            # a store that cannot be read is replaced as well
            with suppress(DataError), open_store(out) as store:
                kept = set() if store.shards is None else {shard.name for shard in store.shards.table}
        self._of_others = kept
        self._next = max((int(name.partition("-")[0]) + 1 for name in kept), default=0)

    def _take(self, store: Store) -> None:
        """Take over the recordings of a store."""
        check_appendable(store, self._recipe)
        self._notes, self._origins = store.notes, [store.origin]
        if store.shards is None:
            checksum = str(store.file_checksum)
            self._single = True
            held = list(store.held())
            self._table = [Shard(f"{0:06d}-{checksum}.h5", checksum, len(held), self._out.stat().st_size)]
            self._index.add(held, 0)
            return
        self._table = list(store.shards.table)
        for held, shards in store.shards.index.held(_AT_ONCE):
            self._index.add(held, shards)

    def bring_back(self, ids: Sequence[str], parts: Path) -> None:
        """Turn the next file, if an interrupted attempt left it, into the parts that it was made from.

        Parameters
        ----------
        ids : sequence of str
            The recordings of the next file.
        parts : Path
        """
        for path in self._folder.glob(f"{self._next:06d}-*.h5"):
            if path.name in self._of_others or not is_shard(path):
                continue
            with suppress(DataError, OSError), open_store(path) as store:
                if [entry.id for entry in store.entries] == sorted(ids) and not store.verify():
                    for id in ids:
                        unpack(store.recording(id), id, parts)
            path.unlink()

    def add(self, parts: Path, digests: Mapping[str, str]) -> None:
        """Write the next file from the parts of its recordings; see `ckseq.storage.store_writer.assemble`.

        Raises
        ------
        DataError
            It cannot be written.
        """
        self._folder.mkdir(exist_ok=True)
        unfinished = self._folder / _UNFINISHED
        held = assemble(
            parts,
            digests,
            unfinished,
            pipeline=self._recipe.model_dump(mode="json"),
            digest=digest_of_many(self._recipe, digests.values()),
            notes=[],
            one_of_many=True,
        )
        with open_store(unfinished, listing=False) as store:
            checksum = store.file_checksum
        path = unfinished.replace(self._folder / f"{self._next:06d}-{checksum}.h5")
        self._index.add(held, len(self._table))
        self._table.append(Shard(path.name, checksum, len(held), path.stat().st_size))
        self._next += 1

    def commit(self, *, notes: list[str], origin: Origin | None) -> None:
        """Write the index, which makes the files a store.

        Raises
        ------
        DataError
            It cannot be written, or a recording is there twice.
        """
        if self._single:
            _link(self._out, self._folder / self._table[0].name)
        _sync(self._folder)
        write_index(
            self._out,
            self._index,
            self._table,
            recipe=self._recipe,
            notes=list(dict.fromkeys([*self._notes, *notes])),
            origin=_common([*self._origins, origin]),
        )
        remove_strange(self._out)


def write_index(
    out: Path,
    index: IndexBuilder,
    table: Sequence[Shard],
    *,
    recipe: BaseModel,
    notes: list[str],
    origin: Origin | None,
) -> None:
    """Write the index of a store; see `Growing.commit`."""
    columns = {**index.columns(), **columns_of_shards(table)}
    attributes = root_attributes(
        SCHEMA,
        pipeline=recipe.model_dump(mode="json"),
        digest=digest_of_many(recipe, index.digests()),
        notes=notes,
        origin=origin,
    )

    def write(file: h5py.File) -> None:
        file.attrs.update(attributes | {"n": index.n, "n_shards": len(table)})
        new_group(file, "recordings")  # by which earlier versions know a store, and then its schema
        write_columns(file, columns)
        file.attrs["checksum"] = root_checksum(file)

    write_hdf5(out, [write])


def _common(origins: list[Origin | None]) -> Origin | None:
    """Return whose faces several data sets show together: as little may be shown of all as of any.

    With others, CK+ is no longer all that they are.
    """
    if len(set(origins)) == 1 or None in origins:
        return origins[0] if len(set(origins)) == 1 else None
    return "ckplus_layout" if {"ckplus", "ckplus_layout"}.intersection(origins) else "other"


def check_appendable(store: Store, recipe: BaseModel) -> None:
    """Refuse a store of another pipeline, or without checksums.

    Raises
    ------
    CallError
    """
    again = "choose another --out, or prepare all with --overwrite"
    if not store.has_checksums:
        raise CallError("was written by version 0.1, and cannot be appended to", store.path, again)
    if store.pipeline != recipe.model_dump(mode="json"):
        raise CallError("was made with another pipeline, or other values of it", store.path, again)


def remove_strange(out: Path) -> None:
    """Remove files of earlier and interrupted stores from the folder of a store, which is locked."""
    folder = folder_of(out)
    if not folder.is_dir():
        return
    with open_store(out, listing=False) as store:
        named = set() if store.shards is None else {shard.name for shard in store.shards.table}
    remove_temporaries(folder)
    for path in folder.iterdir():
        if (is_shard(path) and path.name not in named) or path.name == _UNFINISHED:
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _link(path: Path, to: Path) -> None:
    """Give a file a second name, or copy it where a file system has no such names."""
    if to.exists():
        to.unlink()
    to.parent.mkdir(exist_ok=True)
    try:
        os.link(path, to)
    except OSError:

        def copy(file: BinaryIO) -> None:
            with path.open("rb") as source:
                shutil.copyfileobj(source, file, 2**20)

        write_file(to, copy)


def _sync(folder: Path) -> None:
    """Have the names in a folder reach the disk, where a system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            os.fsync(handle)
    finally:
        os.close(handle)
