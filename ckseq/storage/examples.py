"""``examples/*.npz``: one test sequence of each class, for pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.storage.files import write_bytes

EXAMPLES = "examples"


class Example(NamedTuple):
    """The picture of one test sequence.

    ``faces`` is uint8 (2, n, n), the first and the last crop; ``blobs`` is bool (t, h, w); ``projections`` is
    float32 (t, 2, n).
    """

    recording: str
    label: str
    faces: NDArray[np.uint8]
    blobs: NDArray[np.bool_]
    projections: NDArray[np.float32]


def write_examples(folder: Path, examples: Iterable[Example]) -> None:
    """Write ``examples/<recording>.npz``, one per example, and remove those of an earlier training.

    Raises
    ------
    DataError
        A file cannot be written.
    """
    kept = set()
    for example in examples:
        # an id is a plain word by contract; quoting keeps any other inside the folder
        path = folder / EXAMPLES / f"{quote(example.recording, safe='')}.npz"
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            recording=np.array(example.recording),
            label=np.array(example.label),
            faces=example.faces,
            blobs=example.blobs,
            projections=example.projections,
        )
        write_bytes(path, buffer.getvalue())
        kept.add(path)
    for path in (folder / EXAMPLES).glob("*.npz"):
        if path not in kept:
            path.unlink()


def read_examples(folder: Path) -> tuple[Example, ...]:
    """Read ``examples/*.npz``, sorted by recording; none where the run kept none.

    Raises
    ------
    DataError
        A file is cut short, or its arrays have other names, types or shapes than an `Example`.
    """
    examples = [_read_example(path) for path in (folder / EXAMPLES).glob("*.npz")]
    return tuple(sorted(examples, key=lambda example: example.recording))


def _read_example(path: Path) -> Example:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            example = Example(
                str(arrays["recording"]), str(arrays["label"]), arrays["faces"], arrays["blobs"], arrays["projections"]
            )
    except Exception as error:  # zipfile and numpy raise a dozen types, depending on which byte is damaged
        raise DataError(
            f"is cut short or not an example: {error}", path, "remove it, or train again with --overwrite"
        ) from None
    types = [array.dtype.name for array in example[2:]]
    channels = example.blobs.ndim - 3
    shaped = example.faces.ndim == 3 and channels in (0, 1) and example.projections.ndim == 3 + channels
    if types != ["uint8", "bool", "float32"] or not shaped:
        raise DataError(
            "holds arrays of other types or shapes than an example", path, "remove it, or train again with --overwrite"
        )
    return example
