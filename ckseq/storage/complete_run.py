"""A run that is read to be judged: its record and its predictions, which have to fit each other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ckseq.errors import DataError
from ckseq.recording import subject_known
from ckseq.storage.files import TRAIN_AGAIN, file_digest
from ckseq.storage.history import HISTORY, Epoch, read_history
from ckseq.storage.predictions import PREDICTIONS, Predictions, read_predictions
from ckseq.storage.run_record import RunRecord, read_run


class CompleteRun(NamedTuple):
    """A run's record and its predictions: each test recording of the record, once for each seed."""

    record: RunRecord
    predictions: Predictions


def read_complete_run(folder: Path) -> CompleteRun:
    """Read the record and the predictions of a run, and check one against the other.

    Raises
    ------
    DataError
        There is no such run, it has no predictions yet, or these are not the ones that it made: a row is missing,
        foreign or changed, or the classes are others.
    """
    record = read_run(folder)
    path = folder / PREDICTIONS
    if record.state != "complete" and not path.exists():
        fix = f"resume it with: {record.command or 'ckseq train'} --resume"
        raise DataError("the training was interrupted, so there are no predictions yet", folder, fix)
    predictions = read_predictions(folder)
    check_file(folder, record, PREDICTIONS)
    if predictions.labels != record.labels:
        raise DataError(f"has other classes than the run: {', '.join(predictions.labels)}", path, TRAIN_AGAIN)
    if record.folds:
        _check_rows(record, predictions, path)
    return CompleteRun(_with_unknown_subjects(record, predictions), predictions)


def _with_unknown_subjects(record: RunRecord, predictions: Predictions) -> RunRecord:
    """Return the record of an earlier version without its claim that unknown subjects are not in training."""
    leakage, protocol = record.leakage, record.protocol
    n_unknown = len({row.recording for row in predictions.rows if not subject_known(row.subject, row.recording)})
    if not n_unknown or protocol.test_sequences_of_shared_subjects != 0:
        return record
    unknown: dict[str, Any] = {"shared_subjects": None, "test_sequences_of_shared_subjects": None}
    sentence = "whether test subjects are also in training is unknown"
    return record.changed(
        protocol=protocol.model_copy(update={**unknown, "sentence": sentence}),
        leakage=leakage and leakage.model_copy(update={**unknown, "sequences_of_unknown_subjects": n_unknown}),
    )


def check_file(folder: Path, record: RunRecord, name: str) -> None:
    """Check that a file of a run is the one that the run wrote.

    Raises
    ------
    DataError
        It is missing or was changed.
    """
    if name in record.files and file_digest(folder / name) != record.files[name]:
        raise DataError("was changed after the run wrote it: its checksum differs", folder / name, TRAIN_AGAIN)


def checked_history(folder: Path, record: RunRecord) -> tuple[Epoch, ...]:
    """Read the history that a run wrote; empty where it has none, as that of an estimator."""
    if not (folder / HISTORY).exists():
        return ()
    check_file(folder, record, HISTORY)
    return read_history(folder)


def digests_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the digests of those files that a run has, as its record keeps them."""
    return {name: file_digest(folder / name) for name in names if (folder / name).is_file()}


def _check_rows(record: RunRecord, predictions: Predictions, path: Path) -> None:
    seeds = record.seeds if record.kind == "cross_validation" else (None,)
    wanted = {(id, fold.number, seed) for seed in seeds for fold in record.folds for id in fold.test}
    found = {(row.recording, row.fold, row.seed) for row in predictions.rows}
    if missing := sorted(wanted - found, key=str):
        what = f"is incomplete: {len(missing)} test recordings are missing, the first is {missing[0][0]}"
        raise DataError(what, path, TRAIN_AGAIN)
    if foreign := sorted(found - wanted, key=str):
        what = f"holds {len(foreign)} rows that the run does not test, the first is {foreign[0][0]}"
        raise DataError(what, path, TRAIN_AGAIN)
