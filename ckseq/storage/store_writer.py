"""Writing a store: a part for each recording, and the store assembled from them."""

from __future__ import annotations

import hashlib
import io
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

import ckseq
from ckseq import config
from ckseq.errors import DataError
from ckseq.recording import Origin, Recording
from ckseq.storage.files import remove_temporaries, write_file
from ckseq.storage.hdf5 import CHECKSUM, checksum, new_file, new_group, write_hdf5
from ckseq.storage.store import SCHEMA
from ckseq.storage.store_entry import (
    attributes_checksum,
    entry_of,
    quality_of,
    recording_checksum,
    root_checksum,
)
from ckseq.storage.store_index import Held
from ckseq.tracking.quality import Quality

PLAN = "plan.json"
"""Beside parts that several processes write: what they are made from."""
# of gzip; higher levels take several times the time, and save little
_LEVEL = 1
# blobs are long runs, pictures repeat nothing: zlib need not look for more, and takes half to two thirds of the time
_STRATEGIES = {"blobs": zlib.Z_RLE, "faces": zlib.Z_HUFFMAN_ONLY}
# names of files may have 255 bytes, of which the temporary name needs some
_LONGEST_NAME = 180
# parts that are copied before the store is closed and opened again: HDF5 keeps 30 kB of each until then
_AT_ONCE = 200


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
    quality: Quality | None = None


def write_part(
    folder: Path, prepared: Prepared, *, packed: bool = True, remarks: Mapping[str, str] | None = None
) -> None:
    """Write one recording atomically into the folder of parts.

    Without ``packed`` (compression) it takes a third of the time, and two to three times the space. ``remarks`` stand
    beside the recording and do not enter the store.
    """
    id = prepared.recording.id
    # HDF5 writes in many small pieces, which are brought to the disk at once
    image = io.BytesIO()
    with new_file(image) as file:
        _write_recording(new_group(new_group(file, "recordings"), id), prepared, packed=packed)
        file.attrs.update(remarks or {})
    _write_image(folder, id, image)


def _write_image(folder: Path, id: str, image: io.BytesIO) -> None:
    def write(file: BinaryIO) -> None:
        file.write(image.getbuffer())

    # one that a power cut damages is made again
    write_file(part_path(folder, id), write, durable=False)


def part_path(folder: Path, id: str) -> Path:
    """Return the file of a recording's part."""
    if len(id.encode()) > _LONGEST_NAME:
        id = hashlib.blake2b(id.encode(), digest_size=16).hexdigest()
    return folder / f"{id}.h5"


def _write_recording(group: h5py.Group, prepared: Prepared, *, packed: bool) -> None:
    own = _attributes(prepared)
    data: dict[str, dict[str, Any]] = {}
    for name, array in as_stored(prepared.arrays).items():
        dataset = _write_array(group, name, array, packed=packed)
        data[name] = {CHECKSUM: checksum(array)}
        if name == "blobs":
            data[name]["width"] = prepared.arrays["blobs"].shape[2]
        dataset.attrs.update(data[name])
    group.attrs.update(own, checksum=attributes_checksum(own, data))


def _attributes(prepared: Prepared) -> dict[str, Any]:
    recording = prepared.recording
    own = {
        "subject": recording.subject,
        "session": recording.session,
        "digest": prepared.digest,
        "n_frames": prepared.n_frames,
        "n_dropped": prepared.n_dropped,
        "source_digest": prepared.source_digest,
        "label": recording.label,
        "part": recording.part,
        "neutral": recording.neutral or None,
        "action_units": None if recording.action_units is None else json.dumps(recording.action_units),
        "error": prepared.error,
    }
    quality = {} if prepared.quality is None else asdict(prepared.quality)
    return {name: value for name, value in (own | quality).items() if value is not None}


