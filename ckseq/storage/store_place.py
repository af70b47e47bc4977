"""What stands in the place of a store, and what to do about it."""

from __future__ import annotations

import shlex
from difflib import get_close_matches
from pathlib import Path

import h5py

from ckseq.errors import CallError, CkseqError, DataError
from ckseq.regular_file import is_file, is_folder, is_something
from ckseq.storage.run_record import RUN, read_run
from ckseq.storage.store_entry import PREPARE_AGAIN

_KINDS = {
    ".csv": "a table",
    ".zip": "an archive",
    ".toml": "a recipe",
    **dict.fromkeys((".mp4", ".avi", ".mov", ".mkv", ".webm"), "a video"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff"), "an image"),
    **dict.fromkeys((".keras", ".skops"), "a model"),
}
_DATA = (".csv", ".zip")
STORES = (".h5", ".hdf5")
"""How the names of stores end."""


def no_store(path: Path) -> DataError:
    """Return the error of a path at which no store can be opened.

    Parameters
    ----------
    path : Path
        Something that is missing, a folder, or a file that HDF5 does not open.
    """
    if is_folder(path):
        return _folder(path)
    if not is_file(path):
        if is_something(path):
            return DataError("is no regular file, or a link that leads nowhere", path, "name a store")
        return DataError("there is no such store", path, _similar(path) + _make("DATA"))
    if h5py.is_hdf5(path) or path.suffix.lower() in STORES:
        return DataError("is cut short, or not a store of ckseq", path, PREPARE_AGAIN)
    kind = _KINDS.get(path.suffix.lower(), "a file of another kind")
    data = str(path) if path.suffix.lower() in _DATA else "DATA"
    return DataError(f"is {kind}, not a store", path, _make(data))


def _folder(path: Path) -> DataError:
    if is_file(path / RUN):
        try:
            made_from = read_run(path).store
        except CkseqError:  # a damaged record, of which other commands tell
            made_from = None
        fix = "name the store that it was made from" + (f": {made_from.path}" if made_from else "")
        return DataError("is a run, not a store", path, fix)
    stores = sorted(one for one in path.iterdir() if one.suffix.lower() in STORES and is_file(one))
    if len(stores) == 1:
        return DataError("is a folder, not a store", path, f"name the store in it: {stores[0]}")
    return DataError("is a folder, not a store", path, f"if it is a data set: {_make(str(path))}")


def _make(data: str) -> str:
    named = shlex.quote(data)
    return (
        f"make a store with 'ckseq preprocess {named} --out STORE.h5', or do everything at once with "
        f"'ckseq experiment NAME --data {named} --out RESULT'"
    )


def _similar(path: Path) -> str:
    try:
        there = [one.name for one in path.parent.iterdir() if one.suffix.lower() in STORES]
    except OSError:
        return ""
    near = get_close_matches(path.name, there, n=1)
    return f"did you mean {path.with_name(near[0])}? " if near else ""


def check_target(out: Path) -> None:
    """Refuse to write a store in the place of something else.

    Raises
    ------
    CallError
        There is a folder, or a file that is no store.
    """
    if is_folder(out):
        raise CallError("is a folder, and a store is a file", out, f"name a file in it, such as {out / 'store.h5'}")
    if is_file(out) and out.stat().st_size and out.suffix.lower() not in STORES and not h5py.is_hdf5(out):
        raise CallError("exists and is not a store", out, "choose another --out, or remove the file")
