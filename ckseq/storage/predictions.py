"""``predictions.csv``: what the models of a run said of every test recording, the source of every figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.facs import NEUTRAL, code_text
from ckseq.recording import known_subjects
from ckseq.storage.files import TRAIN_AGAIN, csv_text, read_csv, write_text

PREDICTIONS = "predictions.csv"


_PREDICTION_COLUMNS = ("recording", "subject", "fold", "truth", "predicted")


_UNIT_COLUMNS = {"truth": "units", "predicted": "predicted_units"}
"""How the columns of action units are called, whose rows have none or several labels each."""

# what single precision and the text of a probability may leave of a sum of 1
_ROUNDING = 1e-3
_SEEDED_COLUMNS = ("recording", "subject", "fold", "seed", "truth", "predicted")


class Prediction(NamedTuple):
    """What the model said about one test recording.

    ``fold`` counts from 0; ``probabilities`` are in the order of the labels of the table it stands in; ``seed`` is that
    of the model that answered, None in a run of one training. Of action units, ``truth`` and ``predicted`` are FACS
    codes, as ``6+12``, of the units of the table; 0 is none of them.
    """

    recording: str
    subject: str
    fold: int
    truth: str
    predicted: str
    probabilities: tuple[float, ...]
    seed: int | None = None


@dataclass(frozen=True)
class Predictions:
    """The source of every figure of a run: one row per test recording and seed, and the labels in order.

    ``multi_label`` is whether the labels are action units, which do not exclude each other.
    """

    labels: tuple[str, ...]
    rows: tuple[Prediction, ...]
    multi_label: bool = False

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seeds, in the order of their first row; ``(None,)`` for a run of one training."""
        return tuple(dict.fromkeys(row.seed for row in self.rows))

    @property
    def correct(self) -> NDArray[np.float64]:
        """Whether each row is correct, 0 or 1, (n,); of action units the share of them that are."""
        if not self.multi_label:
            return np.array([row.truth == row.predicted for row in self.rows], float)
        wrong = [set(_units(row.truth)) ^ set(_units(row.predicted)) for row in self.rows]
        return np.array([1 - len(units) / len(self.labels) for units in wrong])

    def shares_correct(self) -> dict[str, float]:
        """Return how much of the predictions for each recording is correct, the mean of `correct` over the seeds."""
        found: dict[str, list[float]] = {}
        for row, share in zip(self.rows, self.correct.tolist(), strict=True):
            found.setdefault(row.recording, []).append(share)
        return {recording: float(np.mean(shares)) for recording, shares in found.items()}

    @property
    def subjects(self) -> list[str] | None:
        """The subject of each row; None where that of any is unknown."""
        return known_subjects((row.subject, row.recording) for row in self.rows)

    def by_recording(self) -> dict[str, list[Prediction]]:
        """Return the predictions for each recording, one for each seed."""
        found: dict[str, list[Prediction]] = {}
        for row in self.rows:
            found.setdefault(row.recording, []).append(row)
        return found


class ByUnit(NamedTuple):
    """Predictions of action units as arrays: whether each of n recordings shows each of k units, and its probability.

    ``shown`` is (n, k) bool, ``probabilities`` (n_seeds, n, k) float64; ``folds`` are those each was tested in.
    """

    recordings: tuple[str, ...]
    subjects: tuple[str, ...]
    folds: tuple[int, ...]
    shown: NDArray[np.bool_]
    probabilities: NDArray[np.float64]


def by_unit(predictions: Predictions) -> ByUnit:
    """Return predictions of action units as arrays, of all seeds, recordings in the order of the first seed's rows."""
    by_seed: dict[int | None, dict[str, Prediction]] = {seed: {} for seed in predictions.seeds}
    for row in predictions.rows:
        by_seed[row.seed][row.recording] = row
    first = next(iter(by_seed.values()))
    return ByUnit(
        tuple(first),
        tuple(row.subject for row in first.values()),
        tuple(row.fold for row in first.values()),
        np.array([[unit in _units(row.truth) for unit in predictions.labels] for row in first.values()], bool),
        np.array([[rows[recording].probabilities for recording in first] for rows in by_seed.values()], float),
    )


