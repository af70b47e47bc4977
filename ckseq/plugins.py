"""Plug-ins: models, detectors and sources from outside the package, as files or as entry points of installed packages.

Code is loaded only by `admit` and `admit_file`, for what a person has named: in a recipe of their own, on their command
line, or in a call. What a run or store names is only looked up, by its SHA-256: among these, and in installed packages.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from ckseq.errors import CallError
from ckseq.regular_file import open_regular

SPECS = {"models": "ModelSpec", "detectors": "DetectorSpec", "sources": "SourceSpec"}
"""The rooms that plug-ins extend; entry points are in the groups ``ckseq.models`` and so on."""

_MOST_BYTES = 2**20


@dataclass(frozen=True)
class Plugin:
    """A plug-in whose code a person has named.

    Parameters
    ----------
    room : str
        A key of `SPECS`.
    kind : str
        As recipes name it: the absolute path of its file, or the name of its entry point.
    name, version : str
        The name of the file or entry point, and the version of its package, or ``__version__`` of the file; empty if
        there is none.
    sha256 : str
        Of the file's bytes, 64 hexadecimal digits.
    package : str
        The installed package; empty of a file.
    module : module
        With its ``SPEC``.
    """

    room: str
    kind: str
    name: str
    version: str
    sha256: str
    package: str
    module: ModuleType

    def facts(self) -> dict[str, str]:
        """Return what recipes, stores and runs record of it."""
        return {"name": self.name, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True)
class Installed:
    """A plug-in of an installed package, of which no code is loaded; ``sha256`` is empty without a file of its own."""

    room: str
    name: str
    package: str
    version: str
    target: str
    sha256: str


# those that a person has named in this process, and the code that runs in it, by room and kind
_admitted: dict[tuple[str, str], Plugin] = {}


def is_path(kind: str) -> bool:
    """Whether a kind is the path of a file, not a name.

    >>> is_path("./my_model.py"), is_path("my_model")
    (True, False)
    """
    return kind.endswith(".py") or "/" in kind or "\\" in kind


def admitted(room: str, kind: str) -> Plugin | None:
    """Return the plug-in of that kind, if a person has named it in this process."""
    return _admitted.get((room, kind))


def all_admitted(room: str) -> tuple[Plugin, ...]:
    """Return the plug-ins of a room that a person has named in this process."""
    return tuple(plugin for (own, _), plugin in _admitted.items() if own == room)


def installed(room: str) -> tuple[Installed, ...]:
    """Return the plug-ins of installed packages, sorted by name; none of their code is loaded."""
    found = [
        Installed(room, entry.name, _package(entry), _version(entry), entry.value, _digest_of(entry))
        for entry in entry_points(group=f"ckseq.{room}")
    ]
    return tuple(sorted(found, key=lambda one: (one.name, one.package)))


def admit(room: str, kind: str, *, where: str | None = None) -> Plugin | None:
    """Load the code of a plug-in that a person has named.

    Parameters
    ----------
    room : str
        A key of `SPECS`.
    kind : str
        The path of a file, or the name of an entry point.
    where : str, optional
        What named it, for messages.

    Returns
    -------
    Plugin or None
        None where it is a name that no installed package has.

    Raises
    ------
    CallError
        There is no such file, it cannot be loaded, or its ``SPEC`` is of another room.
    """
    plugin = _from_file(Path(kind), room, where) if is_path(kind) else _from_entry_point(room, kind, where)
    if plugin is not None:
        _admitted[room, plugin.kind] = plugin
    return plugin


def admit_file(path: Path) -> Plugin:
    """Load the code of a file that a person has named; its ``SPEC`` tells the room. Errors as of `admit`."""
    plugin = _from_file(path, None, None)
    _admitted[plugin.room, plugin.kind] = plugin
    return plugin


def recall(room: str, kind: str, recorded: Any, *, where: str) -> Plugin | None:
    """Return the plug-in that a recipe, store or run names; code is loaded only of an installed package, by its digest.

    Parameters
    ----------
    room, kind : str
    recorded : dict or None
        What was recorded of it, see `Plugin.facts`; without it only the kind is compared.
    where : str
        What names it.

    Returns
    -------
    Plugin or None
        None where nothing was recorded, and a person has named no such plug-in.

    Raises
    ------
    CallError
        A person has named no plug-in with that digest, and none is installed; the message says what to do.
    """
    if recorded is None:
        return admitted(room, str(Path(kind).absolute()) if is_path(kind) else kind)
    if not isinstance(recorded, dict) or not all(isinstance(recorded.get(key), str) for key in ("name", "sha256")):
        raise CallError("plugin is no table of name, version and sha256", where, "remove it")
    name, digest = recorded["name"], recorded["sha256"]
    same = [plugin for plugin in all_admitted(room) if plugin.sha256 == digest]
    if same:
        return next((plugin for plugin in same if plugin.kind == kind), same[0])
    there = [one for one in installed(room) if one.name == name]
    if any(one.sha256 == digest for one in there):
        return admit(room, name, where=where)
    raise CallError(*_refusal(room, recorded, there, where))


def _refusal(room: str, recorded: dict[str, str], there: list[Installed], where: str) -> tuple[str, str, str]:
    name, version = recorded["name"], recorded.get("version", "")
    what = f"needs the plug-in {name}{f' {version}' if version else ''}, whose SHA-256 is {recorded['sha256']}"
    what += "; code is never loaded from a run or store by itself"
    if there:
        return what, where, f"installed is {there[0].package} {there[0].version}, which differs: install that version"
    given = [plugin for plugin in all_admitted(room) if plugin.name == name]
    if given:
        fix = "give the file as it was, or remove plugin from a recipe of your own"
        return what, where, f"{given[0].kind} has another, {given[0].sha256}: {fix}"
    if not name.endswith(".py"):
        return what, where, "install its package"
    return what, where, "get the file from somebody you trust, read it, and give it with --plugin FILE"


def _from_file(path: Path, room: str | None, where: str | None) -> Plugin:
    path = path.absolute()
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        what = "there is no such plug-in" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise CallError(what, path, f"correct the path in {where} or --set" if where else "check the path") from None
    if len(content) > _MOST_BYTES:
        raise CallError(f"is larger than {_MOST_BYTES >> 20} MiB", path, "name a file of Python")
    digest = hashlib.sha256(content).hexdigest()
    # named by its content, so that estimators saved with its classes find them, and only them, again
    name = f"ckseq_plugin_{re.sub(r'[^0-9a-zA-Z]', '_', path.stem)}_{digest[:12]}"
    module = sys.modules.get(name) or _executed(name, content, path)
    room = _room_of(module, room, str(path))
    return Plugin(room, str(path), path.name, str(getattr(module, "__version__", "")), digest, "", module)


def _executed(name: str, content: bytes, path: Path) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        exec(compile(content, str(path), "exec"), vars(module))  # the bytes whose digest is recorded
    except BaseException as error:
        del sys.modules[name]
        if not isinstance(error, Exception):
            raise
        raise CallError(f"cannot be loaded: {type(error).__name__}: {error}", path, "correct the file") from error
    return module


def _from_entry_point(room: str, name: str, where: str | None) -> Plugin | None:
    entries = list(entry_points(group=f"ckseq.{room}", name=name))
    if not entries:
        return None
    if len(entries) > 1:
        packages = " and ".join(sorted(map(_package, entries)))
        raise CallError(f"{name} is a plug-in of {packages}", where, "uninstall one of them")
    (entry,) = entries
    try:
        module = importlib.import_module(entry.module)
        spec = getattr(module, entry.attr or "SPEC", None)
    except Exception as error:
        what = f"the plug-in {name} of {_package(entry)} cannot be loaded: {type(error).__name__}: {error}"
        raise CallError(what, where, "install it again") from error
    if entry.attr not in ("", "SPEC"):
        held, module = module, ModuleType(module.__name__, module.__doc__)
        vars(module).update(__file__=held.__file__, SPEC=spec)
    _room_of(module, room, f"{_package(entry)}: {entry.value}")
    digest = hashlib.sha256(Path(str(module.__file__)).read_bytes()).hexdigest()
    return Plugin(room, name, name, _version(entry), digest, _package(entry), module)


def _room_of(module: ModuleType, wanted: str | None, where: str) -> str:
    """Return the room of a module's ``SPEC``, which has to be the wanted one."""
    spec = getattr(module, "SPEC", None)
    for room, name in SPECS.items():
        if isinstance(spec, getattr(importlib.import_module(f"ckseq.{room}._spec"), name)):
            if wanted not in (None, room):
                raise CallError(f"its SPEC is a {name}", where, f"a {SPECS[str(wanted)]} is needed here")
            return room
    needed = SPECS[wanted] if wanted else " or ".join(SPECS.values())
    raise CallError("ends in no SPEC", where, f"define SPEC = {needed}(...)")


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else ""


def _version(entry: EntryPoint) -> str:
    return entry.dist.version if entry.dist is not None else ""


def _digest_of(entry: EntryPoint) -> str:
    """Return the SHA-256 of an entry point's file, found without executing any of its package."""
    parts = entry.module.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])
        for n in range(2, len(parts) + 1):
            inside = None if spec is None else spec.submodule_search_locations
            spec = None if inside is None else PathFinder.find_spec(".".join(parts[:n]), list(inside))
        return "" if spec is None or not spec.origin else hashlib.sha256(Path(spec.origin).read_bytes()).hexdigest()
    except (ImportError, ValueError, OSError):
        return ""
