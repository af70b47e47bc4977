"""Which crops a run keeps for its pictures: one test recording of each class, and the surest mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.report.tables import confusions
from ckseq.storage.predictions import Predictions
from ckseq.storage.report_crops import shrunk, write_crops
from ckseq.storage.store import Store, open_store

MOST_MISTAKES = 24


def keep_crops(
    out: Path, store: Path, predictions: Predictions, console: Console, *, digest: str | None = None
) -> None:
    """Keep small crops of some tested recordings in the run folder; a store that has gone is no failure.

    Parameters
    ----------
    out : Path
        The run folder.
    store : Path
        Where the recordings are.
    predictions : Predictions
        Of the run.
    console : Console
    digest : str, optional
        Of the store; of another one no crops are kept.

    Raises
    ------
    DataError
        They cannot be written.
    """
    try:
        with open_store(store, digest=digest) as opened:
            found = {id: _crops(opened, id) for id in chosen(predictions) if opened.has(id, "faces")}
    except DataError as error:
        console.warn(f"no crops are kept for the figures of the report: {error}")
        return
    # a data set of images and sequences: of all of them the last crop
    k = min(map(len, found.values()), default=0)
    write_crops(out, {id: shrunk(crops[-k:]) for id, crops in found.items()})


def chosen(predictions: Predictions) -> tuple[str, ...]:
    """Return the first test recording of each class, then the recordings of the surest mistakes, each once."""
    first = {row.truth: row.recording for row in reversed(predictions.rows)}
    of_classes = [first[label] for label in predictions.labels if label in first]
    mistakes = list(dict.fromkeys(mistake.recording for mistake in confusions(predictions)))
    return tuple(dict.fromkeys([*of_classes, *mistakes[:MOST_MISTAKES]]))


def _crops(store: Store, id: str) -> NDArray[np.uint8]:
    """Return the first and the last crop of a sequence, or the one of a still image, as the store has them."""
    if not store.has(id, "crops"):
        return store.faces(id)
    crops = store.crops(id)
    return crops[[0, -1]] if len(crops) > 1 else crops
