"""Recipe files: found by name or path, laid over those that they extend, and read section by section."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ckseq import plugins, registry
from ckseq.config import Config, FieldError, Tree, parse, read_toml, with_settings
from ckseq.errors import CallError

# former names of recipes, for the suggestion
_FORMER_NAMES = {"paper_4class": "paper_phase4", "paper_7class": "paper_phase3"}
# searches are files among the experiments, marked by a prefix
_SEARCH = "search_"
ROOMS = {"model": "models", "detector": "detectors"}
"""The sections of recipes whose ``kind`` is a file of a room, or a plug-in."""


def recipe_names(kind: str) -> tuple[str, ...]:
    """Return the names of the recipes that ship with ckseq; kinds are ``pipelines``, ``experiments``, ``searches``."""
    stems = sorted(path.stem for path in _recipe_folder(kind).glob("*.toml"))
    if kind == "searches":
        return tuple(stem.removeprefix(_SEARCH) for stem in stems if stem.startswith(_SEARCH))
    return tuple(stem for stem in stems if not stem.startswith(_SEARCH))


def find_recipe(kind: str, name: str) -> Path:
    """Return the path of a recipe, given its name or the path of a TOML file.

    Raises
    ------
    CallError
        There is no such recipe; the message lists those that ship with ckseq.
    """
    if name.endswith(".toml") or "/" in name:
        path = Path(name)
        if path.is_file():
            return path
        raise CallError("there is no such recipe file", path, f"or name one of: {', '.join(recipe_names(kind))}")
    path = _recipe_folder(kind) / f"{_SEARCH if kind == 'searches' else ''}{name}.toml"
    if path.is_file():
        return path
    known = {own: own for own in recipe_names(kind)} | (_FORMER_NAMES if kind == "experiments" else {})
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {known[near[0]]!r}? " if near else ""
    raise CallError(
        f"there is no {name!r} among the {kind}",
        fix=f"{hint}allowed: {', '.join(recipe_names(kind))}, or the path of a .toml file",
    )


def beside(name: str, recipe: Path) -> str:
    """Return the path of a .toml file that lies beside a recipe which names it, wherever one calls from."""
    path = recipe.parent / name
    return str(path) if path.suffix == ".toml" and path.is_file() else name


def read_recipe(kind: str, name: str) -> tuple[Path, Tree]:
    """Return the path of a recipe and its tree, given its name or the path of a TOML file.

    Where it ``extends`` another recipe, named like that, its own values are laid over that one's, section by section.

    Raises
    ------
    CallError
        There is no such recipe, or recipes extend each other in a circle.
    """
    path = find_recipe(kind, name)
    tree = with_own_plugins(read_toml(path), path)
    seen = [path]
    while "extends" in tree:
        base = find_recipe(kind, beside(str(tree.pop("extends")), seen[-1]))
        if base in seen:
            raise CallError(f"extends {base.stem}, which extends it", path, "let one of them stand alone")
        seen.append(base)
        tree = laid_over(with_own_plugins(read_toml(base), base), tree)
    return path, tree


def with_own_plugins(tree: Tree, recipe: Path) -> Tree:
    """Return a tree whose plug-ins, named by paths relative to the recipe's file, are named by absolute paths."""
    found = dict(tree)
    for section in ROOMS:
        table = tree.get(section)
        if isinstance(table, dict) and isinstance(kind := table.get("kind"), str) and plugins.is_path(kind):
            found[section] = {**table, "kind": str((recipe.parent / kind).absolute())}
    return found


def admit_plugin(tree: Tree, section: str, where: str) -> Tree:
    """Load the plug-in that a person's own recipe names in a section, if it names one.

    Raises
    ------
    CallError
        There is no such file, it is no plug-in of that room, or it is not the one whose SHA-256 the recipe names.
    """
    table = tree.get(section)
    if not isinstance(table, dict) or not isinstance(kind := table.get("kind"), str):
        return tree  # an error of its own, see `read_kind`
    kind = registry.admit(ROOMS[section], kind, where=f"{where} [{section}]")
    return {**tree, section: {**_facts_of(section, kind), **table, "kind": kind}}


def _facts_of(section: str, kind: str) -> Tree:
    """Return what is recorded of the plug-in of a section; nothing of what comes with ckseq."""
    plugin = plugins.admitted(ROOMS[section], kind)
    return {} if plugin is None else {"plugin": plugin.facts()}


def laid_over(base: Tree, tree: Tree) -> Tree:
    """Return ``base`` with the values of ``tree``, at every depth; a section of another kind replaces the section.

    >>> laid_over({"model": {"kind": "gru", "units": 8}, "seed": 1}, {"model": {"units": 9}})
    {'model': {'kind': 'gru', 'units': 9}, 'seed': 1}
    """
    result = {**base, **tree}
    for key in base.keys() & tree.keys():
        below, above = base[key], tree[key]
        if isinstance(below, dict) and isinstance(above, dict) and above.get("kind") in (None, below.get("kind")):
            result[key] = laid_over(below, above)
    return result


