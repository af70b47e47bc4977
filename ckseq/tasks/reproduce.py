"""``ckseq reproduce``: repeat a run from its run.json and compare the predictions."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np

from ckseq.config import toml_text
from ckseq.console import Console
from ckseq.defaults import CONFIDENCE, PERMUTATIONS
from ckseq.errors import CallError, DataError
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.protocol.comparison import compare
from ckseq.protocol.folds import Listed
from ckseq.recording import known_subjects
from ckseq.report.uncertainty import named_test
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import write_text
from ckseq.storage.fold_files import FoldFile, write_fold_file
from ckseq.storage.predictions import PREDICTIONS, Predictions
from ckseq.storage.run_record import RunRecord, read_run
from ckseq.tasks.crossval import crossval
from ckseq.tasks.train import train

_RECIPE, _DIVISION, _AGAIN = "recipe.toml", "folds.json", "run"


def reproduce(run: Path, *, store: Path | None, out: Path | None, console: Console) -> dict[str, Any]:
    """Repeat a run from its ``run.json``, and compare the predictions.

    Parameters
    ----------
    run : Path
        A complete run folder.
    store : Path, optional
        The store, if it has been moved.
    out : Path, optional
        Keep the repeated run there; otherwise it is removed.
    console : Console

    Returns
    -------
    dict
        ``verdict``: ``bit-equal``, ``within noise`` or ``different``; ``sentence``; ``because``: what differs in
        versions, data, folds, seed or device; ``accuracy`` and ``accuracy_again``, ``p_value``, ``test`` and the
        largest difference of a probability where not bit-equal; ``failed`` where different.

    Raises
    ------
    CallError
        ``out`` exists already.
    DataError
        The run is not complete, or its store is missing.
    """
    before = read_run(run)
    if before.state != "complete":
        raise DataError("is not complete, so there is nothing to compare with", run, "finish it with --resume first")
    if before.kind not in ("training", "cross_validation") or not before.seeds:
        raise DataError(f"is a run of the kind {before.kind}, which is not repeated", run, "name one of 'ckseq train'")
    where = store or Path(before.store.path if before.store else "")
    if not where.is_file():
        raise DataError(f"its store {where} is missing", run, "give its new path with --store")
    if out is not None and out.exists():
        raise CallError("exists already", out, "name another folder")
    # a plug-in's code is loaded only if it was given, and not because the record names its path
    recipe = experiment_of(before.experiment, where=f"{run}: experiment")
    with tempfile.TemporaryDirectory() if out is None else nullcontext(str(out)) as folder:
        _again(Path(folder), before, recipe, where, console)
        again = Path(folder) / _AGAIN
        return _judge(run, before, again, console)


def _again(folder: Path, before: RunRecord, asked: Experiment, store: Path, console: Console) -> None:
    """Repeat the run in ``folder``, from a recipe written there."""
    tree = asked.model_dump(mode="json")
    if before.value("protocol.kind") == "from_file":
        # the file may be missing or changed; the run record holds its folds
        listed = Listed(tuple(fold.test for fold in before.folds), before.train_only)
        write_fold_file(folder / _DIVISION, FoldFile(listed, "from_file", ""), config={})
        tree["protocol"] = {**tree["protocol"], "file": str(folder / _DIVISION)}
    write_text(folder / _RECIPE, toml_text(tree) + "\n")
    recipe, out, seed = str(folder / _RECIPE), folder / _AGAIN, before.seeds[0]
    if before.kind == "cross_validation":
        crossval(store, experiment=recipe, out=out, seed=seed, seeds=len(before.seeds), console=console)
    else:
        train(store, experiment=recipe, out=out, seed=seed, console=console)


def _judge(run: Path, before: RunRecord, again: Path, console: Console) -> dict[str, Any]:
    first = read_complete_run(run, of_units=None).predictions
    now, second = read_complete_run(again, of_units=None)
    because = _because(before, now)
    found: dict[str, Any] = {"schema": 1, "run": str(run), "because": because}
    if (run / PREDICTIONS).read_bytes() == (again / PREDICTIONS).read_bytes():
        found |= {"verdict": "bit-equal", "sentence": f"bit-equal: all {len(first.rows)} predictions are the same"}
    else:
        found |= _compared(first, second)
    if because:
        found["sentence"] += f"; changed since then: {', '.join(because)}"
    console.say(found["sentence"])
    found["failed"] = found["verdict"] == "different"
    return found


def _compared(first: Predictions, second: Predictions) -> dict[str, Any]:
    mine, theirs = ({(row.recording, row.seed): row for row in one.rows} for one in (first, second))
    if mine.keys() != theirs.keys() or first.labels != second.labels:
        return {"verdict": "different", "sentence": "different: the test sequences or classes are not the same"}
    was, is_now = first.shares_correct(), second.shares_correct()
    ids = sorted(was)
    before, again = (np.array([shares[id] for id in ids]) for shares in (was, is_now))
    subjects = {row.recording: row.subject for row in first.rows}
    people = known_subjects((subjects[id], id) for id in ids)
    rng = np.random.default_rng(0)
    difference = compare(before, again, people, n_draws=PERMUTATIONS, confidence=CONFIDENCE, rng=rng)
    apart = max(
        abs(p - q) for key in mine for p, q in zip(mine[key].probabilities, theirs[key].probabilities, strict=True)
    )
    verdict = "within noise" if difference.p_value >= 1 - CONFIDENCE else "different"
    ends = difference.interval
    between = f" ({ends.low:+.3f} to {ends.high:+.3f})" if ends else ""
    return {
        "verdict": verdict,
        "sentence": (
            f"{verdict}: accuracy {again.mean():.3f}, before {before.mean():.3f}, "
            f"difference {difference.difference:+.3f}{between}, {named_test(difference)}; "
            f"probabilities differ by at most {apart:.1e}"
        ),
        "accuracy": float(before.mean()),
        "accuracy_again": float(again.mean()),
        "p_value": difference.p_value,
        "test": difference.test,
        "largest_probability_difference": apart,
    }


def _because(before: RunRecord, now: RunRecord) -> list[str]:
    """Return what differs from the first run: versions, data, folds, seeds, device."""
    changes = []
    for name in sorted(before.versions.keys() | now.versions.keys()):
        was, is_now = before.versions.get(name), now.versions.get(name)
        if was != is_now:
            changes.append(f"{name} {is_now} (was {was})")
    if before.store_digest != now.store_digest:
        changes.append(f"data {now.store_digest} (was {before.store_digest})")
    # not by digest: that of folds read from a file contains the kind from_file
    if before.folds != now.folds:
        changes.append(f"folds {now.protocol.digest} (was {before.protocol.digest})")
    for what in ("seeds", "device"):
        if getattr(before, what) != getattr(now, what):
            changes.append(f"{what} {getattr(now, what)} (was {getattr(before, what)})")
    return changes
