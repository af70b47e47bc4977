"""The result of a search: what is printed at its end, and what ``--json`` prints."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TypedDict

from optuna.study import Study
from rich.table import Table

from ckseq.config import Tree
from ckseq.console import Console
from ckseq.search.page import write_page
from ckseq.search.selection import Selection, selected_trials, selection_of
from ckseq.search.study import search_facts, tally
from ckseq.search.study_storage import without_password
from ckseq.search.trial_cache import TrialCache
from ckseq.search.trial_facts import cache_hits, objectives_of, values_of

# number of trials of a Pareto front that are printed
_PRINTED = 5
_GB = 10**9


class BestTrial(TypedDict):
    """A trial, its objective values by name, and its hyperparameters by path."""

    trial: int
    objectives: dict[str, float]
    values: Tree


class SearchResult(TypedDict):
    """What ``ckseq tune --json`` prints; ``best`` is the selected trial, or the Pareto front."""

    schema: int
    study: str
    storage: str
    complete: int
    pruned: int
    failed_trials: int
    best: list[BestTrial]
    finalists: Tree | None
    served_from_cache: dict[str, float]
    cache_bytes: int
    page: str


def report_search(study: Study, url: str, cache: TrialCache, out: Path, console: Console) -> SearchResult:
    """Write the page of a study, print its results and return them; the cache is trimmed."""
    objectives = search_facts(study).objectives
    best, selection, counts = selected_trials(study), selection_of(study), tally(study)
    hits = cache_hits(study)
    cache_bytes = cache.trim()
    page = write_page(study, out)
    if selection is not None:
        _print_selection(selection, console)
    table = Table("trial", *objectives, "hyperparameters", box=None)
    for trial in best[:_PRINTED]:
        changed = ", ".join(f"{path} = {value}" for path, value in values_of(trial).items())
        table.add_row(str(trial.number), *(f"{value:.3f}" for value in trial.values), changed)
    console.say(table)
    console.say(
        f"{counts.complete} trials complete, {counts.pruned} pruned, {counts.failed} failed; "
        f"{hits.get('any', 0):.0%} of the recordings came from the cache ({cache_bytes / _GB:.1f} GB); "
        f"figures: {page}"
    )
    return {
        "schema": 1,
        "study": study.study_name,
        "storage": without_password(url),
        "complete": counts.complete,
        "pruned": counts.pruned,
        "failed_trials": counts.failed,
        "best": [
            {"trial": trial.number, "objectives": objectives_of(trial, objectives), "values": values_of(trial)}
            for trial in best
        ],
        "finalists": None if selection is None else asdict(selection),
        "served_from_cache": hits,
        "cache_bytes": cache_bytes,
        "page": str(page),
    }


def _print_selection(selection: Selection, console: Console) -> None:
    table = Table("finalist", "in the search", "on new folds", f"gain over {selection.experiment}", box=None)
    for row in selection.rows():
        table.add_row(*row)
    console.say(table)
    console.say(selection.sentence)
