"""``ckseq ladder``: one model under protocols of growing strictness, as a staircase."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from ckseq import registry
from ckseq.console import Console
from ckseq.experiment.engine import FOLDS
from ckseq.experiment.recipe import load_experiment
from ckseq.report.strictness import Rung, draw_staircase
from ckseq.report.trust import trust
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import write_bytes
from ckseq.storage.history import read_history
from ckseq.storage.run_record import RunRecord
from ckseq.tasks.crossval import crossval
from ckseq.tasks.train import train

CONFIDENCE = 0.95
PICTURE = "ladder.png"


class Step(NamedTuple):
    """A way to test: its folder, name and protocol, and what chooses the epoch."""

    folder: str
    name: str
    kind: str
    validation: str


# the loosest first; what the first and the fourth report is the best epoch as seen on the test fold itself
STEPS = (
    Step("split_test", "random split, epoch chosen on the test part", "paper_split", "test"),
    Step("split_inner", "random split", "paper_split", "inner"),
    Step("random_inner", "random k-fold", "stratified_k_fold", "inner"),
    Step("subject_test", "subject k-fold, epoch chosen on the test fold", "subject_k_fold", "test"),
    Step("subject_inner", "subject k-fold", "subject_k_fold", "inner"),
    Step("loso_inner", "leave one subject out", "leave_one_subject_out", "inner"),
)


def ladder(
    store: Path,
    *,
    experiment: str,
    out: Path,
    settings: Sequence[str],
    seed: int | None,
    jobs: int,
    console: Console,
) -> dict[str, Any]:
    """Run one model through every protocol of `STEPS` and draw the staircase; what is done already is not done again.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str
        An experiment's name or path; its own protocol and validation give way.
    out : Path
        The folder of the runs, one for each step, and of the picture.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    seed : int, optional
        Instead of the experiment's own.
    jobs : int
        Folds at once.
    console : Console

    Returns
    -------
    dict
        ``steps``: of each ``name``, ``run``, ``accuracy``, ``interval`` (by drawing people anew),
        ``best_rule_accuracy`` and ``n_test``; ``picture``.

    Raises
    ------
    CallError
        A folder is in the way or holds a run made otherwise.
    DataError
        The store has too little for the experiment.
    """
    has_epochs = _has_epochs(load_experiment(experiment, settings).model_kind)
    steps = [step for step in STEPS if has_epochs or step.validation == "inner"]
    rungs = []
    for step in steps:
        console.step(step.name)
        folder = out / step.folder
        own = [*settings, f"protocol.kind={step.kind}", f"training.validation={step.validation}"]
        if step.kind == "paper_split":
            train(store, experiment=experiment, out=folder, settings=own, seed=seed, resume=True, console=console)
        else:
            crossval(
                store,
                experiment=experiment,
                out=folder,
                settings=own,
                seed=seed,
                jobs=jobs,
                resume=True,
                console=console,
            )
        rungs.append(_rung(folder, step))
    write_bytes(out / PICTURE, draw_staircase(rungs, confidence=CONFIDENCE))
    console.say(_table(rungs))
    if not has_epochs:
        console.say("this model learns in one step, so there is no epoch to choose")
    return {
        "schema": 1,
        "picture": str(out / PICTURE),
        "steps": [
            {
                "name": rung.name,
                "run": str(out / step.folder),
                "accuracy": rung.accuracy,
                "interval": None if rung.interval is None else list(rung.interval),
                "best_rule_accuracy": rung.best_rule,
                "n_test": rung.n_test,
            }
            for step, rung in zip(steps, rungs, strict=True)
        ],
    }


def _has_epochs(model_kind: str) -> bool:
    return bool(registry.load("models", model_kind).SPEC.kind == "network")


def _rung(folder: Path, step: Step) -> Rung:
    run, predictions = read_complete_run(folder)
    assert run.leakage is not None
    best_rule = max(rule.accuracy for rule in run.leakage.rules)
    n_test = run.protocol.n_test
    if step.validation == "test":
        return Rung(step.name, _best_epochs(folder, run), None, best_rule, n_test)
    found = trust(predictions, confidence=CONFIDENCE)
    return Rung(step.name, found.mean["accuracy"], found.interval["accuracy"], best_rule, n_test)


def _best_epochs(folder: Path, run: RunRecord) -> float:
    """Return the accuracy that choosing each fold's epoch on the test fold itself would report."""
    if run.kind == "training":
        return max(epoch.val_accuracy for epoch in read_history(folder))
    right = 0.0
    for one in run.trainings:
        history = read_history(folder / FOLDS / f"seed{one.seed}_fold{one.fold}")
        right += max(epoch.val_accuracy for epoch in history) * one.n_test
    return right / sum(one.n_test for one in run.trainings)


def _table(rungs: Sequence[Rung]) -> Table:
    table = Table(box=None)
    for name in ("tested by", "accuracy", "95 % interval", "no pixels", "sequences"):
        table.add_column(name, justify="left" if name == "tested by" else "right")
    for rung in rungs:
        ends = "not to be trusted" if rung.interval is None else f"{rung.interval.low:.2f} to {rung.interval.high:.2f}"
        table.add_row(rung.name, f"{rung.accuracy:.3f}", ends, f"{rung.best_rule:.3f}", str(rung.n_test))
    return table
