"""The folder is the registry: a detector, a source or a model is found by the name of its file; or it is a plug-in."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import ModuleType

from ckseq import plugins
from ckseq.errors import CallError


@cache
def names(room: str) -> tuple[str, ...]:
    """Return the names that may be chosen in a room, sorted, without importing any of them.

    >>> "dlib_hog" in names("detectors")
    True
    """
    folder = Path(__file__).parent / room
    return tuple(sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_")))


def admit(room: str, name: str, *, where: str | None = None) -> str:
    """Load the code of a plug-in, if it is one, for a person who has named it; see `ckseq.plugins.admit`.

    Returns
    -------
    str
        The name by which `load` finds it: of a file its absolute path. What comes with ckseq goes before a plug-in.
    """
    plugin = None if name in names(room) else plugins.admit(room, name, where=where)
    return name if plugin is None else plugin.kind


def load(room: str, name: str, *, where: str | None = None) -> ModuleType:
    """Import and return ``ckseq.<room>.<name>``, or the module of a plug-in that a person has named.

    Parameters
    ----------
    room, name : str
        As in ``load("detectors", "dlib_hog")``.
    where : str, optional
        The recipe or option that asked for it, for the message.

    Raises
    ------
    CallError
        There is no such choice; the message lists the allowed ones.
    """
    allowed = names(room)
    if name not in allowed and (plugin := plugins.admitted(room, name)) is not None:
        return plugin.module
    if name not in allowed and plugins.is_path(name):
        what = f"the plug-in {name} was named by no person in this process, and its code is not loaded"
        raise CallError(what, where, "read the file, and give it with --plugin FILE")
    if name not in allowed:
        allowed += tuple(one.name for one in plugins.installed(room))
        near = get_close_matches(name, allowed, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        own = ", or the path of a .py file" if room in plugins.SPECS else ""
        raise CallError(f"there is no {name!r} in {room}", where, f"{hint}allowed: {', '.join(allowed)}{own}")
    return importlib.import_module(f"ckseq.{room}.{name}")
