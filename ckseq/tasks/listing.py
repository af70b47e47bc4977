"""``ckseq list``: what there is to choose from."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ckseq.config import did_you_mean
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.catalog import KINDS, Entry, Measured, catalog


def listing(what: str | None = None, *, console: Console) -> dict[str, Any]:
    """Print recipes, models and detectors: names and purposes, or all facts of a kind or of one name.

    Parameters
    ----------
    what : str, optional
        One of `KINDS`, or a name.
    console : Console

    Returns
    -------
    dict
        ``entries``: of each ``kind``, ``name``, ``purpose``, ``facts`` and ``measured``.

    Raises
    ------
    CallError
        There is no such kind or name.
    """
    entries = catalog()
    if what is not None:
        chosen = [entry for entry in entries if what in (entry.kind, entry.name)]
        if what == "plugins" and not chosen:
            console.say("no installed package has a plug-in of ckseq; a file is used by its path, see docs/plugins.md")
        elif not chosen:
            hint = did_you_mean(what, [*KINDS, *(entry.name for entry in entries)])
            raise CallError(f"there is no {what!r} to list", fix=f"{hint}one of {', '.join(KINDS)}, or a name in them")
        entries = chosen
    for kind in KINDS:
        of_kind = [entry for entry in entries if entry.kind == kind]
        if of_kind:
            console.heading(kind)
            console.say(_names(of_kind) if what is None else _facts(of_kind))
    return {"schema": 1, "entries": [asdict(entry) for entry in entries]}


def _names(entries: list[Entry]) -> Table:
    table = Table("name", "purpose", box=None, show_header=False)
    for entry in entries:
        table.add_row(Text(entry.name, style="bold"), entry.purpose)
    return table


def _facts(entries: list[Entry]) -> Table:
    table = Table.grid()
    for number, entry in enumerate(entries):
        if number:
            table.add_row("")
        rows = Table.grid(padding=(0, 2, 0, 0))
        facts = dict(entry.facts)
        for name, text in facts.items():
            rows.add_row(Text(name, style="dim"), Text(text))
        for place, measured in enumerate(entry.measured):
            rows.add_row(Text("" if place else "measured", style="dim"), Text(_result(measured)))
        table.add_row(Text.assemble((entry.name, "bold"), "  ", entry.purpose))
        table.add_row(Padding(rows, (0, 0, 0, 4)))
    return table


def _result(measured: Measured) -> str:
    seconds = "" if measured.seconds is None else f" ({measured.seconds:.0f} s on 2 cores)"
    return f"{measured.metric} {measured.score:.2f} on {measured.data}{seconds}"