def as_stored(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return arrays as a store has them: eight pixels of a blob in a byte."""
    return {name: _packed(array) if name == "blobs" else array for name, array in arrays.items()}


def _packed(blobs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return blobs (t, h, w[, channels]) with the bits of axis 2 in bytes."""
    if blobs.ndim == 4:
        # with each channel in one piece of memory, as they come, NumPy packs ten times as fast
        channels = np.ascontiguousarray(np.moveaxis(blobs, -1, 1))
        return np.ascontiguousarray(np.moveaxis(np.packbits(channels, axis=-1), 1, -1))
    return np.packbits(blobs, axis=-1)


def _write_array(group: h5py.Group, name: str, array: NDArray[Any], *, packed: bool) -> h5py.Dataset:
    if array.nbytes < 4096 or not packed:
        # the metadata of a compressed chunk would be larger than the savings
        return group.create_dataset(name, data=array)
    # one chunk per time step for streaming; small arrays are a single chunk
    chunks = (1, *array.shape[1:]) if array[:1].nbytes >= 8192 else array.shape
    options = {"chunks": chunks, "compression": "gzip", "compression_opts": _LEVEL}
    dataset = group.create_dataset(name, shape=array.shape, dtype=array.dtype, **options)
    contiguous = np.ascontiguousarray(array)
    for start in range(0, len(array), chunks[0]):
        packer = zlib.compressobj(_LEVEL, strategy=_STRATEGIES.get(name, zlib.Z_DEFAULT_STRATEGY))
        chunk = packer.compress(contiguous[start : start + chunks[0]].data) + packer.flush()
        dataset.id.write_direct_chunk((start, *(0,) * (array.ndim - 1)), chunk)
    return dataset


class Part(NamedTuple):
    """The metadata of a recording that was preprocessed before."""

    digest: str
    n_frames: int
    error: str | None
    quality: Quality | None
    source_digest: str = ""
    remarks: Mapping[str, str] = MappingProxyType({})


def read_part(folder: Path, id: str) -> Part | None:
    """Return the metadata of a recording's part, or None where there is no complete part."""
    path = part_path(folder, id)
    if not path.exists():
        return None
    try:
        with h5py.File(path, "r") as file:
            group = file[f"recordings/{id}"]
            attrs = group.attrs
            if attrs["checksum"] != recording_checksum(group):
                return None
            quality, source_digest = quality_of(group), str(attrs.get("source_digest", ""))
            remarks = {name: str(value) for name, value in file.attrs.items()}
            return Part(
                str(attrs["digest"]), int(attrs["n_frames"]), attrs.get("error"), quality, source_digest, remarks
            )
    except (DataError, OSError, KeyError, RuntimeError):
        return None


def unpack(group: h5py.Group, id: str, folder: Path) -> None:
    """Write a recording of a store as a part again."""
    image = io.BytesIO()
    with new_file(image) as part:
        group.copy(group, new_group(part, "recordings"), id)
    _write_image(folder, id, image)


def remove_some_parts(folder: Path, ids: Iterable[str]) -> None:
    """Remove the parts of some recordings."""
    for id in ids:
        part_path(folder, id).unlink(missing_ok=True)


def remove_parts(folder: Path) -> None:
    """Remove the parts, and the folder unless it contains other files."""
    remove_temporaries(folder)
    for path in (*folder.glob("*.h5"), folder / PLAN):
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def assemble(
    folder: Path,
    digests: Mapping[str, str],
    out: Path,
    *,
    pipeline: Mapping[str, Any],
    digest: str,
    notes: list[str],
    origin: Origin | None = None,
    one_of_many: bool = False,
) -> list[Held]:
    """Build the store from its parts, in the order of ``digests``; the same parts give the same bytes.

    Parameters
    ----------
    folder : Path
        Where the parts are.
    digests : mapping
        Of each recording by id, what its part has to be made from.
    out : Path
        The store; it is written atomically.
    pipeline : mapping
        The resolved recipe.
    digest : str
        Of the pipeline and all sources.
    notes : list of str
        Notes on the data, shown with every result.
    origin : str, optional
        Whose faces the data show.
    one_of_many : bool
        It is a file of a larger store, whose checksum then also tells the checksums of its recordings.

    Returns
    -------
    list of Held
        What is in it, sorted by id.
    """
    held: list[Held] = []

    def begin(file: h5py.File) -> None:
        file.attrs.update(root_attributes(SCHEMA, pipeline=pipeline, digest=digest, notes=notes, origin=origin))
        new_group(file, "recordings")

    def add(ids: Sequence[str], file: h5py.File) -> None:
        for id in ids:
            with h5py.File(part_path(folder, id), "r") as part:
                group = part[f"recordings/{id}"]
                if group.attrs["digest"] != digests[id]:
                    raise DataError(f"the part of {id} is made from something else", folder, "run it again")
                part.copy(group, file["recordings"])
                held.append(Held(entry_of(id, group), digests[id], str(group.attrs["checksum"])))

    def finish(file: h5py.File) -> None:
        held.sort(key=lambda one: one.entry.id)
        index = json.dumps([asdict(one.entry) for one in held])
        file["index"] = index
        file["index"].attrs[CHECKSUM] = zlib.crc32(index.encode())
        if one_of_many:
            file.attrs["contents"] = contents_of(held)
        file.attrs["checksum"] = root_checksum(file)

    ids = list(digests)
    batches = (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))
    write_hdf5(out, [begin, *(partial(add, batch) for batch in batches), finish])
    return held


def contents_of(held: Iterable[Held]) -> str:
    """Return the digest of the checksums of recordings."""
    return config.digest([[one.entry.id, one.checksum] for one in held])


def root_attributes(
    schema: int, *, pipeline: Mapping[str, Any], digest: str, notes: list[str], origin: Origin | None
) -> dict[str, Any]:
    """Return the attributes of a store's root, without its checksum; see `assemble`."""
    attributes: dict[str, Any] = {
        "schema": schema,
        "ckseq_version": ckseq.__version__,
        "pipeline": json.dumps(pipeline, sort_keys=True),
        "digest": digest,
        "notes": json.dumps(notes),
    }
    return attributes if origin is None else attributes | {"origin": origin}