def share_correct(rows: Sequence[Prediction]) -> float:
    """Return the share of predictions that are correct, as those of several seeds for one recording."""
    return sum(row.truth == row.predicted for row in rows) / len(rows)


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Write ``predictions.csv``: recording, subject, fold, truth, predicted, and ``p_<label>`` for every class.

    Where rows have a seed, a column ``seed`` stands after ``fold``. Of action units the columns are called ``units``
    and ``predicted_units``, and the probability of each unit is its own.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    seeded = any(row.seed is not None for row in predictions.rows)
    columns = _SEEDED_COLUMNS if seeded else _PREDICTION_COLUMNS
    named = [_UNIT_COLUMNS.get(name, name) for name in columns] if predictions.multi_label else columns
    header = (*named, *(f"p_{label}" for label in predictions.labels))
    rows = (
        (*(getattr(row, name) for name in columns), *(repr(float(p)) for p in row.probabilities))
        for row in predictions.rows
    )
    write_text(folder / PREDICTIONS, csv_text(header, rows))


def read_predictions(folder: Path) -> Predictions:
    """Read ``predictions.csv``.

    Raises
    ------
    DataError
        It is missing, cut short, or holds a value that cannot be: the message names the line.
    """
    path = folder / PREDICTIONS
    header, rows = read_csv(path, missing="the run has no predictions yet")
    columns = _SEEDED_COLUMNS if "seed" in header[:4] else _PREDICTION_COLUMNS
    n = len(columns)
    multi_label = _UNIT_COLUMNS["truth"] in header[:n]
    if multi_label:
        back = {name: own for own, name in _UNIT_COLUMNS.items()}
        header = [*(back.get(name, name) for name in header[:n]), *header[n:]]
    if tuple(header[:n]) != columns or not all(name.startswith("p_") for name in header[n:]):
        raise DataError(f"has other columns than {', '.join(_PREDICTION_COLUMNS)}, p_<label>...", path, TRAIN_AGAIN)
    labels = tuple(name.removeprefix("p_") for name in header[n:])
    if len(set(labels)) < len(labels):
        raise DataError("names a class twice", path, TRAIN_AGAIN)
    found: dict[tuple[str, int | None], Prediction] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        one = _prediction(row, columns, labels, where, multi_label=multi_label)
        if found.setdefault((one.recording, one.seed), one) is not one:
            raise DataError(f"{one.recording} stands there a second time", where, TRAIN_AGAIN)
    return Predictions(labels, tuple(found.values()), multi_label)


def _units(code: str) -> tuple[str, ...]:
    return () if code == NEUTRAL else tuple(code.split("+"))


def _prediction(
    row: Sequence[str], columns: Sequence[str], labels: tuple[str, ...], where: str, *, multi_label: bool
) -> Prediction:
    said = dict(zip(columns, row, strict=False))
    truth, predicted = said["truth"], said["predicted"]
    for label in (*_units(truth), *_units(predicted)) if multi_label else (truth, predicted):
        if label not in labels:
            raise DataError(f"{label!r} is not one of the classes: {', '.join(labels)}", where, TRAIN_AGAIN)
    try:
        probabilities = tuple(float(text) for text in row[len(columns) :])
        seed = int(said["seed"]) if said.get("seed") else None
        row_read = Prediction(
            said["recording"], said["subject"], int(said["fold"]), truth, predicted, probabilities, seed
        )
    except ValueError:
        raise DataError("a fold, a seed or a probability is not a number", where, TRAIN_AGAIN) from None
    if multi_label:
        if not all(0 <= p <= 1 for p in probabilities):
            raise DataError("probabilities are not from 0 to 1", where, TRAIN_AGAIN)
        if code_text([label for label, p in zip(labels, probabilities, strict=True) if p >= 0.5]) != predicted:
            raise DataError(f"{predicted!r} is predicted, but those are other units", where, TRAIN_AGAIN)
        return row_read
    if not all(0 <= p <= 1 for p in probabilities) or abs(sum(probabilities) - 1) > _ROUNDING:
        raise DataError("probabilities are not from 0 to 1 with a sum of 1", where, TRAIN_AGAIN)
    if probabilities[labels.index(predicted)] < max(probabilities):
        raise DataError(f"{predicted!r} is predicted, but is not the most probable class", where, TRAIN_AGAIN)
    return row_read
