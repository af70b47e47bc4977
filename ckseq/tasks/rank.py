"""``ckseq rank``: several models over several data sets or seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.errors import CallError
from ckseq.grammar import agreeing, counted
from ckseq.protocol.ranking import alike
from ckseq.protocol.ranking import rank as rank_blocks
from ckseq.report.ranking import draw_ranks
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import write_bytes

Block = tuple[str, str, str]


def rank(paths: Sequence[Path], *, picture: Path | None, console: Console) -> dict[str, Any]:
    """Rank models by accuracy on each data set, fold assignment and seed, and test whether the ranks differ.

    Parameters
    ----------
    paths : sequence of Path
        Run folders. Runs with the same experiment and model are one model; only blocks with results of all count.
    picture : Path, optional
        PNG file to draw the critical-difference diagram into.
    console : Console

    Returns
    -------
    dict
        ``models`` with ``mean_rank`` and ``mean_accuracy``, best first; ``blocks``; ``friedman``;
        ``critical_difference``; ``alike``: groups without a significant difference; ``notes``.

    Raises
    ------
    CallError
        A model has two results for the same block.
    DataError
        A run cannot be read or is not complete, or there are fewer than three models or two blocks.
    """
    table: dict[str, dict[Block, float]] = {}
    for path in paths:
        name, found = _blocks(path)
        own = table.setdefault(name, {})
        if twice := own.keys() & found.keys():
            seed = next(iter(twice))[2]
            raise CallError(f"{name} has two results for the same data, folds and seed {seed}", path, "leave one out")
        own.update(found)
    names = sorted(table)
    common = sorted(set.intersection(*(set(found) for found in table.values()))) if table else []
    ranking = rank_blocks(
        np.array([[table[name][block] for name in names] for block in common]).reshape(len(common), len(names)),
        confidence=CONFIDENCE,
    )
    notes = []
    if len({block[:2] for block in common}) == 1:
        notes.append("all blocks are seeds on one data set with the same folds: the ranking holds for these data only")
    if left := sum(len(found) for found in table.values()) - len(common) * len(names):
        are = agreeing(left, "is", "are")
        notes.append(f"{counted(left, 'result')} {are} left out, since other models have none for the same block")
    order = np.argsort(ranking.mean_ranks, kind="stable")
    models = [
        {
            "model": names[place],
            "mean_rank": float(ranking.mean_ranks[place]),
            "mean_accuracy": float(np.mean([table[names[place]][block] for block in common])),
        }
        for place in order
    ]
    groups = [[names[place] for place in group] for group in alike(ranking)]
    _say(console, models, groups, notes)
    said = f"Friedman p = {ranking.p_value:.2g} over {len(common)} blocks"
    console.say(f"{said}; critical difference of mean ranks: {ranking.critical_difference:.2f}")
    if picture is not None:
        write_bytes(picture, draw_ranks(names, ranking, confidence=CONFIDENCE))
    return {
        "schema": 1,
        "models": models,
        "blocks": [list(block) for block in common],
        "friedman": ranking.p_value,
        "critical_difference": ranking.critical_difference,
        "alike": groups,
        "notes": notes,
    }


def _blocks(path: Path) -> tuple[str, dict[Block, float]]:
    """Return a run's model and its accuracy in each block (data, folds, seed)."""
    run, predictions = read_complete_run(path)
    rows = predictions.rows
    seeds = sorted({run.seeds[0] if row.seed is None else row.seed for row in rows})
    found = {}
    for seed in seeds:
        right = [row.truth == row.predicted for row in rows if row.seed in (seed, None)]
        found[(run.store_digest, run.protocol.digest, str(seed))] = float(np.mean(right))
    return f"{run.experiment_name} {run.model_kind}".strip(), found


def _say(console: Console, models: list[dict[str, Any]], groups: list[list[str]], notes: list[str]) -> None:
    shown = Table(box=None)
    for name in ("model", "mean rank", "mean accuracy"):
        shown.add_column(name, justify="left" if name == "model" else "right")
    for one in models:
        shown.add_row(Text(one["model"]), f"{one['mean_rank']:.2f}", f"{one['mean_accuracy']:.3f}")
    console.say(shown)
    for group in groups:
        console.say(f"no significant difference: {', '.join(group)}")
    for note in notes:
        console.say(note)
