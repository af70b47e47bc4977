"""``ckseq runs``: list the runs in a folder, with one table per protocol."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.errors import CallError, CkseqError, DataError
from ckseq.report.scores import scores_of
from ckseq.report.wording import noun_of, shared_share
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import TRAIN_AGAIN
from ckseq.storage.predictions import Predictions
from ckseq.storage.run_record import RUN, RunRecord, find_runs, read_run

SORTS = ("accuracy", "balanced_accuracy", "age", "experiment", "model", "run")
_ASCENDING = ("age", "experiment", "model", "run")


def runs(folder: Path, *, sort: str, only: Sequence[str], console: Console) -> dict[str, Any]:
    """List the runs in a folder with protocol, accuracy and age, with one table per protocol.

    Parameters
    ----------
    folder : Path
    sort : str
        One of `SORTS`; scores in descending order, ages in ascending order.
    only : sequence of str
        ``key=value`` filters, as ``model=gru`` or ``protocol=subject_k_fold``; a run must match all.
    console : Console

    Returns
    -------
    dict
        ``runs``: of each ``run``, ``experiment``, ``model``, ``protocol``, ``digest``, ``store_digest``, ``state``,
        ``seeds``, ``n_test``, ``test_set`` (in words), ``test_sequences_of_shared_subjects`` (None where unknown),
        ``accuracy``, ``interval``, ``interval_method``, ``balanced_accuracy``, ``best_rule_accuracy``, ``created``,
        ``age_hours``; ``unreadable``: error messages of the runs that could not be read.

    Raises
    ------
    CallError
        A filter is malformed, or its key is unknown.
    DataError
        The folder does not exist.
    """
    listed, unreadable = [], []
    for path in find_runs(folder):
        try:
            listed.append(_entry(path))
        except (CkseqError, OSError) as error:
            unreadable.append(str(error))
    wanted = [_condition(text) for text in only]
    listed = [entry for entry in listed if all(_value(entry, key) == value for key, value in wanted)]
    missing = [entry for entry in listed if entry[_key(sort)] is None]
    known = [entry for entry in listed if entry[_key(sort)] is not None]
    known.sort(key=operator.itemgetter(_key(sort)), reverse=sort not in _ASCENDING)
    listed = known + missing
    _say(console, listed)
    for text in unreadable:
        console.warn(text)
    return {"schema": 1, "folder": str(folder), "runs": listed, "unreadable": unreadable}


def _key(sort: str) -> str:
    return "age_hours" if sort == "age" else sort


def _condition(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise CallError(f"--only {text!r} is not of the form key=value", fix="as in model=gru")
    return key.strip(), value.strip()


def _value(entry: dict[str, Any], key: str) -> str:
    if key not in entry:
        raise CallError(f"a run has no {key!r}", fix=f"one of: {', '.join(entry)}")
    return str(entry[key])


def _entry(path: Path) -> dict[str, Any]:
    run, predictions = read_run(path), None
    if run.state == "complete":
        run, predictions = read_complete_run(path)
    rules = {rule.name: rule.accuracy for rule in run.leakage.rules} if run.leakage else {}
    if run.leakage and run.leakage.best_rule not in rules:
        raise DataError(f"names a rule that it does not have: {run.leakage.best_rule}", path / RUN, TRAIN_AGAIN)
    return {
        "run": str(path),
        "experiment": run.experiment_name,
        "model": run.model_kind,
        "protocol": run.protocol.kind,
        "digest": run.protocol.digest,
        "store_digest": run.store_digest,
        "state": run.state,
        "seeds": list(run.seeds),
        "n_test": run.protocol.n_test,
        "test_set": _test_set(run),
        "test_sequences_of_shared_subjects": run.protocol.test_sequences_of_shared_subjects,
        **_figures(run, predictions),
        "best_rule_accuracy": rules[run.leakage.best_rule] if run.leakage else None,
        "created": run.created,
        "age_hours": _age_hours(run.created),
    }


def _test_set(run: RunRecord) -> str:
    """Return what was tested on in words; it is the same for all runs of a protocol."""
    noun, n = noun_of(run), run.protocol.n_test
    shared = shared_share(run, noun)
    return f"{n} test {noun.form(n)}" + (f", {shared}" if shared else "")


def _figures(run: RunRecord, predictions: Predictions | None) -> dict[str, Any]:
    if predictions is None:
        return {"accuracy": None, "interval": None, "interval_method": None, "balanced_accuracy": None}
    scores = scores_of(run, predictions, confidence=CONFIDENCE)
    return {
        "accuracy": scores.accuracy,
        "interval": list(scores.interval),
        "interval_method": scores.method.kind,
        "balanced_accuracy": scores.balanced_accuracy,
    }


def _age_hours(created: str) -> float | None:
    try:
        return round((datetime.now().astimezone() - datetime.fromisoformat(created)).total_seconds() / 3600, 2)
    except (TypeError, ValueError):
        return None


def _say(console: Console, listed: Sequence[dict[str, Any]]) -> None:
    """Print one table per protocol: results on different test sequences cannot be compared."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for entry in listed:
        groups.setdefault((entry["protocol"], entry["digest"]), []).append(entry)
    for (kind, digest), entries in groups.items():
        title = f"{kind} {digest}, {entries[0]['test_set']}"
        table = Table(title=title, title_justify="left", title_style="bold", box=None)
        for name in (
            "run",
            "experiment",
            "model",
            "accuracy",
            "95 % interval",
            "UAR",
            "pixel-free baseline",
            "seeds",
            "age",
        ):
            table.add_column(name, justify="left" if name in ("run", "experiment", "model") else "right")
        for entry in entries:
            table.add_row(*(Text(cell) for cell in _cells(entry)))
        console.say(table)
    if any(entry["interval_method"] for entry in listed):
        console.say("Intervals: bootstrap over subjects; W: Wilson's, of sequences.")
    if len(groups) > 1:
        console.say("The tables have different test sequences: do not compare results across tables.")
    if not listed:
        console.say("no runs found")


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    low_high, mark = entry["interval"], " W" if entry["interval_method"] == "wilson" else ""
    return (
        entry["run"],
        str(entry["experiment"]),
        str(entry["model"]),
        entry["state"] if entry["accuracy"] is None else f"{entry['accuracy']:.3f}",
        "" if low_high is None else f"{low_high[0]:.2f} to {low_high[1]:.2f}{mark}",
        "" if entry["balanced_accuracy"] is None else f"{entry['balanced_accuracy']:.3f}",
        "" if entry["best_rule_accuracy"] is None else f"{entry['best_rule_accuracy']:.3f}",
        str(len(entry["seeds"])),
        _age(entry["age_hours"]),
    )


def _age(hours: float | None) -> str:
    if hours is None:
        return ""
    if hours < 1:
        return f"{round(60 * hours)} min"
    return f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} days"
