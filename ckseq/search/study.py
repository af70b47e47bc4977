"""A study that is there: opened, its best trials, its pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.search.finalists import confirmed_study, outcome_of, rows_of
from ckseq.search.study_storage import load_optuna, open_storage, without_password
from ckseq.storage.files import write_text

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

STUDY = "study.db"
CACHE = "cache"


def page(study: str, *, storage: str | None, out: Path, console: Console) -> dict[str, Any]:
    """Draw the pictures of a study, also of one that still runs.

    Parameters
    ----------
    study : str
        Its name.
    storage : str, optional
        Where it is kept; ``study.db`` in ``out`` if not given.
    out : Path
        The folder for the page ``STUDY.html``.
    console : Console

    Returns
    -------
    dict
        ``page``.

    Raises
    ------
    DataError
        There is no such study, or no trial of it is complete.
    """
    found = open_study(study, storage, out)
    path = draw(found, out)
    console.say(f"the pictures are in {path}")
    return {"schema": 1, "page": str(path)}


def open_study(name: str, storage: str | None, out: Path) -> Study:
    """Open a study that is there.

    Raises
    ------
    DataError
        There is none of that name; the message lists those there are.
    """
    optuna = load_optuna()
    url = storage or f"sqlite:///{out / STUDY}"
    if storage is None and not (out / STUDY).is_file():
        raise DataError("there is no such study file", out / STUDY, "name the folder of the search with --out")
    opened = open_storage(url)
    try:
        study: Study = optuna.load_study(study_name=name, storage=opened)
    except KeyError:
        there = [optuna.load_study(study_name=one, storage=opened) for one in optuna.get_all_study_names(opened)]
        known = ", ".join(sorted(one.study_name for one in there if not confirmed_study(one))) or "none"
        raise DataError(f"there is no study {name!r}", without_password(url), f"those there are: {known}") from None
    if whose := confirmed_study(study):
        raise DataError(f"the study {name!r} holds the finalists of another", fix=f"name that: {whose}")
    return study


def best_of(study: Study) -> list[FrozenTrial]:
    """Return the best trial, or with two objectives those that no other beats in both.

    Raises
    ------
    DataError
        No trial is complete.
    """
    if not any(trial.state.name == "COMPLETE" for trial in study.get_trials(deepcopy=False)):
        raise DataError("no trial of the study is complete", study.study_name, "go on with 'ckseq tune'")
    return [study.best_trial] if len(study.directions) == 1 else study.best_trials


def winners_of(study: Study) -> list[FrozenTrial]:
    """Return the trial that a search ends in, or with two objectives those that no other beats in both.

    It is the one that the finals chose; the best one where there were none.

    Raises
    ------
    DataError
        No trial is complete.
    """
    best, outcome = best_of(study), outcome_of(study)
    return best if outcome is None else [study.get_trials(deepcopy=False)[outcome.chosen]]


def winner_of(study: Study) -> FrozenTrial:
    """Return the trial that a search ends in; with two objectives the best in the first."""
    sign = -1 if study.directions[0].name == "MAXIMIZE" else 1
    return min(winners_of(study), key=lambda trial: sign * trial.values[0])


def served(study: Study) -> dict[str, float]:
    """Return the share of recordings, over all trials, that the cache served, by stage; ``any`` is all stages."""
    counts: Counter[str] = Counter()
    n = 0
    for trial in study.get_trials(deepcopy=False):
        facts = trial.user_attrs.get("preprocessing")
        if facts:
            n += facts["recordings"]
            counts.update(facts["served"])
            counts["any"] += max(facts["served"].values(), default=0)
    return {stage: round(count / n, 4) for stage, count in sorted(counts.items())} if n else {}


def draw(study: Study, out: Path) -> Path:
    """Write the page of a study into a folder; return where it is."""
    from ckseq.search.page import render_search
    from ckseq.search.trial_loop import about_study, tally

    counts = tally(study)
    shares = served(study)
    outcome = outcome_of(study)
    text = (
        f"{counts.complete} trials complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running; "
    )
    text += f"{shares.get('any', 0):.0%} of the recordings came from the cache."
    page = render_search(
        study,
        objectives=about_study(study)["objectives"],
        values=lambda trial: trial.user_attrs["values"],
        best=winners_of(study),
        finalists=[] if outcome is None else rows_of(outcome),
        chosen="" if outcome is None else outcome.sentence,
        summary=text,
    )
    path = out / f"{study.study_name}.html"
    write_text(path, page)
    return path
