"""The folder is the registry: a detector, a source or a model is found by the name of its file."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from ckseq.errors import CallError


def names(room: str) -> tuple[str, ...]:
    """Return the names that may be chosen in a room, sorted, without importing any of them.

    >>> "dlib_hog" in names("detectors")
    True
    """
    folder = Path(__file__).parent / room
    return tuple(sorted(m.name for m in pkgutil.iter_modules([str(folder)]) if not m.name.startswith("_")))


def load(room: str, name: str, *, where: str | None = None) -> ModuleType:
    """Import and return ``ckseq.<room>.<name>``.

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
    if name not in allowed:
        near = get_close_matches(name, allowed, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise CallError(f"there is no {name!r} in {room}", where, f"{hint}allowed: {', '.join(allowed)}")
    return importlib.import_module(f"ckseq.{room}.{name}")
