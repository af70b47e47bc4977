"""Sequences that are read from their store batch by batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.signal.sequence import SequenceConfig, fit_length, length_of
from ckseq.storage.store import Store, open_store
from ckseq.storage.store_entry import Entry

Input = Literal["projections", "landmarks", "fused", "blobs", "halved", "crops", "features"]
"""The input of a model; features are computed from the crops, and not streamed."""


@dataclass(frozen=True)
class Streamed:
    """Sequences (n, t, h, w, channels), or images (n, h, w, channels), as an array that is read on demand.

    Crops are uint8, everything else is float32.

    Rows are selected as in an array, ``streamed[3:9]`` or ``streamed[[5, 2]]``, which reads nothing;
    ``np.asarray(streamed[rows])`` reads only these. It may be passed to other processes: it holds the store's path, and
    no open file.

    Parameters
    ----------
    path : Path
        The store.
    digest : str
        The store's; a file that holds another store in its place is refused.
    input : str
        The dataset that is read.
    ids : array of str
        The recordings, in order.
    config : SequenceConfig
        How each sequence is brought to the common length.
    item_shape : (t, h, w, channels)
        Or (h, w, channels) of crops where t is 1.
    neutral_ids : array of str, optional
        For each recording that of its subject's neutral face, to which landmarks and gradients are relative.
    """

    path: Path
    digest: str
    input: Input
    ids: NDArray[np.str_]
    config: SequenceConfig
    item_shape: tuple[int, ...]
    neutral_ids: NDArray[np.str_] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """As of an array: (n, t, h, w, channels) or (n, h, w, channels)."""
        return (len(self.ids), *self.item_shape)

    @property
    def ndim(self) -> int:
        """As of an array: 5 or 4."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """As of an array: uint8 of crops, float32 of everything else."""
        return np.dtype(np.uint8 if self.input == "crops" else np.float32)

    @property
    def nbytes(self) -> int:
        """As of an array."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __len__(self) -> int:
        """Return n."""
        return len(self.ids)

    def __getitem__(self, rows: slice | Sequence[int] | NDArray[np.int_]) -> Streamed:
        """Select rows; nothing is read."""
        neutral_ids = None if self.neutral_ids is None else self.neutral_ids[rows]
        return replace(self, ids=self.ids[rows], neutral_ids=neutral_ids)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all rows.

        Raises
        ------
        DataError
            The store is gone, damaged, or was replaced.
        """
        array = np.empty(self.shape, self.dtype)
        length = 1 if len(self.item_shape) == 3 else self.item_shape[0]
        with open_store(self.path, listing=False, digest=self.digest) as store:
            for place in range(len(self.ids)):
                one = fit_length(
                    self._read(store, place),
                    length_frames=length,
                    overflow=self.config.overflow,
                    short=self.config.short,
                )
                array[place] = one.reshape(self.item_shape)
        return array if dtype is None else array.astype(dtype, copy=False)

    def _read(self, store: Store, place: int) -> NDArray[Any]:
        id, read = str(self.ids[place]), getattr(store, self.input)
        if self.neutral_ids is None:
            return np.asarray(read(id))
        return np.asarray(read(id, store.neutral_face(str(self.neutral_ids[place]))))


def stream(
    store: Store,
    entries: Sequence[Entry],
    input: Input,
    config: SequenceConfig,
    neutral_ids: Sequence[str] | None = None,
) -> Streamed:
    """Return the sequences of some recordings, without reading them.

    Parameters
    ----------
    store : Store
    entries : sequence of Entry
        At least one.
    input : str
        The dataset to read.
    config : SequenceConfig
    neutral_ids : sequence of str, optional
        See `Streamed`.

    Raises
    ------
    DataError
        A recording has no such dataset, or its frames are of another size than the first one's.
    """
    shapes = {store.frame_shape(entry.id, input) for entry in entries}
    if len(shapes) > 1:
        raise DataError(f"frames of {len(shapes)} sizes: {sorted(shapes)}", store.path, "prepare it again")
    (frame,) = shapes
    length = length_of([n_steps(entry, input) for entry in entries], config)
    shape = (*frame, *([1] if len(frame) == 2 else []))
    shape = shape if input == "crops" and length == 1 else (length, *shape)
    neutral = None if neutral_ids is None else np.array(neutral_ids)
    return Streamed(store.path, store.digest, input, np.array([entry.id for entry in entries]), config, shape, neutral)


def n_steps(entry: Entry, input: Input) -> int:
    """Return the length of a sequence as a model reads it: frames of crops and features, steps of motion otherwise."""
    return entry.n_crops if input in ("crops", "features") else entry.n_steps
