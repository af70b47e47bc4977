"""`open_store` and `load_xy`: from prepared recordings to arrays that scikit-learn and aeon read."""

from __future__ import annotations

from contextlib import nullcontext
from os import PathLike
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.api.arguments import as_store_path, check_choice, check_count, kind_of
from ckseq.api.boundary import names_arguments
from ckseq.api.data_set import DataSet
from ckseq.api.prepare import Arrays, Prepared
from ckseq.config import parse
from ckseq.errors import CallError, DataError
from ckseq.notebook import html_table
from ckseq.recording import Recording
from ckseq.signal.fused import beside
from ckseq.signal.sequence import SequenceConfig, fit_length
from ckseq.storage import store as stores
from ckseq.storage.store import Store
from ckseq.storage.streaming import stream

XInput = Literal["projections", "landmarks", "fused"]


class XY(NamedTuple):
    """Sequences with their labels, people and ids; unpacks into ``X, y, groups, ids``.

    Parameters
    ----------
    X : (n, length, 2, w, channels) float32
    y : (n,) array of str
        The labels.
    groups : (n,) array of str
        The subjects, for `sklearn.model_selection.GroupKFold`: nobody is trained on and tested on.
    ids : (n,) array of str
        The recordings.

    Examples
    --------
    >>> X, y, groups, ids = ckseq.load_xy("faces.h5", length=24)
    >>> X.shape, str(y[0]), str(groups[0]), str(ids[0])
    ((15, 24, 2, 267, 3), 'surprise', 'S005', 'S005_001')
    """

    X: NDArray[np.float32]
    y: NDArray[np.str_]
    groups: NDArray[np.str_]
    ids: NDArray[np.str_]

    def __repr__(self) -> str:
        arrays = f"X {self.X.shape} {self.X.dtype}, y {self.y.shape}, groups {self.groups.shape}, ids {self.ids.shape}"
        labels, counts = np.unique(self.y, return_counts=True)
        classes = ", ".join(f"{label} {n}" for label, n in zip(labels, counts, strict=True))
        return f"<XY: {arrays}; {len(set(self.groups.tolist()))} subjects; {classes}>"

    def _repr_html_(self) -> str:
        labels, counts = np.unique(self.y, return_counts=True)
        title = f"X {self.X.shape} {self.X.dtype}, {len(set(self.groups.tolist()))} subjects"
        return html_table(title, zip(labels, counts, strict=True), ("label", "sequences"))


@names_arguments
def open_store(path: str | PathLike[str] | Store) -> Store:
    """Open a store that `preprocess` or ``ckseq preprocess`` made, for reading.

    Parameters
    ----------
    path : path or Store
        The HDF5 file; a store that is open already is returned as it is.

    Returns
    -------
    Store
        Use it in a ``with`` block, or close it. ``entries`` are its recordings with label, subject and quality;
        ``projections(id)`` (t, 2, n[, channels]) float32, ``landmarks(id)``, ``gradients(id)``, ``blobs(id)`` and so on
        are its arrays.

    Raises
    ------
    DataError
        There is no such file, or it is damaged, not a store, or of a newer version.

    Examples
    --------
    >>> with ckseq.open_store("faces.h5") as store:
    ...     entry = store.entries[0]
    ...     entry.id, entry.label, store.projections(entry.id).shape
    ('S005_001', 'surprise', (5, 2, 267, 3))
    """
    return path if isinstance(path, Store) else stores.open_store(as_store_path(path))


@names_arguments
def load_xy(store: str | PathLike[str] | Store | Prepared, length: int = 24, *, input: XInput = "projections") -> XY:
    """Return the labeled sequences of a store, all of one length, with labels, subjects and ids.

    Parameters
    ----------
    store : path, Store or Prepared
        Prepared recordings, on disk or in memory. Those without a label and those that failed are left out.
    length : int
        Steps of time; every sequence is resampled to it by linear interpolation.
    input : str
        ``projections``, the column and row means of motion, (2, n, channels) at each step; ``landmarks``, registered to
        a mean face, (2, k, 1); ``fused``, these and the gradients of the face side by side.

    Returns
    -------
    X : (n, length, 2, w, channels) float32
    y : (n,) array of str
    groups : (n,) array of str
        The subject of each sequence; its own id where that is unknown.
    ids : (n,) array of str

    Raises
    ------
    CallError
        The length is impossible, there is no such input, or it is no store.
    DataError
        No recording is labeled, or one has no such array.

    Examples
    --------
    >>> from sklearn.linear_model import RidgeClassifierCV
    >>> from sklearn.model_selection import GroupKFold, cross_val_score
    >>> X, y, groups, ids = ckseq.load_xy("faces.h5", length=24)
    >>> vectors = ckseq.Projections().fit_transform(X)
    >>> vectors.shape
    (15, 3204)
    >>> cross_val_score(RidgeClassifierCV(), vectors, y, groups=groups, cv=GroupKFold(5)).shape
    (5,)
    """
    check_choice(input, "input", XInput)
    check_count(length, "length", least=1)
    if isinstance(store, Recording | DataSet):
        raise CallError(
            f"store is {kind_of(store)}, not prepared", fix="prepare it: ckseq.load_xy(ckseq.prepare(data))"
        )
    asked = {"length_frames": length, "overflow": "resample", "short": "stretch"}
    config = parse(SequenceConfig, asked, where="load_xy")
    if isinstance(store, Prepared):
        return _from_memory(store, config, input)
    with nullcontext(store) if isinstance(store, Store) else open_store(store) as opened:
        entries = [entry for entry in opened.entries if entry.label is not None and entry.error is None]
        if not entries:
            raise DataError("no recording is labeled", opened.path, "prepare data with labels")
        x = np.asarray(stream(opened, entries, input, config))
    return _xy(x, [(str(entry.label), entry.subject, entry.id) for entry in entries])


def _from_memory(prepared: Prepared, config: SequenceConfig, input: XInput) -> XY:
    used = sorted((one for one in prepared.recordings if one.label is not None), key=lambda one: one.id)
    if not used:
        raise DataError("no recording is labeled", fix="prepare data with labels")
    assert isinstance(config.length_frames, int)
    sequences = [
        fit_length(
            _one(prepared[one.id], input, one.id),
            length_frames=config.length_frames,
            overflow=config.overflow,
            short=config.short,
        )
        for one in used
    ]
    x = np.stack(sequences).astype(np.float32, copy=False)
    return _xy(x.reshape(*x.shape[:4], -1), [(str(one.label), one.subject, one.id) for one in used])


def _one(arrays: Arrays, input: XInput, id: str) -> NDArray[Any]:
    try:
        if input == "fused":
            return beside(arrays["projections"], arrays["landmarks"], arrays["gradients"])
        return arrays[input]
    except KeyError as error:
        fix = "name a pipeline that makes it, or another input"
        raise DataError(f"it has no {error.args[0]}", id, fix) from None


def _xy(x: NDArray[np.float32], facts: list[tuple[str, str, str]]) -> XY:
    labels, subjects, ids = (np.array(column, dtype=np.str_) for column in zip(*facts, strict=True))
    return XY(x, labels, subjects, ids)
