"""``ckseq check-plugin``: whether a plug-in does what models, detectors or sources must do, check by check."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ckseq import plugins, registry
from ckseq.console import Console
from ckseq.contracts.check import run_checks
from ckseq.contracts.detectors import DetectorContract
from ckseq.contracts.models import ModelContract
from ckseq.contracts.sources import SourceContract
from ckseq.errors import CallError


def check_plugin(name: str, *, data: Path | None = None, console: Console) -> dict[str, Any]:
    """Run the contract tests of a plug-in; its code is executed.

    Parameters
    ----------
    name : str
        The path of a file, or the name of a plug-in of an installed package.
    data : Path, optional
        A data set that a source reads.
    console : Console

    Returns
    -------
    dict
        ``plugin`` (see `Plugin.facts`), ``room``, ``checks``: what must hold, and ``failure``, empty where it does;
        ``failed``: the number of checks that do not hold.

    Raises
    ------
    CallError
        There is no such plug-in, or it cannot be loaded.
    """
    found = [plugins.admit_file(Path(name))] if plugins.is_path(name) else _installed(name)
    results: list[dict[str, Any]] = []
    for plugin in found:
        checked = run_checks(_checks(plugin, data))
        called = f"{plugin.name} {plugin.version}".strip()
        console.heading(f"{called}, {plugin.room}; SHA-256 {plugin.sha256}")
        table = Table("", "", box=None, show_header=False)
        for one in checked:
            mark = Text("fails", "red") if one.failure else Text("holds", "green")
            table.add_row(mark, Text(f"{one.what}{f': {one.failure}' if one.failure else ''}"))
        console.say(table)
        n_failed = sum(bool(one.failure) for one in checked)
        console.say(f"{len(checked) - n_failed} of {len(checked)} checks hold")
        if plugin.room == "sources" and data is None:
            console.say("scanning was not checked: name a data set that it reads with --data")
        checks = [one._asdict() for one in checked]
        results.append({"plugin": plugin.facts(), "room": plugin.room, "checks": checks, "failed": n_failed})
    return {"schema": 1, "plugins": results, "failed": sum(one["failed"] for one in results)}


def _installed(name: str) -> list[plugins.Plugin]:
    found = [plugin for room in plugins.SPECS if (plugin := plugins.admit(room, name)) is not None]
    if found:
        return found
    names = [one.name for room in plugins.SPECS for one in plugins.installed(room)]
    own = [room for room in plugins.SPECS if name in registry.names(room)]
    what = f"{name} comes with ckseq and is no plug-in" if own else f"there is no plug-in {name!r}"
    there = f"installed: {', '.join(names)}" if names else "no installed package has any"
    raise CallError(what, fix=f"{there}; or name a .py file")


def _checks(plugin: plugins.Plugin, data: Path | None) -> tuple[Callable[[], None], ...]:
    spec, about = plugin.module.SPEC, plugin.module.__doc__
    if plugin.room == "models":
        return ModelContract(spec, about=about).checks
    return (
        DetectorContract(spec, about=about).checks if plugin.room == "detectors" else SourceContract(spec, data).checks
    )
