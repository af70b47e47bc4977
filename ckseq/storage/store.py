"""The store: one HDF5 file of preprocessed recordings, assembled from one part per recording so that it is resumable.

Layout, schema 1: root attributes ``schema``, ``ckseq_version``, ``pipeline`` (JSON), ``digest``, ``notes`` (JSON);
``/recordings/<id>`` with attributes ``subject session label n_frames n_dropped source_digest digest`` and datasets
``boxes`` int32 (f, 4), ``n_found`` int32 (f,), ``faces`` uint8 (2, n, n); where there is motion ``projections``
float32 (t, 2, n[, channels]); and optionally ``blobs`` (bits along axis 2, attribute ``width``), ``halved`` float32
and ``crops`` uint8 (f, n, n[, 3]). ``part`` is that of the data set's own split, where it has one. A recording
that failed has the attribute ``error`` and no data. ``/index`` repeats the attributes of all
recordings as JSON, since reading them one by one takes minutes for ten thousand. A part is a store of one recording,
without an index.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

import ckseq
from ckseq.errors import DataError
from ckseq.recording import Recording

SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """The metadata of a recording in the store.

    ``n_frames`` counts the frames of the source, ``n_steps`` the steps t of its projections (0 where it failed, with
    the reason in ``error``), ``n_crops`` its stored crops; ``source_digest`` that of the frames' file names and bytes,
    "" where it is unknown.
    """

    id: str
    subject: str
    session: str
    label: str | None
    n_frames: int
    n_steps: int
    error: str | None
    source_digest: str = ""
    part: str | None = None
    n_crops: int = 0


@dataclass(frozen=True)
class Prepared:
    """A preprocessed recording: its arrays by dataset name, or the error that stopped it."""

    recording: Recording
    digest: str
    source_digest: str = ""
    n_frames: int = 0
    n_dropped: int = 0
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    error: str | None = None


class Store:
    """A store opened for reading; made by `open_store`."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._recordings = file, file["recordings"]
        self.path = path
        self.pipeline: dict[str, Any] = json.loads(file.attrs["pipeline"])
        self.digest = str(file.attrs["digest"])
        self.notes: list[str] = json.loads(file.attrs["notes"])

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All recordings, sorted by id."""
        if "index" in self._file:
            return tuple(Entry(**values) for values in json.loads(self._file["index"][()]))
        return tuple(_entry(id, group) for id, group in sorted(self._recordings.items()))

    def projections(self, id: str) -> NDArray[np.float32]:
        """Return the row and column means of a recording, (t, 2, n) or (t, 2, n, channels) float32."""
        return self._read(id, "projections")

    def blobs(self, id: str) -> NDArray[np.bool_]:
        """Return the blobs of a recording, (t, h, w) or (t, h, w, channels) bool."""
        packed = self._read(id, "blobs")
        return np.unpackbits(packed, axis=2, count=self._width(id)).view(np.bool_)

    def halved(self, id: str) -> NDArray[np.float32]:
        """Return the halved frames of a recording, (t, h, w) float32."""
        return self._read(id, "halved")

    def crops(self, id: str) -> NDArray[np.uint8]:
        """Return the crops of a recording, (f, n, n) gray or (f, n, n, 3) red, green, blue, uint8."""
        return self._read(id, "crops")

    def faces(self, id: str) -> NDArray[np.uint8]:
        """Return the first and the last crop of a recording, (2, n, n) uint8."""
        return self._read(id, "faces")

    def n_found(self, id: str) -> int:
        """Return the number of frames of a recording in which a face was found, of those that were searched."""
        return int((self._read(id, "n_found") > 0).sum())

    def has(self, id: str, name: str) -> bool:
        """Return whether a recording has a dataset of that name."""
        return id in self._recordings and name in self._recordings[id]

    def frame_shape(self, id: str, name: str) -> tuple[int, ...]:
        """Return the shape of one step of ``projections``, ``blobs`` or ``halved``; no array is read."""
        if not self.has(id, name):
            self._read(id, name)  # raises the error
        shape = self._recordings[id][name].shape[1:]
        return (shape[0], self._width(id), *shape[2:]) if name == "blobs" else shape

    def stored_bytes(self, id: str, name: str) -> int:
        """Return the size of a dataset in the file, bytes."""
        return int(self._recordings[id][name].id.get_storage_size())

    def _width(self, id: str) -> int:
        return int(self._recordings[id]["blobs"].attrs["width"])

    def _read(self, id: str, name: str) -> NDArray[Any]:
        try:
            return self._recordings[id][name][...]
        except KeyError:
            group = self._recordings.get(id)
            reason = "no such recording" if group is None else group.attrs.get("error", f"it has no {name}")
            raise DataError(
                str(reason), f"{self.path}: {id}", "prepare it again with a pipeline that stores it"
            ) from None
        except OSError as error:
            raise DataError(f"cannot be read ({error})", f"{self.path}: {id}", _PREPARE_AGAIN) from None


_FREE_SPACE = "free some space, then run the same command again"
_PREPARE_AGAIN = "prepare it again with 'ckseq preprocess --overwrite'"


def _entry(id: str, group: h5py.Group) -> Entry:
    attrs = group.attrs
    n_steps, n_crops = (len(group[name]) if name in group else 0 for name in ("projections", "crops"))
    return Entry(
        id,
        attrs["subject"],
        attrs["session"],
        attrs.get("label"),
        int(attrs["n_frames"]),
        n_steps,
        attrs.get("error"),
        str(attrs.get("source_digest", "")),
        attrs.get("part"),
        n_crops,
    )


@contextmanager
def open_store(path: Path, *, listing: bool = True) -> Iterator[Store]:
    """Open a store for reading.

    Parameters
    ----------
    path : Path
    listing : bool
        Read the metadata now, which detects a damaged store; without it opening takes a millisecond.

    Raises
    ------
    DataError
        There is no such file, or it is damaged, not a store, or of an unknown schema.
    """
    if not path.is_file():
        raise DataError("there is no such store", path, "make one with 'ckseq preprocess DATA --out STORE'")
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise DataError("is cut short, or not a store of ckseq", path, _PREPARE_AGAIN) from None
    with file:
        try:
            _check_schema(file, path)
            store = Store(file, path)
            if listing:
                _ = store.entries
        except (KeyError, OSError, RuntimeError, ValueError) as error:
            raise DataError(f"is damaged ({error})", path, _PREPARE_AGAIN) from None
        yield store


def _check_schema(file: h5py.File, path: Path) -> None:
    if "schema" not in file.attrs or "recordings" not in file:
        raise DataError("is an HDF5 file, but not a store of ckseq", path, "name the file that 'ckseq preprocess' made")
    schema = int(file.attrs["schema"])
    if schema > SCHEMA:
        version = file.attrs.get("ckseq_version", "?")
        raise DataError(
            f"was written by ckseq {version} (schema {schema}, this one knows {SCHEMA})", path, "update ckseq"
        )
    if schema < SCHEMA:
        raise DataError(f"is of the old schema {schema}", path, _PREPARE_AGAIN)


def write_part(folder: Path, prepared: Prepared, *, packed: bool = True) -> None:
    """Write one recording atomically into the folder of parts.

    Without ``packed`` (compression) it takes a third of the time, and two to three times the space.
    """
    path = folder / f"{prepared.recording.id}.h5"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w") as file:
            _write_recording(file.create_group(f"recordings/{prepared.recording.id}"), prepared, packed=packed)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"cannot be written ({_reason(error)})", path, _FREE_SPACE) from None


def _write_recording(group: h5py.Group, prepared: Prepared, *, packed: bool) -> None:
    recording = prepared.recording
    group.attrs.update(subject=recording.subject, session=recording.session, digest=prepared.digest)
    group.attrs.update(n_frames=prepared.n_frames, n_dropped=prepared.n_dropped, source_digest=prepared.source_digest)
    if recording.label is not None:
        group.attrs["label"] = recording.label
    if recording.part is not None:
        group.attrs["part"] = recording.part
    if prepared.error is not None:
        group.attrs["error"] = prepared.error
    for name, array in prepared.arrays.items():
        if name == "blobs":
            _write_array(group, name, _packed(array), packed=packed)
            group[name].attrs["width"] = array.shape[2]
        else:
            _write_array(group, name, array, packed=packed)


def _packed(blobs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return blobs (t, h, w[, channels]) with the bits of axis 2 in bytes."""
    # along the last axis of a contiguous array, NumPy packs ten times as fast
    lines = np.ascontiguousarray(np.moveaxis(blobs, 2, -1))
    return np.moveaxis(np.packbits(lines, axis=-1), -1, 2)


