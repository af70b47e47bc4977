"""``ckseq baselines``: an experiment and simpler models on the same folds of the same people."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.table import Table

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.experiment.recipe import load_experiment
from ckseq.experiment.targets import check_classes
from ckseq.protocol.intervals import METHOD_WORDS
from ckseq.report.scores import scores_of
from ckseq.report.uncertainty import TEST_NAMES
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.store import open_store
from ckseq.tasks.compare import compare
from ckseq.tasks.crossval import crossval

_NO_AUGMENTATION = "augmentation={}"


class Entrant(NamedTuple):
    """A model to compare: its name, what it is, an experiment and settings of it."""

    name: str
    what: str
    experiment: str
    settings: tuple[str, ...]


def baselines(
    store: Path,
    *,
    experiment: str,
    out: Path,
    peer: Path | None = None,
    settings: Sequence[str] = (),
    seeds: int = 1,
    jobs: int = 1,
    console: Console,
) -> dict[str, Any]:
    """Cross-validate an experiment and simpler models on the same folds, and compare them in pairs.

    Which are compared depends on what the store holds: ridge regression and MiniRocket (with the extra ``minirocket``)
    of the projections; ridge regression of landmarks; a ready-made model of crops. Complete runs in ``out`` are reused.

    Parameters
    ----------
    store : Path
    experiment : str
        An experiment's name or path; the others have its classes, balance, lengths and protocol.
    out : Path
        A folder with one run for each model.
    peer : Path, optional
        The file of the model `ckseq.models.peer_fer`; it is left out where not given.
    settings : sequence of str
        ``section.key=value`` of the classes, balance, sequence or protocol, for all of them.
    seeds : int
        Number of seeds of each model; the folds are the same.
    jobs : int
    console : Console

    Returns
    -------
    dict
        ``models``, by name ``accuracy``, ``interval``, ``interval_method``, ``balanced_accuracy`` and ``run``;
        ``against_first``, the pairs of `ckseq.tasks.compare.compare` that the experiment is in; ``left_out``, by name
        the reason.

    Raises
    ------
    CkseqError
        As of `ckseq.tasks.crossval.crossval`.
    """
    check_classes(load_experiment(experiment, settings), "baselines")
    entrants, left_out = _entrants(store, experiment, peer)
    for name, reason in left_out.items():
        console.say(f"left out: {name}, {reason}")
    runs: dict[str, Path] = {}
    for entrant in entrants:
        console.heading(f"{entrant.name}: {entrant.what}")
        runs[entrant.name] = out / entrant.name
        crossval(
            store,
            experiment=entrant.experiment,
            out=runs[entrant.name],
            settings=(*settings, *entrant.settings),
            seeds=seeds,
            jobs=jobs,
            resume=runs[entrant.name].exists(),
            console=console,
        )
    models = {name: _figures(run) for name, run in runs.items()}
    first = entrants[0].name
    quiet = Console(quiet=True)
    pairs = [
        {**compare([runs[first], run], anyway=False, picture=None, console=quiet)["pairs"][0], "model": name}
        for name, run in runs.items()
        if name != first
    ]
    _say(console, models, {pair["model"]: pair for pair in pairs})
    return {"schema": 1, "models": models, "against_first": pairs, "left_out": left_out}


def _entrants(store: Path, experiment: str, peer: Path | None) -> tuple[list[Entrant], dict[str, str]]:
    with open_store(store) as opened:
        ids = [entry.id for entry in opened.entries if entry.error is None]
        has = {name: bool(ids) and opened.has(ids[0], name) for name in ("projections", "landmarks", "crops")}
    found = [Entrant(Path(experiment).stem, "the experiment", experiment, ())]
    left_out: dict[str, str] = {}

    def add(name: str, what: str, *own: str, needs: str) -> None:
        if not has[needs]:
            left_out[name] = f"since the store holds no {needs}"
        elif name != found[0].name:
            found.append(Entrant(name, what, experiment, own))

    add(
        "ridge", "ridge regression of the projections", "input=projections", _NO_AUGMENTATION,
        'model={kind = "ridge"}', needs="projections",
    )  # fmt: skip
    if importlib.util.find_spec("aeon") is None:
        left_out["minirocket"] = "since the extra minirocket is not installed"
    else:
        add(
            "minirocket", "MiniRocket of the projections", "input=projections", _NO_AUGMENTATION,
            'model={kind = "minirocket"}', needs="projections",
        )  # fmt: skip
    add(
        "landmarks", "ridge regression of the landmarks", "input=landmarks", _NO_AUGMENTATION,
        'model={kind = "ridge", root = false, pool = 1}', needs="landmarks",
    )  # fmt: skip
    if peer is None:
        left_out["peer_fer"] = "a ready-made model, whose file --peer names"
    else:
        # its answers are averaged over the frames as they are
        add(
            "peer_fer", "a ready-made model, not trained on these people", "input=crops", _NO_AUGMENTATION,
            'sequence={length_frames = "longest"}', f"model={{kind = 'peer_fer', file = '{peer}'}}", needs="crops",
        )  # fmt: skip
    return found, left_out


def _figures(run: Path) -> dict[str, Any]:
    scores = scores_of(*read_complete_run(run), confidence=CONFIDENCE)
    return {
        "accuracy": round(scores.accuracy, 3),
        "interval": [round(end, 3) for end in scores.interval],
        "interval_method": scores.method.kind,
        "balanced_accuracy": round(scores.balanced_accuracy, 3),
        "run": str(run),
    }


def _say(console: Console, models: dict[str, Any], pairs: dict[str, Any]) -> None:
    table = Table("model", "accuracy", f"{CONFIDENCE:.0%} interval", "by", "less the experiment", "interval", "p")
    for name, one in models.items():
        pair = pairs.get(name)
        low, high = one["interval"]
        method = METHOD_WORDS[one["interval_method"]]
        cells = [name, f"{one['accuracy']:.3f}", f"{low:.3f} to {high:.3f}", method]
        if pair is not None:
            ends = pair["interval"]
            cells += [f"{pair['difference']:+.3f}", f"{ends[0]:+.3f} to {ends[1]:+.3f}" if ends else "none"]
            cells += [f"{pair['p_value']:.2g}"]
        table.add_row(*cells)
    console.say(table)
    tests = " and ".join(dict.fromkeys(TEST_NAMES[pair["test"]] for pair in pairs.values()))
    if tests:
        console.say(f"p and interval of a difference: {tests}, for each pair alone")
