"""The index of a store of many files: the metadata of all recordings in columns, each read when it is asked for.

Texts are one array of bytes (UTF-8), of one width or with the end of each; texts that repeat are numbers into such an
array, -1 for none. The root of the file has the checksum of every column. Recordings are sorted by id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.hdf5 import checksum, child, new_group
from ckseq.storage.store_entry import PREPARE_AGAIN, Entry, units_of
from ckseq.tracking.quality import Quality

Columns = dict[str, NDArray[Any]]

_TEXTS = ("id", "source_digest", "digest", "checksum")
_REPEATED = ("subject", "session", "label", "part", "error", "action_units")
_NUMBERS: dict[str, Any] = {
    "n_frames": np.int32,
    "n_steps": np.int32,
    "n_crops": np.int32,
    "neutral": np.uint8,
    "shard": np.int32,
}
_QUALITY: dict[str, Any] = {
    "n_dropped": np.int32,
    "n_searched": np.int32,
    "n_verified": np.int32,
    "reference_verified": np.uint8,
    "largest_jump": np.float64,
    "on_share": np.float64,
}
# by which recordings are found; for reading batches those of the last store are kept, whose every batch opens it anew
_LOOKED_UP = ("id", "id.ends", "shard")
_last: list[tuple[tuple[Path, str], Columns]] = []
# recordings that are made from columns at once
_AT_ONCE = 4096


class Held(NamedTuple):
    """A recording in a file of a store: its metadata, what its part was made from, and its group's checksum."""

    entry: Entry
    digest: str
    checksum: str


