"""``ckseq runs``: list the runs in a folder, with one table per protocol."""

from __future__ import annotations

import math
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
from ckseq.protocol.intervals import is_known
from ckseq.protocol.leakage import FIRST_FRAME, MEAN_PICTURE
from ckseq.report.scores import scores_of
from ckseq.report.units import unit_scores
from ckseq.report.wording import noun_of, shared_share
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import TRAIN_AGAIN
from ckseq.storage.predictions import Predictions
from ckseq.storage.run_record import RUN, RunRecord, find_runs, read_run

SORTS = ("accuracy", "balanced_accuracy", "age", "experiment", "model", "run")
_FIGURES = (
    "accuracy", "mean_auc", "interval", "interval_method", "balanced_accuracy", "best_rule_mean_auc",
)  # fmt: skip
_MARKS = {"wilson": " W", "bootstrap_by_sequence": " S"}
_UNDEFINED = "not defined"
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
        ``measure`` (``accuracy``, or ``mean_auc`` of action units) and its value under that name, ``interval``,
        ``interval_method``, ``balanced_accuracy``, ``best_rule_accuracy`` and ``best_rule_mean_auc`` (the best
        pixel-free baseline), ``created``, ``age_hours``; ``unreadable``: error messages of the runs that could not be
        read.

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
        run, predictions = read_complete_run(path, of_units=None)
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
        "measure": "mean_auc" if run.predicts_units else "accuracy",
        **(_unit_figures(run, predictions) if run.predicts_units else _figures(run, predictions)),
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
        return dict.fromkeys(_FIGURES)
    scores = scores_of(run, predictions, confidence=CONFIDENCE)
    return dict.fromkeys(_FIGURES) | {
        "accuracy": scores.accuracy,
        "interval": list(scores.interval),
        "interval_method": scores.method.kind,
        "balanced_accuracy": scores.balanced_accuracy,
    }


def _unit_figures(run: RunRecord, predictions: Predictions | None) -> dict[str, Any]:
    if predictions is None:
        return dict.fromkeys(_FIGURES)
    scores = unit_scores(predictions, confidence=CONFIDENCE)
    measured = [] if run.unit_baselines is None else run.unit_baselines.baselines
    free = [
        one.mean_auc for one in measured if one.mean_auc is not None and one.name not in (FIRST_FRAME, MEAN_PICTURE)
    ]
    return dict.fromkeys(_FIGURES) | {
        "mean_auc": None if math.isnan(scores.mean_auc) else scores.mean_auc,
        "interval": list(scores.interval) if is_known(scores.interval) else None,
        "interval_method": f"bootstrap_by_{scores.resampled}" if is_known(scores.interval) else None,
        "best_rule_mean_auc": max(free, default=None),
    }


def _age_hours(created: str) -> float | None:
    try:
        return round((datetime.now().astimezone() - datetime.fromisoformat(created)).total_seconds() / 3600, 2)
    except (TypeError, ValueError):
        return None


def _say(console: Console, listed: Sequence[dict[str, Any]]) -> None:
    """Print one table per protocol: results on different test sequences cannot be compared."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for entry in listed:
        groups.setdefault((entry["protocol"], entry["digest"], entry["measure"]), []).append(entry)
    for (kind, digest, measure), entries in groups.items():
        title = f"{kind} {digest}, {entries[0]['test_set']}"
        table = Table(title=title, title_justify="left", title_style="bold", box=None)
        for name in (
            "run",
            "experiment",
            "model",
            "mean AUC" if measure == "mean_auc" else "accuracy",
            "95 % interval",
            *([] if measure == "mean_auc" else ["UAR"]),
            "pixel-free baseline",
            "seeds",
            "age",
        ):
            table.add_column(name, justify="left" if name in ("run", "experiment", "model") else "right")
        for entry in entries:
            table.add_row(*(Text(cell) for cell in _cells(entry)))
        console.say(table)
    if any(entry["interval_method"] for entry in listed):
        console.say("Intervals: bootstrap over subjects; W: Wilson's, S: bootstrap, both of sequences.")
    if len(groups) > 1:
        console.say("The tables have different test sequences: do not compare results across tables.")
    if not listed:
        console.say("no runs found")


def _cells(entry: dict[str, Any]) -> tuple[str, ...]:
    low_high, mark = entry["interval"], _MARKS.get(entry["interval_method"], "")
    of_units = entry["measure"] == "mean_auc"
    score, baseline = entry[entry["measure"]], entry["best_rule_mean_auc" if of_units else "best_rule_accuracy"]
    balanced = entry["balanced_accuracy"]
    return (
        entry["run"],
        str(entry["experiment"]),
        str(entry["model"]),
        (_UNDEFINED if entry["state"] == "complete" else entry["state"]) if score is None else f"{score:.3f}",
        "" if low_high is None else f"{low_high[0]:.2f} to {low_high[1]:.2f}{mark}",
        *([] if of_units else ["" if balanced is None else f"{balanced:.3f}"]),
        "" if baseline is None else f"{baseline:.3f}",
        str(len(entry["seeds"])),
        _age(entry["age_hours"]),
    )


def _age(hours: float | None) -> str:
    if hours is None:
        return ""
    if hours < 1:
        return f"{round(60 * hours)} min"
    return f"{round(hours)} h" if hours < 48 else f"{round(hours / 24)} days"
