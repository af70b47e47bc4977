"""The store: preprocessed recordings in one HDF5 file, assembled from one part per recording so that it is resumable.

A large store is many such files behind an index, read as one: see `ckseq.storage.store_shards`. Layout of a file,
schema 2: root attributes ``schema``, ``ckseq_version``, ``pipeline`` (JSON), ``digest``, ``notes`` (JSON) and
``origin``;
``/recordings/<id>`` with attributes ``subject session label n_frames n_dropped source_digest digest`` and datasets
``boxes`` int32 (f, 4), ``n_found`` int32 (f,), ``faces`` uint8 (2, n, n); of a sequence ``mean_face`` uint8 (32, 32)
and ``film_strip`` uint8 (k, 64, 64); where there is motion ``projections`` float32 (t, 2, n[, channels]); and
optionally ``landmarks`` float32 (t, 2, n) with ``gradients`` float32 (t, 2, 256), ``blobs`` (bits along axis 2,
attribute ``width``), ``halved`` float32 and ``crops`` uint8 (f, n, n[, 3]). ``origin`` is whose faces the data set
shows, if it is known. ``part`` is that of the data set's own split, where it has one; ``action_units`` the FACS codes
(JSON: pairs of unit and intensity, null where that is not coded), where they are known. A sequence also has the
attributes of `ckseq.tracking.quality.Quality`. A recording that failed has the attribute ``error`` and no data.
``/index`` repeats the attributes of all recordings as JSON, since reading them one by one takes minutes for ten
thousand. Every dataset has its checksum, ``crc32``, every recording one of its attributes and of the checksums of its
datasets, and the root one of its attributes and of the index, ``checksum``. A part is a store of one recording,
without an index. Schema 1, of version 0.1, has no checksums. Schema 3 is an index: the same root attributes with ``n``
and ``n_shards``, the columns of `ckseq.storage.store_index` and the table of files in ``/columns``, and no recording.
A file of such a store has the root attribute ``contents``, of the checksums of its recordings.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from ckseq.config import Tree
from ckseq.errors import DataError
from ckseq.labels import in_order
from ckseq.notebook import html_table
from ckseq.recording import Origin
from ckseq.signal.fused import NeutralFace, beside, less_neutral, neutral_face
from ckseq.storage.hdf5 import CHECKSUM, child, read_checked
from ckseq.storage.run_migration import with_new_spelling
from ckseq.storage.store_entry import (
    PREPARE_AGAIN,
    Entry,
    entry_from,
    entry_of,
    recording_checksum,
    root_checksum,
)
from ckseq.storage.store_index import Held
from ckseq.storage.store_place import no_store
from ckseq.storage.store_shards import SCHEMA as SCHEMA_OF_MANY
from ckseq.storage.store_shards import Shards

SCHEMA = 2
"""Of a file of recordings."""


class Store:
    """A store opened for reading; made by `open_store`, and closed at the end of a ``with`` block or by `close`.

    Examples
    --------
    >>> with ckseq.open_store("faces.h5") as store:
    ...     store.pipeline["name"], len(store.entries), store.boxes("S005_001").shape
    ('landmarks', 15, (6, 4))
    """

    def __init__(self, file: h5py.File, path: Path, *, listing: bool = True) -> None:
        self._file, self._recordings = file, child(file, "recordings")
        self.has_checksums = int(file.attrs["schema"]) > 1
        if self.has_checksums and file.attrs["checksum"] != root_checksum(file):
            raise DataError("was changed after it was written: its checksum differs", path, PREPARE_AGAIN)
        self.shards = Shards(file, path, keep=not listing) if int(file.attrs["schema"]) == SCHEMA_OF_MANY else None
        self.path = path
        self.file_checksum = str(file.attrs.get("checksum", ""))
        self.pipeline: Tree = with_new_spelling(json.loads(file.attrs["pipeline"]))
        self.digest = str(file.attrs["digest"])
        self.notes: list[str] = json.loads(file.attrs["notes"])
        self.origin: Origin | None = file.attrs.get("origin")
        # reading a recording's attributes takes as long as reading its data: once a run, and not once a batch
        self._checks_attributes = self.has_checksums and listing
        self._checked: set[str] = set()

    def close(self) -> None:
        """Close the file, and those of a store of many."""
        if self.shards is not None:
            self.shards.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Store {self.path}: {len(self.entries)} recordings, pipeline {self.pipeline.get('name')}>"

    def _repr_html_(self) -> str:
        counts = Counter(str(entry.label) for entry in self.entries if entry.error is None)
        people = len({entry.subject for entry in self.entries})
        rows: list[tuple[object, ...]] = [(label, counts[label]) for label in in_order(counts)]
        if n_failed := sum(entry.error is not None for entry in self.entries):
            rows.append(("failed", n_failed))
        return html_table(f"{self!r}; {people} subjects", rows, ("label", "recordings"))

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """All recordings, sorted by id; those of many files are made as they are asked for."""
        if self.shards is not None:
            return self.shards.entries
        if "index" in self._file:
            return tuple(map(entry_from, json.loads(_index(self._file, required=self.has_checksums))))
        return tuple(entry_of(id, group) for id, group in sorted(self._recordings.items()))

    def projections(self, id: str) -> NDArray[np.float32]:
        """Return the row and column means of a recording, (t, 2, n) or (t, 2, n, channels) float32."""
        return self._read(id, "projections")

    def landmarks(self, id: str, neutral: NeutralFace | None = None) -> NDArray[np.float32]:
        """Return the registered landmarks of a recording, (t, 2, n + 3) float32, relative to a neutral face if given.

        See `ckseq.signal.landmarks.landmark_columns`.
        """
        return less_neutral(self._read(id, "landmarks"), None if neutral is None else neutral.landmarks)

    def gradients(self, id: str, neutral: NeutralFace | None = None) -> NDArray[np.float32]:
        """Return the gradients of a recording's face, (t, 2, 256) float32, relative to a neutral face if given.

        See `ckseq.signal.gradients.face_gradients`.
        """
        return less_neutral(self._read(id, "gradients"), None if neutral is None else neutral.gradients)

    def fused(self, id: str, neutral: NeutralFace | None = None) -> NDArray[np.float32]:
        """Return projections, landmarks and gradients side by side; see `ckseq.signal.fused.beside`."""
        return beside(self.projections(id), self.landmarks(id, neutral), self.gradients(id, neutral))

    def neutral_face(self, id: str) -> NeutralFace:
        """Return the neutral face that a recording shows."""
        return neutral_face(self.landmarks(id), self.gradients(id))

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

    def boxes(self, id: str) -> NDArray[np.int32]:
        """Return the face box in each frame of a recording, (f, 4) int32: left, top, right, bottom, pixels."""
        return self._read(id, "boxes")

    def mean_face(self, id: str) -> NDArray[np.uint8]:
        """Return the mean picture of a sequence, (m, m) uint8."""
        return self._read(id, "mean_face")

    def film_strip(self, id: str) -> NDArray[np.uint8]:
        """Return a few small crops of a sequence, (k, m, m) uint8; see `ckseq.signal.reduce.film_strip`."""
        return self._read(id, "film_strip")

    def n_found(self, id: str) -> int:
        """Return the number of frames of a recording in which a face was found, of those that were searched."""
        return int((self._read(id, "n_found") > 0).sum())

    def has(self, id: str, name: str) -> bool:
        """Return whether a recording has a dataset of that name."""
        group = self._found(id)
        return group is not None and name in group

    def frame_shape(self, id: str, name: str) -> tuple[int, ...]:
        """Return the shape of one step of ``projections``, ``blobs``, ``fused`` and so on; no array is read."""
        if name == "fused":
            motion, *added = (self.frame_shape(id, part) for part in ("projections", "landmarks", "gradients"))
            return (motion[0], motion[1] + sum(shape[1] for shape in added), *motion[2:])
        if not self.has(id, name):
            self._read(id, name)  # raises the error
        shape = child(self.recording(id), name).shape[1:]
        return (shape[0], self._width(id), *shape[2:]) if name == "blobs" else shape

    def stored_bytes(self, id: str, name: str) -> int:
        """Return the size of a dataset in the file, bytes."""
        return int(child(self.recording(id), name).id.get_storage_size())

    def _width(self, id: str) -> int:
        return int(child(self.recording(id), "blobs").attrs["width"])

    def _found(self, id: str) -> h5py.Group | None:
        try:
            if self.shards is not None:
                return self.shards.group(id)
            return child(self._recordings, id) if id in self._recordings else None
        except (KeyError, OSError, RuntimeError) as error:
            raise DataError(f"is damaged ({error})", f"{self.path}: {id}", PREPARE_AGAIN) from None

    def verify(self) -> list[str]:
        """Read everything and return a line for each recording that is not as it was written."""
        if self.shards is not None:
            return [line for number in range(len(self.shards.table)) for line in _verify_shard(self, number)]
        indexed = {entry.id for entry in self.entries}
        found = [
            f"{self.path}: {id}: is in the store, and not in its index; {PREPARE_AGAIN}"
            for id in sorted(set(self._recordings) - indexed)
        ]
        for entry in self.entries:
            where = f"{self.path}: {entry.id}"
            if entry.id not in self._recordings:
                found.append(f"{where}: is in the index, and not in the store; {PREPARE_AGAIN}")
                continue
            try:
                for name in self.recording(entry.id):
                    self._read(entry.id, name)
                if self.has_checksums and entry != entry_of(entry.id, self.recording(entry.id)):
                    found.append(f"{where}: the index says otherwise than the recording; {PREPARE_AGAIN}")
            except DataError as error:
                found.append(str(error))
            except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
                found.append(f"{where}: cannot be read ({error}); {PREPARE_AGAIN}")
        return found

    def made_from(self, id: str) -> tuple[str, str] | None:
        """Return the digest of what a recording was made from, and that of its frames; None where there is none."""
        if self.shards is not None:
            place = self.shards.index.find(id)
            index = self.shards.index
            return None if place is None else (index.text("digest", place), index.text("source_digest", place))
        if id not in self._recordings:
            return None
        attributes = self.recording(id).attrs
        return str(attributes["digest"]), str(attributes.get("source_digest", ""))

    def held(self) -> Iterator[Held]:
        """Yield the recordings of a single file as an index of many has them.

        Raises
        ------
        DataError
            A recording was changed after it was written.
        """
        for entry in self.entries:
            attributes = self.recording(entry.id).attrs
            yield Held(entry, str(attributes["digest"]), str(attributes["checksum"]))

    def recording(self, id: str) -> h5py.Group:
        """Return the group of a recording, compared with its checksum when it is first asked for.

        Raises
        ------
        KeyError
            There is no such recording.
        DataError
            It was changed after it was written.
        """
        group = self._found(id)
        if group is None:
            raise KeyError(id)
        if self._checks_attributes and id not in self._checked:
            kept = group.attrs.get("checksum")
            if kept != recording_checksum(group) or (self.shards is not None and kept != self.shards.checksum(id)):
                what = "was changed after it was written: its checksum differs"
                raise DataError(what, f"{self.path}: {id}", PREPARE_AGAIN)
            self._checked.add(id)
        return group

    def _read(self, id: str, name: str) -> NDArray[Any]:
        try:
            return read_checked(self.recording(id), name, required=self.has_checksums)
        except KeyError:
            group = self._found(id)
            if group is None:
                raise DataError("no such recording", f"{self.path}: {id}", "its entries list the ids") from None
            reason = group.attrs.get("error", f"it has no {name}")
            raise DataError(
                str(reason),
                f"{self.path}: {id}",
                "prepare it again with a pipeline that stores it, or name an experiment on what it holds",
            ) from None
        except (OSError, RuntimeError, TypeError, ValueError, zlib.error) as error:
            raise DataError(f"cannot be read ({error})", f"{self.path}: {id}", PREPARE_AGAIN) from None


def _verify_shard(store: Store, number: int) -> Iterator[str]:
    """Yield a line for each recording of a file that is not as it was written, or not as the index says."""
    assert store.shards is not None
    index = store.shards.index
    places = np.flatnonzero(index.column("shard", index.n) == number)
    path = store.shards.path_of(number)
    try:
        store.shards.file(number)
        with open_store(path) as one:
            yield from (wrong := one.verify())
            found = {} if wrong else {held.entry.id: held for held in one.held()}
    except DataError as error:
        yield str(error)
        return
    if wrong:
        return
    for place in places.tolist():
        (entry,) = index.entries(place, place + 1)
        said = Held(entry, index.text("digest", place), index.text("checksum", place))
        if said != found.pop(entry.id, None):
            yield f"{store.path}: {entry.id}: the index says otherwise than {path.name}; {PREPARE_AGAIN}"
    for id in found:
        yield f"{path}: {id}: is in the file, and not in the index of {store.path.name}; {PREPARE_AGAIN}"


def _index(file: h5py.File, *, required: bool) -> bytes:
    dataset = child(file, "index")
    text: bytes = dataset[()]
    if required and zlib.crc32(text) != dataset.attrs.get(CHECKSUM):
        raise DataError("its index was changed after it was written", file.filename, PREPARE_AGAIN)
    return text


def open_store(path: Path, *, listing: bool = True, digest: str | None = None) -> Store:
    """Open a store for reading, best in a ``with`` block.

    Parameters
    ----------
    path : Path
    listing : bool
        Read the metadata now, and compare those of each recording with their checksum; without it, for reading a batch,
        opening takes two milliseconds, and of a recording only the data that are read are compared.
    digest : str, optional
        That of the store as it was before; another one is an error.

    Raises
    ------
    DataError
        There is no such file, or it is damaged, not a store, of an unknown schema, or another one than before.
    """
    if not path.is_file():
        raise no_store(path)
    try:
        file = h5py.File(path, "r")
    except OSError:
        raise no_store(path) from None
    try:
        _check_schema(file, path)
        store = Store(file, path, listing=listing)
        if listing:
            _ = store.entries
        if digest is not None and store.digest != digest:
            raise DataError("was replaced by another store meanwhile", path, "run the same command again")
    except DataError:
        file.close()
        raise
    except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        file.close()
        raise DataError(f"is damaged ({error})", path, PREPARE_AGAIN) from None
    return store


def _check_schema(file: h5py.File, path: Path) -> None:
    if "schema" not in file.attrs or "recordings" not in file:
        raise DataError("is an HDF5 file, but not a store of ckseq", path, "name the file that 'ckseq preprocess' made")
    schema = int(file.attrs["schema"])
    if schema > SCHEMA_OF_MANY:
        version = file.attrs.get("ckseq_version", "?")
        raise DataError(
            f"was written by ckseq {version} (schema {schema}, this one knows {SCHEMA_OF_MANY})", path, "update ckseq"
        )
    if schema < 1:
        raise DataError(f"is of an unknown schema, {schema}", path, PREPARE_AGAIN)
