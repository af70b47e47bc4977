"""``ckseq verify``: check stores and runs against their own checksums and records."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.experiment.engine import FILES
from ckseq.experiment.fold import read_fold
from ckseq.experiment.run_setup import FOLDS
from ckseq.grammar import counted
from ckseq.storage.complete_run import check_file, read_complete_run
from ckseq.storage.examples import EXAMPLES, read_examples
from ckseq.storage.facs_codes import CODES, read_codes
from ckseq.storage.files import TRAIN_AGAIN, read_text
from ckseq.storage.history import HISTORY, read_history
from ckseq.storage.predictions import PREDICTIONS, Predictions
from ckseq.storage.prefix_predictions import EARLY, read_prefix_predictions
from ckseq.storage.report_crops import CROPS, read_crops
from ckseq.storage.run_record import RUN, RunRecord, find_runs, read_run
from ckseq.storage.store import open_store

_NO_CHECKSUMS = "version 0.1 wrote no checksums, so a changed value may go unnoticed"
_FIX = "name a store (.h5), a run, or a folder that holds some"


class Check(NamedTuple):
    """One thing that was checked: of which store or run, what, with which result, and whether that is an error."""

    path: str
    what: str
    result: str
    wrong: bool = False


def verify(paths: Sequence[Path], *, console: Console) -> dict[str, Any]:
    """Check every store and every run at or below some paths; nothing is changed, and no model is loaded.

    Parameters
    ----------
    paths : sequence of Path
        Stores, run folders, or folders that hold some.
    console : Console

    Returns
    -------
    dict
        ``checks``: a dict for each `Check`; ``n_stores``, ``n_runs``; ``failed``: the number of errors.

    Raises
    ------
    DataError
        A path does not exist, or there is neither a store nor a run.
    """
    stores, runs = _found(paths)
    checks = [check for store in stores for check in _of_store(store)]
    checks += [check for run in runs for check in _of_run(run)]
    n_wrong = sum(check.wrong for check in checks)
    console.say(_table(checks))
    checked = f"{len(stores)} {'store' if len(stores) == 1 else 'stores'} and {len(runs)} "
    checked += "run" if len(runs) == 1 else "runs"
    console.say(
        f"{checked} checked: " + (f"{n_wrong} of {len(checks)} checks failed" if n_wrong else "nothing is wrong")
    )
    return {
        "schema": 1,
        "n_stores": len(stores),
        "n_runs": len(runs),
        "checks": [check._asdict() for check in checks],
        "failed": n_wrong,
    }


def _found(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Return the stores and the runs at or below some paths, each once; a store inside a run folder counts as well."""
    stores: dict[Path, None] = {}
    runs: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise DataError("there is no such file or folder", path, _FIX)
        below = [path] if path.is_file() else sorted(filter(_is_store, path.rglob("*.h5")))
        inside = () if path.is_file() else find_runs(path)
        if not below and not inside:
            raise DataError("holds neither a store nor a run", path, _FIX)
        stores |= dict.fromkeys(below)
        runs |= dict.fromkeys(inside)
    return list(stores), list(runs)


def _is_store(path: Path) -> bool:
    """Whether it is a file, and neither a part of a store that is being made nor a file of a store of many."""
    return path.is_file() and not path.parent.name.endswith((".parts", ".shards"))


def _of_store(path: Path) -> Iterator[Check]:
    try:
        with open_store(path) as store:
            n = len(store.entries)
            wrong = store.verify()
            if wrong:
                yield from (Check(str(path), "recording", line, True) for line in wrong)
            elif store.has_checksums:
                yield Check(
                    str(path), "store", f"{counted(n, 'recording')}, as they were written: every checksum agrees"
                )
            else:
                yield Check(str(path), "store", f"{counted(n, 'recording')} can be read; {_NO_CHECKSUMS}")
    except DataError as error:
        yield Check(str(path), "store", str(error), True)


def _of_run(folder: Path) -> Iterator[Check]:
    try:
        record = read_run(folder)
        old = json.loads(read_text(folder / RUN))["schema"] == 1
    except DataError as error:
        yield Check(str(folder), RUN, str(error), True)
        return
    yield Check(str(folder), RUN, f"complete; {_NO_CHECKSUMS}" if old else "as it was written: its checksum agrees")
    if record.state != "complete":
        yield Check(str(folder), "state", "the training has not ended; --resume goes on with it")
    else:
        yield from _of_files(folder, record, old=old)
    yield _of_its_store(folder, record)