def _recipe_folder(kind: str) -> Path:
    package = Path(__file__).parent
    kind = "experiments" if kind == "searches" else kind
    shipped = package / kind  # in an installed wheel; a checkout has them beside the package
    return shipped if shipped.is_dir() else package.parent / kind


def results_folder() -> Path:
    """Return the folder of measured results."""
    return _recipe_folder("experiments") / "results"


def sections_of(recipe: type[Config]) -> dict[str, type[Config]]:
    """Return the sections of a recipe with their configs: its fields that are configs of one fixed stage."""
    return {
        name: field.annotation
        for name, field in recipe.model_fields.items()
        if isinstance(field.annotation, type)
        and issubclass(field.annotation, Config)
        and field.annotation is not Config
    }


def apply_settings(tree: Tree, settings: Iterable[str], section: str) -> Tree:
    """Apply ``--set`` settings; where they choose another kind in a section, the recipe's fields of the old kind go."""
    settings = tuple(settings)
    changed = with_settings(tree, settings)
    before, now = tree.get(section), changed.get(section)
    if isinstance(before, dict) and isinstance(now, dict) and before.get("kind") != now.get("kind"):
        return with_settings({**tree, section: {}}, settings)
    return changed


@contextmanager
def naming_settings(settings: Iterable[str]) -> Iterator[None]:
    """Name the ``--set`` settings, and not the file of the recipe, in an error about fields that these set."""
    given = [setting.partition("=")[0].strip() for setting in settings]
    try:
        yield
    except FieldError as error:
        section = re.search(r"\[(\w+)\]$", error.where or "")
        wrong = [f"{section[1]}.{field}" if section else field for field in error.fields]
        by_field = [[name for name in given if f"{name}.".startswith(f"{field}.")] for field in wrong]
        if not wrong or not all(by_field):
            raise
        names = dict.fromkeys(f"--set {name}" for own in by_field for name in own)
        raise CallError(error.what, ", ".join(names), error.fix) from None


def read_kind(values: Tree, section: str, where: str) -> Tree:
    """Return the values with ``[section] kind = ...`` replaced by the kind and the config of the chosen file.

    Plug-ins have to be admitted before, or installed with the digest in ``plugin``; see `ckseq.plugins.recall`.

    Raises
    ------
    CallError
        There is no kind, no such kind, or a field of it is wrong.
    """
    table, room = values.get(section), ROOMS[section]
    if not isinstance(table, dict) or not isinstance(table.get("kind"), str):
        raise CallError(f'[{section}] needs kind = "..."', where, f"one of: {', '.join(registry.names(room))}")
    kind = table["kind"]
    if kind not in registry.names(room):
        plugin = plugins.recall(room, kind, table.get("plugin"), where=f"{where} [{section}]")
        kind = kind if plugin is None else plugin.kind
    cls = registry.load(room, kind, where=f"{where} [{section}] kind").SPEC.config
    fields = {key: value for key, value in table.items() if key not in ("kind", "plugin")}
    return {**values, f"{section}_kind": kind, section: parse(cls, fields, where=f"{where} [{section}]")}


def dump_kind(tree: Tree, section: str) -> Tree:
    """Bring a dumped recipe into the shape of its TOML, where the kind stands in its section, and what it is of."""
    kind = tree[f"{section}_kind"]
    head = {"kind": kind, **_facts_of(section, kind)}
    return {
        key: {**head, **value} if key == section else value for key, value in tree.items() if key != f"{section}_kind"
    }


class WithPlugin(Config):
    """A recipe one of whose sections may be of a plug-in; a process that is sent one loads the code for itself."""

    def __reduce_ex__(self, protocol: Any) -> Any:
        found = [
            plugin
            for section, room in ROOMS.items()
            if (kind := getattr(self, f"{section}_kind", None)) and (plugin := plugins.admitted(room, kind)) is not None
        ]
        if not found:
            return super().__reduce_ex__(protocol)
        return _received, (type(self), self.model_dump(mode="json"), [(one.room, one.kind) for one in found])

    @classmethod
    def of_tree(cls, tree: Tree, where: str) -> WithPlugin:
        """Return the recipe of a tree."""
        raise NotImplementedError


def _received(cls: type[WithPlugin], tree: Tree, admitted: list[tuple[str, str]]) -> WithPlugin:
    """Return a recipe that another process of the same person sent; its digests are compared."""
    for room, kind in admitted:
        if plugins.is_path(kind) and not Path(kind).exists():
            what = f"{socket.gethostname()}, which works for this command, has no such plug-in"
            raise CallError(what, kind, "copy it to the same path on every machine, or install it there as a package")
        plugins.admit(room, kind)
    return cls.of_tree(tree, "a worker process")


def read_sections(recipe: type[Config], values: Tree, where: str) -> Tree:
    """Return the values with every section read, each with errors that name it.

    Raises
    ------
    CallError
        A section is a value, or a field of it is wrong.
    """
    read: Tree = {}
    for section, config in sections_of(recipe).items():
        table = values.get(section, {})
        if not isinstance(table, dict):
            raise CallError(f"{section} is a section, not a value", where, f"write it as [{section}]")
        read[section] = parse(config, table, where=f"{where} [{section}]")
    return {**values, **read}
