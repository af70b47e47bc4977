"""The run folder: what one training leaves behind, in files that a person can open, written whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError

SCHEMA = 1
RUN = "run.json"
HISTORY = "history.csv"
PREDICTIONS = "predictions.csv"
EXAMPLES = "examples"

_GO_ON = "go on with the training: 'ckseq train' with the same options and --resume"
_TRAIN_AGAIN = "train it again with --overwrite, or into a new folder"
_PREDICTION_COLUMNS = ("recording", "subject", "fold", "truth", "predicted")
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


class Epoch(NamedTuple):
    """One epoch, counted from 1; accuracies are fractions; NaN where something was not measured."""

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


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


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Write ``run.json``: how the run was made and how far it is. The schema is added.

    Raises
    ------
    DataError
        The file cannot be written.
    """
    write_text(folder / RUN, json.dumps({**run, "schema": SCHEMA}, indent=2, ensure_ascii=False) + "\n")


def read_run(folder: Path) -> dict[str, Any]:
    """Read ``run.json``.

    Raises
    ------
    DataError
        The folder does not exist or is no run; the file is cut short, of another schema or written by a newer ckseq.
    """
    path = folder / RUN
    if not folder.is_dir():
        raise DataError("there is no such folder", folder, "name the folder given to 'ckseq train --out'")
    if not path.is_file():
        raise DataError(f"is not a run: it holds no {RUN}", folder, "name the folder given to 'ckseq train --out'")
    try:
        run = json.loads(_read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(f"is cut short or not JSON: {error}", path, _TRAIN_AGAIN) from None
    schema = run.get("schema") if isinstance(run, dict) else None
    if type(schema) is not int:
        raise DataError("is not a ckseq run: it names no schema", path, "name the folder given to 'ckseq train --out'")
    if schema > SCHEMA:
        version = run.get("ckseq_version", "an unknown version")
        raise DataError(
            f"was written by a newer ckseq ({version}): schema {schema}, this one reads {SCHEMA}", path, "upgrade ckseq"
        )
    if schema < SCHEMA:
        raise DataError(f"has schema {schema}, this ckseq reads {SCHEMA}", path, _TRAIN_AGAIN)
    for section in ("experiment", "store", "split", "protocol", "model", "versions", "seconds"):
        if not isinstance(run.get(section, {}), dict):
            raise DataError(f"{section} is not a table", path, _TRAIN_AGAIN)
    return dict(run)


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
        raise DataError(f"has other columns than {', '.join(_PREDICTION_COLUMNS)}, p_<label>...", path, _TRAIN_AGAIN)
    labels = tuple(name.removeprefix("p_") for name in header[n:])
    return Predictions(labels, tuple(_prediction(row, columns, labels, f"{path}, line {line}") for line, row in rows))


def _prediction(row: Sequence[str], columns: Sequence[str], labels: tuple[str, ...], where: str) -> Prediction:
    said = dict(zip(columns, row, strict=False))
    truth, predicted = said["truth"], said["predicted"]
    for label in (truth, predicted):
        if label not in labels:
            raise DataError(f"{label!r} is not one of the classes: {', '.join(labels)}", where, _TRAIN_AGAIN)
    try:
        probabilities = tuple(float(text) for text in row[len(columns) :])
        seed = int(said["seed"]) if said.get("seed") else None
        row_read = Prediction(
            said["recording"], said["subject"], int(said["fold"]), truth, predicted, probabilities, seed
        )
    except ValueError:
        raise DataError("a fold, a seed or a probability is not a number", where, _TRAIN_AGAIN) from None
    if not all(math.isfinite(p) for p in row_read.probabilities):
        raise DataError("a probability is not a number", where, _TRAIN_AGAIN)
    return row_read


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
        raise DataError(f"has other columns than {', '.join(Epoch._fields)}", path, _TRAIN_AGAIN)
    epochs = []
    for line, (epoch, *values) in rows:
        try:
            epochs.append(Epoch(int(epoch), *(float(value) if value else math.nan for value in values)))
        except ValueError:
            raise DataError("a value is not a number", f"{path}, line {line}", _TRAIN_AGAIN) from None
    return tuple(epochs)


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
    except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error) as error:
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


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all: under a temporary name, which then replaces the file.

    Raises
    ------
    DataError
        It cannot be written (no space, no permission); a file that stood there is as it was.
    """
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, as `write_text` does."""

    def write(file: BinaryIO) -> None:
        file.write(data)

    write_file(path, write)


def write_file(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Have a file written whole or not at all, as `write_text` does, without holding it in memory."""
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner may read
        Path(temporary).replace(path)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        if isinstance(error, OSError):
            fix = "free some space or choose a folder that can be written"
            raise DataError(f"cannot be written: {error.strerror or error}", path, fix) from None
        raise


def _umask() -> int:
    mask = os.umask(0o077)  # the only way to read it is to set it
    os.umask(mask)
    return mask


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV, every line ended by a line feed."""
    table = [header, *rows]
    # Python quotes a lone carriage return only from 3.13 on
    odd = any("\r" in str(cell) for row in table for cell in row)
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL if odd else csv.QUOTE_MINIMAL)
    writer.writerows(table)
    return buffer.getvalue()


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}", path) from None
    except UnicodeDecodeError:
        raise DataError("is not text in UTF-8", path, _TRAIN_AGAIN) from None


def read_csv(path: Path, *, missing: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the numbered rows of a table whose every row is as long as its header."""
    if not path.is_file():
        raise DataError(f"{missing}: there is no {path.name}", path.parent, _GO_ON)
    text = _read_text(path)
    if not text.endswith("\n"):
        raise DataError("is cut short: its last line does not end", path, _TRAIN_AGAIN)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(f"is not a table: {error}", path, _TRAIN_AGAIN) from None
    header = rows[0][1]
    for line, row in rows:
        if len(row) != len(header):
            where = f"{path}, line {line}"
            raise DataError(f"is cut short: {len(row)} columns instead of {len(header)}", where, _TRAIN_AGAIN)
    return header, rows[1:]


def find_runs(folder: Path) -> tuple[Path, ...]:
    """Return the run folders in a folder, itself included, sorted; the folds within a run are no runs of their own.

    Raises
    ------
    DataError
        There is no such folder.
    """
    if not folder.is_dir():
        raise DataError("there is no such folder", folder, "name a folder that holds runs")
    found: list[Path] = []
    for path in sorted(folder.rglob(RUN), key=lambda path: (len(path.parts), path)):
        if not any(run in path.parents for run in found):
            found.append(path.parent)
    return tuple(sorted(found))