def _of_files(folder: Path, record: RunRecord, *, old: bool) -> Iterator[Check]:
    for name in sorted({*record.files, *(name for name in FILES if (folder / name).exists())}):
        yield _tried(folder, name, partial(_of_file, folder, record, name, old=old))
    if record.kind != "final" and (record.folds or (folder / PREDICTIONS).exists()):
        yield _tried(folder, "predictions", partial(_of_predictions, folder))
    for name, read in _READERS.items():
        if (folder / name).exists():
            yield _tried(folder, name, partial(read, folder, record))
    if record.kind == "cross_validation" and (folder / FOLDS).is_dir():
        yield _tried(folder, FOLDS, partial(_of_folds, folder, record))


def _tried(folder: Path, what: str, check: Callable[[], str]) -> Check:
    try:
        return Check(str(folder), what, check())
    except DataError as error:
        return Check(str(folder), what, str(error), True)


def _of_file(folder: Path, record: RunRecord, name: str, *, old: bool) -> str:
    if old:
        return "is there; version 0.1 wrote no checksum of it"
    if name not in record.files:
        raise DataError("was not written by the run: its record does not name it", folder / name, TRAIN_AGAIN)
    check_file(folder, record, name)
    return "as it was written: its checksum agrees"


def _of_predictions(folder: Path) -> str:
    rows = read_complete_run(folder, of_units=None).predictions.rows
    return f"{len(rows)} rows, one for each test recording and seed; classes and probabilities agree"


def _of_history(folder: Path, record: RunRecord) -> str:
    n = len(read_history(folder))
    if n != record.epochs_done:
        what = f"has {counted(n, 'epoch')}, and the run has {record.epochs_done}"
        raise DataError(what, folder / HISTORY, TRAIN_AGAIN)
    return f"{counted(n, 'epoch')}, as the run has"


def _of_early(folder: Path, record: RunRecord) -> str:
    labels, rows = read_prefix_predictions(folder)
    foreign = {row.recording for row in rows} - set(record.tested)
    if labels != record.labels or foreign:
        raise DataError("is of other classes or recordings than the run", folder / EARLY, TRAIN_AGAIN)
    return f"{len(rows)} rows, of the run's classes and test recordings"


def _of_crops(folder: Path, _: RunRecord) -> str:
    return f"{counted(len(read_crops(folder)), 'recording')} can be read"


def _of_examples(folder: Path, _: RunRecord) -> str:
    return f"{counted(len(read_examples(folder)), 'sequence')} can be read"


def _of_codes(folder: Path, _: RunRecord) -> str:
    return f"FACS codes of {len(read_codes(folder))} recordings can be read"


_READERS: dict[str, Callable[[Path, RunRecord], str]] = {
    HISTORY: _of_history,
    EARLY: _of_early,
    CROPS: _of_crops,
    EXAMPLES: _of_examples,
    CODES: _of_codes,
}


def _of_folds(folder: Path, record: RunRecord) -> str:
    """Compare what the trainings of a cross-validation left with what the run made of it."""
    rows: list[Any] = []
    for training in record.trainings:
        place = folder / FOLDS / f"seed{training.seed}_fold{training.fold}"
        found = read_fold(place)
        if found is None or found.done.training != training:
            raise DataError("is missing, or that of another training", place, TRAIN_AGAIN)
        rows += found.predictions.rows
    whole: Predictions = read_complete_run(folder, of_units=None).predictions
    if sorted(rows, key=str) != sorted(whole.rows, key=str):
        raise DataError("their predictions are not those of the run", folder / FOLDS, TRAIN_AGAIN)
    return f"{counted(len(record.trainings), 'training')}, whose predictions are those of the run"


def _of_its_store(folder: Path, record: RunRecord) -> Check:
    if record.store is None:
        return Check(str(folder), "its store", "the run had more than one")
    path = Path(record.store.path)
    if not path.is_file():
        return Check(str(folder), "its store", f"{path} is not there; the run does not need it")
    try:
        with open_store(path) as store:
            now = store.digest
    except DataError as error:
        return Check(str(folder), "its store", str(error), True)
    if now != record.store.digest:
        what = f"{path} is another one now ({now}) than the run was trained from ({record.store.digest})"
        return Check(str(folder), "its store", what, True)
    return Check(str(folder), "its store", f"{path} is the one that it was trained from")


def _table(checks: Sequence[Check]) -> Table:
    table = Table("path", "what", "result", box=None)
    before = ""
    for check in checks:
        style = "red" if check.wrong else ""
        result = f"WRONG: {check.result}" if check.wrong else check.result
        table.add_row(Text("" if check.path == before else check.path), Text(check.what), Text(result, style))
        before = check.path
    return table
