"""``predictions.csv``: what the models of a run said of every test recording, the source of every figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ckseq.errors import DataError
from ckseq.recording import known_subjects
from ckseq.storage.files import TRAIN_AGAIN, csv_text, read_csv, write_text

PREDICTIONS = "predictions.csv"


_PREDICTION_COLUMNS = ("recording", "subject", "fold", "truth", "predicted")


# what single precision and the text of a probability may leave of a sum of 1
_ROUNDING = 1e-3
_SEEDED_COLUMNS = ("recording", "subject", "fold", "seed", "truth", "predicted")


class Prediction(NamedTuple):
    """What the model said about one test recording.

    ``fold`` counts from 0; ``probabilities`` are in the order of the labels of the table it stands in; ``seed`` is that
    of the model that answered, None in a run of one training.
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
    """The source of every figure of a run: one row per test recording and seed, and the labels in order."""

    labels: tuple[str, ...]
    rows: tuple[Prediction, ...]

    @property
    def seeds(self) -> tuple[int | None, ...]:
        """The seeds, in the order of their first row; ``(None,)`` for a run of one training."""
        return tuple(dict.fromkeys(row.seed for row in self.rows))

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


def share_correct(rows: Sequence[Prediction]) -> float:
    """Return the share of predictions that are correct, as those of several seeds for one recording."""
    return sum(row.truth == row.predicted for row in rows) / len(rows)


def write_predictions(folder: Path, predictions: Predictions) -> None:
    """Write ``predictions.csv``: recording, subject, fold, truth, predicted, and ``p_<label>`` for every class.

    Where rows have a seed, a column ``seed`` stands after ``fold``.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    seeded = any(row.seed is not None for row in predictions.rows)
    columns = _SEEDED_COLUMNS if seeded else _PREDICTION_COLUMNS
    header = (*columns, *(f"p_{label}" for label in predictions.labels))
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
    if tuple(header[:n]) != columns or not all(name.startswith("p_") for name in header[n:]):
        raise DataError(f"has other columns than {', '.join(_PREDICTION_COLUMNS)}, p_<label>...", path, TRAIN_AGAIN)
    labels = tuple(name.removeprefix("p_") for name in header[n:])
    if len(set(labels)) < len(labels):
        raise DataError("names a class twice", path, TRAIN_AGAIN)
    found: dict[tuple[str, int | None], Prediction] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        one = _prediction(row, columns, labels, where)
        if found.setdefault((one.recording, one.seed), one) is not one:
            raise DataError(f"{one.recording} stands there a second time", where, TRAIN_AGAIN)
    return Predictions(labels, tuple(found.values()))


def _prediction(row: Sequence[str], columns: Sequence[str], labels: tuple[str, ...], where: str) -> Prediction:
    said = dict(zip(columns, row, strict=False))
    truth, predicted = said["truth"], said["predicted"]
    for label in (truth, predicted):
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
    if not all(0 <= p <= 1 for p in probabilities) or abs(sum(probabilities) - 1) > _ROUNDING:
        raise DataError("probabilities are not from 0 to 1 with a sum of 1", where, TRAIN_AGAIN)
    if probabilities[labels.index(predicted)] < max(probabilities):
        raise DataError(f"{predicted!r} is predicted, but is not the most probable class", where, TRAIN_AGAIN)
    return row_read
