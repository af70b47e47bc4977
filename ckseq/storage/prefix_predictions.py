"""``early.csv``: what the models of a run said of test sequences of which they saw only the start."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ckseq.errors import DataError
from ckseq.protocol.early_classification import PrefixProbabilities
from ckseq.storage.complete_run import check_file
from ckseq.storage.files import csv_text, read_csv, write_text
from ckseq.storage.run_record import RunRecord

EARLY = "early.csv"
_COLUMNS = ("recording", "subject", "fold", "seed", "truth", "share")
_AGAIN = "remove it, or train again with --overwrite"


class PrefixPrediction(NamedTuple):
    """One answer: as `runs.Prediction`, given after a share of the sequence."""

    recording: str
    subject: str
    fold: int
    seed: int | None
    truth: str
    share: float
    probabilities: tuple[float, ...]


def write_prefix_predictions(folder: Path, labels: Sequence[str], rows: Sequence[PrefixPrediction]) -> None:
    """Write ``early.csv``; errors as of `runs.write_text`."""
    header = (*_COLUMNS, *(f"p_{label}" for label in labels))
    table = (
        (*row[:3], "" if row.seed is None else row.seed, row.truth, row.share, *(f"{p:.7g}" for p in row.probabilities))
        for row in rows
    )
    write_text(folder / EARLY, csv_text(header, table))


def read_prefix_predictions(folder: Path) -> tuple[tuple[str, ...], tuple[PrefixPrediction, ...]]:
    """Read ``early.csv``.

    Returns
    -------
    labels : tuple of str
    rows : tuple of PrefixPrediction

    Raises
    ------
    DataError
        It is missing, cut short, or holds a value that cannot be: the message names the line.
    """
    path = folder / EARLY
    header, rows = read_csv(path, missing="the run was made without looking at the start of sequences")
    n = len(_COLUMNS)
    if tuple(header[:n]) != _COLUMNS or not all(name.startswith("p_") for name in header[n:]):
        raise DataError(f"has other columns than {', '.join(_COLUMNS)}, p_<label>...", path, _AGAIN)
    labels = tuple(name.removeprefix("p_") for name in header[n:])
    return labels, tuple(_glimpse(row, labels, f"{path}, line {line}") for line, row in rows)


def _glimpse(row: Sequence[str], labels: tuple[str, ...], where: str) -> PrefixPrediction:
    recording, subject, fold, seed, truth, share, *probabilities = row
    if truth not in labels:
        raise DataError(f"{truth!r} is not one of the classes: {', '.join(labels)}", where, _AGAIN)
    try:
        numbers = (float(share), *(float(text) for text in probabilities))
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError
        return PrefixPrediction(
            recording, subject, int(fold), int(seed) if seed else None, truth, numbers[0], numbers[1:]
        )
    except ValueError:
        raise DataError("a fold, a seed, a share or a probability is not a number", where, _AGAIN) from None


def as_prefix_probabilities(
    labels: tuple[str, ...], rows: Sequence[PrefixPrediction], where: Path
) -> PrefixProbabilities:
    """Return the rows as arrays, one sequence for each recording and seed.

    Raises
    ------
    DataError
        A sequence lacks a share that others have.
    """
    shares = sorted({row.share for row in rows})
    sequences: dict[tuple[str, int | None], dict[float, PrefixPrediction]] = {}
    for row in rows:
        sequences.setdefault((row.recording, row.seed), {})[row.share] = row
    for (recording, _), found in sequences.items():
        if sorted(found) != shares:
            raise DataError(f"{recording} lacks some of the shares", where, _AGAIN)
    firsts = [found[shares[0]] for found in sequences.values()]
    return PrefixProbabilities(
        labels,
        np.array(shares),
        np.array([[found[share].probabilities for share in shares] for found in sequences.values()]),
        np.array([labels.index(row.truth) for row in firsts]),
        tuple(row.subject for row in firsts),
    )


def prefix_probabilities_of(folder: Path, run: RunRecord) -> PrefixProbabilities | None:
    """Return what the models of a run said early of people they were not trained on.

    Parameters
    ----------
    folder : Path
    run : RunRecord

    Returns
    -------
    PrefixProbabilities or None
        None where the run holds nothing of it, or tested on people whom it was trained on.

    Raises
    ------
    DataError
        It is not what the run wrote.
    """
    if not (folder / EARLY).is_file() or run.protocol.shared_subjects:
        return None
    check_file(folder, run, EARLY)
    labels, rows = read_prefix_predictions(folder)
    return as_prefix_probabilities(labels, rows, folder / EARLY) if rows else None
