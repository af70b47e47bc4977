"""Plug-ins: models, detectors and sources from outside the package, by path or as entry points of installed packages.

Code is loaded only by `admit` and `admit_file`, for what a person has named: in a recipe of their own, on their command
line, or in a call. What a run or store names is only looked up, by its SHA-256: among these, and in installed packages.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from ckseq.errors import CallError
from ckseq.plugin_files import INIT, digest_of_package, load, read_code

SPECS = {"models": "ModelSpec", "detectors": "DetectorSpec", "sources": "SourceSpec"}
"""The rooms that plug-ins extend; entry points are in the groups ``ckseq.models`` and so on."""


@dataclass(frozen=True)
class Plugin:
    """A plug-in whose code a person has named.

    Parameters
    ----------
    room : str
        A key of `SPECS`.
    kind : str
        As recipes name it: the absolute path of its file or folder, or the name of its entry point.
    name, version : str
        The name of the file, folder (with a slash behind it) or entry point, and the version of its package, or its
        ``__version__``; empty if there is none.
    sha256 : str
        Of the file's bytes, or of all files of the package, 64 hexadecimal digits.
    package : str
        The installed package; empty of a path.
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
    """A plug-in of an installed package, of which no code is loaded; ``sha256`` is empty if it has no files."""

    room: str
    name: str
    package: str
    version: str
    target: str
    sha256: str


# those that a person has named in this process, and the code that runs in it, by room and kind
_admitted: dict[tuple[str, str], Plugin] = {}


def is_path(kind: str) -> bool:
    """Whether a kind is the path of a file or a folder, not a name.

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
        The path of a file or of a package's folder, or the name of an entry point.
    where : str, optional
        What named it, for messages.

    Returns
    -------
    Plugin or None
        None where it is a name that no installed package has.

    Raises
    ------
    CallError
        There is no such file, it cannot be loaded or imports what is not hashed, or its ``SPEC`` is of another room.
    """
    plugin = _from_path(Path(kind), room, where) if is_path(kind) else _from_entry_point(room, kind, where)
    if plugin is not None:
        _admitted[room, plugin.kind] = plugin
    return plugin


def admit_file(path: Path) -> Plugin:
    """Load the code of a file or a folder that a person has named; its ``SPEC`` tells the room; errors of `admit`."""
    plugin = _from_path(path, None, None)
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
    if any(one.sha256 == digest != "" for one in there):
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
        fix = f"give the {_thing(name)} as it was, or remove plugin from a recipe of your own"
        return what, where, f"{given[0].kind} has another, {given[0].sha256}: {fix}"
    if not name.endswith((".py", "/")):
        return what, where, "install its package"
    thing = _thing(name)
    return what, where, f"get the {thing} from somebody you trust, read it, and give it with --plugin {thing.upper()}"


def _thing(name: str) -> str:
    return "folder" if name.endswith("/") else "file"


def _from_path(path: Path, room: str | None, where: str | None) -> Plugin:
    code = read_code(path, where=where)
    module = load(code)
    room = _room_of(module, room, str(code.path))
    version = str(getattr(module, "__version__", ""))
    return Plugin(room, str(code.path), code.name, version, code.sha256, "", module)


def _from_entry_point(room: str, name: str, where: str | None) -> Plugin | None:
    entries = list(entry_points(group=f"ckseq.{room}", name=name))
    if not entries:
        return None
    if len(entries) > 1:
        packages = " and ".join(sorted(map(_package, entries)))
        raise CallError(f"{name} is a plug-in of {packages}", where, "uninstall one of them")
    (entry,) = entries
    digest = _digest_of(entry)  # of what is executed next
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
    if not digest:
        raise CallError(
            f"the files of the plug-in {name} of {_package(entry)} cannot be read", where, "install it again"
        )
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
    """Return the SHA-256 of the package that an entry point's module is in, or of a module that is in none.

    None of its code is executed.
    """
    parts = entry.module.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])
        for n in range(2, len(parts) + 1):
            if spec is None or spec.origin:  # None is that of a namespace, which belongs to several packages
                break
            spec = PathFinder.find_spec(".".join(parts[:n]), list(spec.submodule_search_locations or ()))
        if spec is None or not spec.origin:
            return ""
        file = Path(spec.origin)
        return digest_of_package(file.parent) if file.name == INIT else hashlib.sha256(file.read_bytes()).hexdigest()
    except (ImportError, ValueError, OSError):
        return ""
