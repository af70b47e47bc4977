"""`Report`: what `Run.report` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckseq.notebook import html_table


@dataclass(frozen=True)
class Report:
    """What `Run.report` wrote.

    Parameters
    ----------
    page : Path
        The HTML page, one file that needs no network.
    headline : str
        The main score with its confidence interval, in words.
    files : dict of str to Path
        Every table and figure in the run folder, by name.
    values : dict
        The scores and findings, as ``ckseq report --json`` prints them.

    Examples
    --------
    >>> report = ckseq.load_run("cv").report()
    >>> report.page.name, report.files["confusion_matrix.csv"].is_file(), report.values["accuracy"]
    ('report.html', True, 1.0)
    """

    page: Path
    headline: str
    files: Mapping[str, Path]
    values: Mapping[str, Any]

    def _repr_html_(self) -> str:
        return html_table(self.headline, [("page", self.page), *self.files.items()])