def _write_array(group: h5py.Group, name: str, array: NDArray[Any], *, packed: bool) -> None:
    if array.nbytes < 4096 or not packed:
        # the metadata of a compressed chunk would be larger than the savings
        group.create_dataset(name, data=array)
        return
    # one chunk per time step for streaming; small arrays are a single chunk
    chunks = (1, *array.shape[1:]) if array[:1].nbytes >= 8192 else array.shape
    group.create_dataset(name, data=array, chunks=chunks, compression="gzip", compression_opts=1, shuffle=True)


class Part(NamedTuple):
    """The metadata of a recording that was preprocessed before."""

    digest: str
    n_frames: int
    error: str | None


def read_part(folder: Path, id: str) -> Part | None:
    """Return the metadata of a recording's part, or None where there is no complete part."""
    try:
        with h5py.File(folder / f"{id}.h5", "r") as file:
            attrs = file[f"recordings/{id}"].attrs
            return Part(str(attrs["digest"]), int(attrs["n_frames"]), attrs.get("error"))
    except (OSError, KeyError, RuntimeError):
        return None


def remove_parts(folder: Path) -> None:
    """Remove the parts, and the folder unless it contains other files."""
    for path in [*folder.glob("*.h5"), *folder.glob("*.tmp")]:
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def assemble(
    folder: Path, ids: Iterable[str], out: Path, *, pipeline: Mapping[str, Any], digest: str, notes: list[str]
) -> None:
    """Build the store from its parts, in the order of ``ids``; the same parts give the same bytes.

    Parameters
    ----------
    folder : Path
        Where the parts are.
    ids : iterable of str
        The recordings.
    out : Path
        The store; it is written atomically.
    pipeline : mapping
        The resolved recipe.
    digest : str
        Of the pipeline and all sources.
    notes : list of str
        Notes on the data, shown with every result.
    """
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs["schema"] = SCHEMA
            file.attrs["ckseq_version"] = ckseq.__version__
            file.attrs["pipeline"] = json.dumps(pipeline, sort_keys=True)
            file.attrs["digest"] = digest
            file.attrs["notes"] = json.dumps(notes)
            target = file.create_group("recordings")
            entries = []
            for id in ids:
                with h5py.File(folder / f"{id}.h5", "r") as part:
                    part.copy(f"recordings/{id}", target)
                    entries.append(_entry(id, part[f"recordings/{id}"]))
            file["index"] = json.dumps([asdict(entry) for entry in sorted(entries, key=lambda entry: entry.id)])
        temporary.replace(out)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"cannot be written ({_reason(error)})", out, _FREE_SPACE) from None


def _reason(error: OSError) -> str:
    text = str(error.strerror or error)
    # HDF5 puts the system's reason into a long sentence
    _, found, tail = text.partition("error message = '")
    return tail.split("'")[0] if found else text
