"""``ckseq strictness``: the accuracy of one model under stricter and stricter protocols."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from ckseq import registry
from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.run_setup import FOLDS
from ckseq.experiment.targets import check_classes
from ckseq.report.scores import scores_of
from ckseq.report.strictness import Level, draw_strictness
from ckseq.report.wording import between
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import write_bytes
from ckseq.storage.history import read_history
from ckseq.storage.run_record import RunRecord
from ckseq.tasks.crossval import crossval
from ckseq.tasks.train import train

FIGURE = "strictness.png"


class Protocol(NamedTuple):
    """A protocol: the folder of its run, its name and kind, and the part of the data that selects the epoch."""

    folder: str
    name: str
    kind: str
    validation: str


# the least strict first; the first and the fourth report the best epoch as measured on the test set itself
PROTOCOLS = (
    Protocol("split_test", "random split, epoch selected on the test set", "paper_split", "test"),
    Protocol("split_inner", "random split", "paper_split", "inner"),
    Protocol("random_inner", "random k-fold", "stratified_k_fold", "inner"),
    Protocol("subject_test", "subject k-fold, epoch selected on the test fold", "subject_k_fold", "test"),
    Protocol("subject_inner", "subject k-fold", "subject_k_fold", "inner"),
    Protocol("loso_inner", "leave one subject out", "leave_one_subject_out", "inner"),
)


def strictness(
    store: Path,
    *,
    experiment: str,
    out: Path,
    settings: Sequence[str],
    seed: int | None,
    jobs: int,
    console: Console,
) -> dict[str, Any]:
    """Evaluate one model under every protocol of `PROTOCOLS` and draw the accuracies; finished runs are reused.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str
        An experiment's name or path; its own protocol and validation are replaced.
    out : Path
        The folder for the runs, one per protocol, and the figure.
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
        ``steps``: for each protocol ``name``, ``run``, ``accuracy``, ``interval``, ``interval_method``,
        ``best_rule_accuracy`` and ``n_test``; ``picture``.

    Raises
    ------
    CallError
        A folder exists already, or holds a run with other settings.
    DataError
        The store has too little for the experiment.
    """
    recipe = load_experiment(experiment, settings)
    check_classes(recipe, "strictness")
    has_epochs = _has_epochs(recipe.model_kind)
    protocols = [protocol for protocol in PROTOCOLS if has_epochs or protocol.validation == "inner"]
    levels = []
    for protocol in protocols:
        console.heading(protocol.name)
        folder = out / protocol.folder
        own = [*settings, f"protocol.kind={protocol.kind}", f"training.validation={protocol.validation}"]
        if protocol.kind == "paper_split":
            train(
                store,
                experiment=experiment,
                out=folder,
                settings=own,
                seed=seed,
                resume=True,
                say_accuracy=False,
                console=console,
            )
        else:
            crossval(
                store,
                experiment=experiment,
                out=folder,
                settings=own,
                seed=seed,
                jobs=jobs,
                resume=True,
                say_accuracy=False,
                console=console,
            )
        levels.append(_level(folder, protocol))
        console.say(f"accuracy {levels[-1].accuracy:.3f}, {protocol.name}; the run is in {folder}")
    write_bytes(out / FIGURE, draw_strictness(levels, confidence=CONFIDENCE))
    console.say(_table(levels))
    if not has_epochs:
        console.say("this model is not trained in epochs: the protocols that select one on the test set are left out")
    return {
        "schema": 1,
        "picture": str(out / FIGURE),
        "steps": [
            {
                "name": level.name,
                "run": str(out / protocol.folder),
                "accuracy": level.accuracy,
                "interval": None if level.interval is None else list(level.interval),
                "interval_method": None if level.method is None else level.method.kind,
                "best_rule_accuracy": level.best_rule,
                "n_test": level.n_test,
            }
            for protocol, level in zip(protocols, levels, strict=True)
        ],
    }


def _has_epochs(model_kind: str) -> bool:
    return bool(registry.load("models", model_kind).SPEC.kind == "network")


def _level(folder: Path, protocol: Protocol) -> Level:
    run, predictions = read_complete_run(folder)
    assert run.leakage is not None
    best_rule = max(rule.accuracy for rule in run.leakage.rules)
    n_test = run.protocol.n_test
    if protocol.validation == "test":
        return Level(protocol.name, _best_epochs(folder, run), None, None, best_rule, n_test)
    scores = scores_of(run, predictions, confidence=CONFIDENCE)
    return Level(protocol.name, scores.accuracy, scores.interval, scores.method, best_rule, n_test)


def _best_epochs(folder: Path, run: RunRecord) -> float:
    """Return the accuracy that results from selecting each fold's epoch on the test fold itself."""
    if run.kind == "training":
        return max(epoch.val_accuracy for epoch in read_history(folder))
    n_correct = 0.0
    for one in run.trainings:
        history = read_history(folder / FOLDS / f"seed{one.seed}_fold{one.fold}")
        n_correct += max(epoch.val_accuracy for epoch in history) * one.n_test
    return n_correct / sum(one.n_test for one in run.trainings)


def _table(levels: Sequence[Level]) -> Table:
    table = Table(box=None)
    for name in ("protocol", "accuracy", "95 % interval", "by", "pixel-free baseline", "test sequences"):
        table.add_column(name, justify="left" if name in ("protocol", "by") else "right")
    for level in levels:
        ends = "none (optimistic)" if level.interval is None else between(level.interval)
        how = "" if level.method is None else level.method.word
        table.add_row(level.name, f"{level.accuracy:.3f}", ends, how, f"{level.best_rule:.3f}", str(level.n_test))
    return table
