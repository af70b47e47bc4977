"""``history.csv``: loss and accuracy of every epoch of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ckseq.errors import DataError
from ckseq.storage.files import TRAIN_AGAIN, csv_text, read_csv, write_text

HISTORY = "history.csv"


class Epoch(NamedTuple):
    """One epoch, counted from 1; accuracies are fractions; NaN where something was not measured.

    With class weights, ``loss`` is the weighted mean over the training samples; ``val_loss`` is not weighted.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


def write_history(folder: Path, epochs: Sequence[Epoch]) -> None:
    """Write ``history.csv``, one line per epoch; what was not measured (NaN) is an empty cell.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    rows = ((e.epoch, *("" if math.isnan(value) else repr(float(value)) for value in e[1:])) for e in epochs)
    write_text(folder / HISTORY, csv_text(Epoch._fields, rows))


def read_history(folder: Path) -> tuple[Epoch, ...]:
    """Read ``history.csv``.

    Raises
    ------
    DataError
        It is missing, cut short, or holds something that is not a number: the message names the line.
    """
    path = folder / HISTORY
    header, rows = read_csv(path, missing="the run has no history yet")
    if tuple(header) != Epoch._fields:
        raise DataError(f"has other columns than {', '.join(Epoch._fields)}", path, TRAIN_AGAIN)
    epochs = []
    for line, (epoch, *values) in rows:
        try:
            epochs.append(Epoch(int(epoch), *(float(value) if value else math.nan for value in values)))
        except ValueError:
            raise DataError("a value is not a number", f"{path}, line {line}", TRAIN_AGAIN) from None
    return tuple(epochs)
