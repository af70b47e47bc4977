"""``ckseq tune page``: the figures of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from ckseq.console import Console
from ckseq.search.study_storage import load_optuna


class PageResult(TypedDict):
    """The path of the page."""

    schema: int
    page: str


def tune_page(study: str, *, storage: str | None, out: Path, console: Console) -> PageResult:
    """Draw the figures of a study, also of one that still runs.

    Parameters
    ----------
    study : str
        Its name.
    storage : str, optional
        The URL of its storage; ``study.db`` in ``out`` if not given.
    out : Path
        The folder for the page ``STUDY.html``.
    console : Console

    Raises
    ------
    DataError
        There is no such study, or no trial of it is complete.
    """
    load_optuna()
    from ckseq.search.page import write_page
    from ckseq.search.study import open_study

    path = write_page(open_study(study, storage, out), out)
    console.say(f"figures: {path}")
    return {"schema": 1, "page": str(path)}