class Texts:
    """Texts in one array of bytes.

    Parameters
    ----------
    data : (m,) uint8
    ends : (n,) int64, or an int
        Where each ends, or the width of all.
    """

    def __init__(self, data: NDArray[np.uint8], ends: NDArray[np.int64] | int) -> None:
        self._data, self._ends = data, ends

    def _end(self, place: int) -> int:
        return (place + 1) * self._ends if isinstance(self._ends, int) else int(self._ends[place])

    def bytes_at(self, place: int) -> bytes:
        """Return one text in UTF-8."""
        return self._data[self._end(place - 1) if place else 0 : self._end(place)].tobytes()

    def read(self, start: int, stop: int) -> list[str]:
        """Return the texts from ``start`` to before ``stop``."""
        if stop <= start:
            return []
        if isinstance(self._ends, int):
            ends = [place * self._ends for place in range(start, stop + 1)]
        else:
            ends = [self._end(start - 1) if start else 0, *self._ends[start:stop].tolist()]
        whole = self._data[ends[0] : ends[-1]].tobytes()
        at = [end - ends[0] for end in ends]
        if whole.isascii():
            text = whole.decode()
            return [text[begin:end] for begin, end in pairwise(at)]
        return [whole[begin:end].decode() for begin, end in pairwise(at)]

    def find(self, text: str, n: int) -> int | None:
        """Return the place of a text among the first n, which are sorted, or None."""
        wanted, low, high = text.encode(), 0, n
        while low < high:
            middle = (low + high) // 2
            if self.bytes_at(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < n and self.bytes_at(low) == wanted else None


def columns_of_texts(name: str, texts: Sequence[str]) -> Columns:
    """Return the columns that hold texts, as `Texts` reads them."""
    parts = [text.encode() for text in texts]
    data = np.frombuffer(b"".join(parts), np.uint8)
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    if len(parts) and (lengths == lengths[0]).all():
        return {name: data}
    return {name: data, f"{name}.ends": np.cumsum(lengths)}


class IndexBuilder:
    """The columns of recordings that are added file by file; they come out sorted by id.

    It holds some 250 bytes of each recording.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {name: [] for name in _TEXTS}
        self._places: dict[str, dict[str, int]] = {name: {} for name in _REPEATED}
        self._chunks: dict[str, list[NDArray[Any]]] = {}
        self.n = 0

    def add(self, held: Sequence[Held], shards: int | Sequence[int]) -> None:
        """Add recordings, and the place of their file in the table of files, or that of each."""
        self.n += len(held)
        entries = [one.entry for one in held]
        self._texts["id"] += [entry.id for entry in entries]
        self._texts["source_digest"] += [entry.source_digest for entry in entries]
        self._texts["digest"] += [one.digest for one in held]
        self._texts["checksum"] += [one.checksum for one in held]
        for name in _REPEATED[:-1]:
            self._add(name, [self._place(name, getattr(entry, name)) for entry in entries], np.int32)
        units = [None if entry.action_units is None else json.dumps(entry.action_units) for entry in entries]
        self._add("action_units", [self._place("action_units", one) for one in units], np.int32)
        for name, kind in _NUMBERS.items():
            if name != "shard":
                self._add(name, [getattr(entry, name) for entry in entries], kind)
        self._add("shard", [shards] * len(held) if isinstance(shards, int) else shards, np.int32)
        self._add("quality", [entry.quality is not None for entry in entries], np.uint8)
        for name, kind in _QUALITY.items():
            values = [0 if entry.quality is None else getattr(entry.quality, name) for entry in entries]
            self._add(f"quality.{name}", values, kind)

    def _place(self, name: str, text: str | None) -> int:
        places = self._places[name]
        return -1 if text is None else places.setdefault(text, len(places))

    def _add(self, name: str, values: Sequence[Any], kind: Any) -> None:
        self._chunks.setdefault(name, []).append(np.array(values, kind))

    def digests(self) -> list[str]:
        """Return what the recordings are made from, sorted by their ids."""
        return [self._texts["digest"][place] for place in self._order]

    @cached_property
    def _order(self) -> list[int]:
        ids = self._texts["id"]
        return sorted(range(self.n), key=ids.__getitem__)

    def columns(self) -> Columns:
        """Return the columns.

        Raises
        ------
        DataError
            Two recordings have one id.
        """
        order, found = self._order, Columns()
        ids = self._texts["id"]
        if twice := next((ids[one] for one, other in pairwise(order) if ids[one] == ids[other]), None):
            raise DataError(f"{twice} is there twice", fix="give each recording an id of its own")
        for name, texts in self._texts.items():
            found |= columns_of_texts(name, [texts[place] for place in order])
        for name, chunks in self._chunks.items():
            found[name] = np.concatenate(chunks)[order]
        for name, places in self._places.items():
            # in order, whatever was added first
            texts = sorted(places)
            rank = np.empty(len(texts) + 1, np.int32)
            rank[[places[text] for text in texts]] = np.arange(len(texts), dtype=np.int32)
            rank[-1] = -1
            found[name] = rank[found[name]]
            found |= columns_of_texts(f"{name}.values", texts)
        return found


def write_columns(file: h5py.File, columns: Mapping[str, NDArray[Any]]) -> None:
    """Write columns, and their checksums in the attribute ``columns`` of the root (JSON)."""
    group = new_group(file, "columns")
    for name, array in columns.items():
        group[name] = array
    file.attrs["columns"] = json.dumps({name: int(checksum(array)) for name, array in columns.items()})


class Index:
    """The index of an open store.

    Parameters
    ----------
    file : h5py.File
        Its root, whose attributes agree with their checksum.
    path : Path
        The store, for errors.
    keep : bool
        Take the columns by which recordings are found from the last index that was opened, where it is the same one.
    """

    def __init__(self, file: h5py.File, path: Path, *, keep: bool = False) -> None:
        self._group, self._path = child(file, "columns"), path
        self.n = int(file.attrs["n"])
        self._checksums: dict[str, int] = json.loads(file.attrs["columns"])
        self._read: Columns = {}
        self._kept = _kept(path, str(file.attrs["checksum"])) if keep else {}
        self._texts: dict[str, Texts] = {}
        self._known: dict[str, list[str | None]] = {}

    def column(self, name: str, n: int | None = None) -> NDArray[Any]:
        """Return a column, compared with its checksum when it is read.

        Raises
        ------
        DataError
            It is damaged, missing, or not of n recordings.
        """
        found = self._kept if name in _LOOKED_UP else self._read
        if name not in found:
            try:
                array: NDArray[Any] = child(self._group, name)[...]
            except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
                raise DataError(f"its index is damaged: {name} ({error})", self._path, PREPARE_AGAIN) from None
            if int(checksum(array)) != self._checksums.get(name):
                raise DataError(f"its index was changed after it was written: {name}", self._path, PREPARE_AGAIN)
            if array.ndim != 1 or (n is not None and len(array) != n):
                raise DataError(f"its index is damaged: {name} is of another length", self._path, PREPARE_AGAIN)
            found[name] = array
        return found[name]

    def texts(self, name: str, n: int) -> Texts:
        """Return a column of n texts."""
        if name not in self._texts:
            data = self.column(name)
            ends: NDArray[np.int64] | int
            if f"{name}.ends" in self._checksums:
                ends = self.column(f"{name}.ends", n)
                fits = n == 0 or (int(ends[-1]) == len(data) and int(ends[0]) >= 0 and bool((np.diff(ends) >= 0).all()))
            else:
                ends = len(data) // n if n else 0
                fits = ends * n == len(data)
            if not fits:
                raise DataError(f"its index is damaged: {name} is of another length", self._path, PREPARE_AGAIN)
            self._texts[name] = Texts(data, ends)
        return self._texts[name]

    def find(self, id: str) -> int | None:
        """Return the place of a recording, None where there is none of that id."""
        return self.texts("id", self.n).find(id, self.n)

    def shard(self, place: int) -> int:
        """Return the place of a recording's file in the table of files."""
        return int(self.column("shard", self.n)[place])

    def text(self, name: str, place: int) -> str:
        """Return ``digest``, ``checksum`` or another of the texts of one recording."""
        return self.texts(name, self.n).bytes_at(place).decode()

    def values(self, name: str) -> list[str]:
        """Return the different texts of ``label`` or another column whose texts repeat."""
        n = int(self.column(name, self.n).max(initial=-1)) + 1
        return self.texts(f"{name}.values", n).read(0, n)

    def entries(self, start: int, stop: int) -> list[Entry]:
        """Return the metadata of the recordings from ``start`` to before ``stop``."""
        part = slice(start, stop)
        repeated = {name: self._repeated(name, part) for name in _REPEATED}
        units = {text: units_of(json.loads(text)) for text in set(repeated["action_units"]) if text is not None}
        numbers = {name: self.column(name, self.n)[part] for name in _NUMBERS}
        ids, source_digests = (self.texts(name, self.n).read(start, stop) for name in ("id", "source_digest"))
        columns: list[list[Any]] = [
            ids,
            *(repeated[name] for name in ("subject", "session", "label")),
            *(numbers[name].tolist() for name in ("n_frames", "n_steps")),
            repeated["error"],
            source_digests,
            repeated["part"],
            numbers["n_crops"].tolist(),
            self._quality(part),
            (numbers["neutral"] != 0).tolist(),
            [None if text is None else units[text] for text in repeated["action_units"]],
        ]
        return [Entry(*values) for values in zip(*columns, strict=True)]

    def held(self, at_once: int) -> Iterator[tuple[list[Held], list[int]]]:
        """Yield all recordings, so many at once, each with the place of its file in the table of files."""
        for start in range(0, self.n, at_once):
            stop = min(start + at_once, self.n)
            texts = [self.texts(name, self.n).read(start, stop) for name in ("digest", "checksum")]
            held = [Held(*one) for one in zip(self.entries(start, stop), *texts, strict=True)]
            yield held, self.column("shard", self.n)[start:stop].tolist()

    def _repeated(self, name: str, part: slice) -> list[str | None]:
        if name not in self._known:
            self._known[name] = [*self.values(name), None]  # -1 is the last
        values = self._known[name]
        return [values[place] for place in self.column(name, self.n)[part].tolist()]

    def _quality(self, part: slice) -> list[Quality | None]:
        there = self.column("quality", self.n)[part].tolist()
        if not any(there):
            return [None] * len(there)
        columns = [self.column(f"quality.{name}", self.n)[part] for name in _QUALITY]
        lists = [
            (column != 0 if kind == np.uint8 else column).tolist()
            for column, kind in zip(columns, _QUALITY.values(), strict=True)
        ]
        return [Quality(*values) if one else None for one, *values in zip(there, *lists, strict=True)]


def _kept(path: Path, checksum: str) -> Columns:
    """Return the columns that are kept of an index, and forget those of another one."""
    if not _last or _last[0][0] != (path, checksum):
        _last[:] = [((path, checksum), {})]
    return _last[0][1]


class Entries(Sequence[Entry]):
    """The metadata of all recordings of an index, sorted by id, made as they are asked for."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __len__(self) -> int:
        """Return the number of recordings."""
        return self._index.n

    @overload
    def __getitem__(self, place: int) -> Entry: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, place: int | slice) -> Entry | tuple[Entry, ...]:
        """Return one recording, or some."""
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            return tuple(self._index.entries(start, stop)[::step]) if step > 0 else tuple(self)[place]
        at = place + len(self) if place < 0 else place
        if not 0 <= at < len(self):
            raise IndexError(place)
        return self._index.entries(at, at + 1)[0]

    def __iter__(self) -> Iterator[Entry]:
        """Yield all, a few thousand at once in memory."""
        for start in range(0, len(self), _AT_ONCE):
            yield from self._index.entries(start, min(start + _AT_ONCE, len(self)))
