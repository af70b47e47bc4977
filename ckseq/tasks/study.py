"""A study that is there: opened, its best trials, its pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckseq.errors import DataError
from ckseq.storage.runs import write_text
from ckseq.storage.studies import load_optuna, open_storage, without_password
from ckseq.tasks.console import Console

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

STUDY = "study.db"


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
        known = ", ".join(sorted(optuna.get_all_study_names(opened))) or "none"
        raise DataError(f"there is no study {name!r}", without_password(url), f"those there are: {known}") from None
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
    from ckseq.learn.search import about_study, tally
    from ckseq.report.search import render_search

    counts = tally(study)
    shares = served(study)
    text = (
        f"{counts.complete} trials complete, {counts.pruned} pruned, {counts.failed} failed, {counts.running} running; "
    )
    text += f"{shares.get('any', 0):.0%} of the recordings came from the cache."
    page = render_search(
        study,
        objectives=about_study(study)["objectives"],
        values=lambda trial: trial.user_attrs["values"],
        best=best_of(study),
        summary=text,
    )
    path = out / f"{study.study_name}.html"
    write_text(path, page)
    return path
