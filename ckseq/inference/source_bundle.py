"""Definitions of this package gathered with all that they call, as the text of one module that needs no ckseq."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import NamedTuple

_PACKAGE = "ckseq"
_CONFIGS = {"Config", "WithPlugin"}


class Name(NamedTuple):
    """A name that a module of this package defines."""

    module: str
    name: str


@dataclass(frozen=True)
class _Module:
    """The top level of a module: the statements that define a name, and the names that are imported."""

    lines: list[str]
    definitions: dict[str, ast.stmt]
    docstrings: dict[str, ast.stmt]
    imports: dict[str, tuple[str, str] | Name]


@cache
def _module(name: str) -> _Module:
    *rooms, last_part = name.split(".")[1:]
    text = files(_PACKAGE).joinpath(*rooms, f"{last_part}.py").read_text(encoding="utf-8")
    module = _Module(text.splitlines(), {}, {}, {})
    last: str | None = None
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Expr) and last is not None:
            module.docstrings[last] = statement
        last = None
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                module.imports[alias.asname or alias.name] = _imported(statement.module or "", alias)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                module.imports[alias.asname or alias.name.partition(".")[0]] = ("", ast.unparse(alias))
        for defined in _defined(statement):
            module.definitions[defined] = statement
            last = defined if isinstance(statement, ast.Assign | ast.AnnAssign) else None
    return module


def _imported(module: str, alias: ast.alias) -> tuple[str, str] | Name:
    """Return what ``from module import alias`` brings: a name of this package, or one of another module."""
    own = module.partition(".")[0] == _PACKAGE
    return Name(module, alias.name) if own else (module, ast.unparse(alias))


def _defined(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
    return []


def _used(node: ast.AST) -> Iterator[str]:
    """Yield the names in a statement; those of its annotations, too, which is more than it needs to run."""
    for one in ast.walk(node):
        if isinstance(one, ast.Name):
            yield one.id


@dataclass
class _Bundle:
    imports: set[tuple[str, str]] = field(default_factory=set)
    sections: set[str] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)

    def add(self, wanted: Name) -> None:
        """Add a definition after all that it uses."""
        module = _module(wanted.module)
        imported = module.imports.get(wanted.name)
        if isinstance(imported, Name):
            self.add(imported)
        elif imported is not None:
            self.imports.add(imported)
        statement = module.definitions.get(wanted.name)
        if statement is None or self.homes.get(wanted.name) == wanted.module:
            return
        if isinstance(statement, ast.ClassDef) and _CONFIGS & set(map(ast.unparse, statement.bases)):
            self.sections.add(wanted.name)
            return
        if wanted.name in self.homes:
            raise ValueError(f"{wanted.name} is defined in {self.homes[wanted.name]} and in {wanted.module}")
        self.homes[wanted.name] = wanted.module
        for name in dict.fromkeys(_used(statement)):
            if name in module.imports or name in module.definitions:
                self.add(Name(wanted.module, name))
        self.texts[wanted.name] = _text(module, wanted.name, statement)


def _text(module: _Module, name: str, statement: ast.stmt) -> str:
    decorators = getattr(statement, "decorator_list", [])
    first = min([statement.lineno, *(one.lineno for one in decorators)]) - 1
    last = module.docstrings.get(name, statement).end_lineno
    while first and module.lines[first - 1].startswith("#"):
        first -= 1
    return "\n".join(module.lines[first:last])


def bundle(wanted: Iterable[Name]) -> str:
    """Return the source of some definitions, each after all that it uses, with the imports that these need.

    Sections of recipes, classes derived from ``Config``, are left out: what reads their fields reads those of any
    object.

    Parameters
    ----------
    wanted : iterable of Name

    Raises
    ------
    ValueError
        Two modules define the same name.
    """
    found = _Bundle()
    for one in wanted:
        found.add(one)
    if found.sections:
        found.imports.add(("typing", "Any"))
    parts = [_import_lines(found.imports)]
    if found.sections:
        parts.append("# sections of the description\n" + " = ".join([*sorted(found.sections), "Any"]))
    return "\n\n\n".join([*parts, *found.texts.values()]) + "\n"


def _import_lines(imports: set[tuple[str, str]]) -> str:
    """Return import statements, one a module, for pairs of module and name; the module is empty where it is the name.

    >>> print(_import_lines({("", "sys"), ("typing", "Any"), ("typing", "NamedTuple")}))
    import sys
    from typing import Any, NamedTuple
    """
    lines = [f"import {name}" for module, name in sorted(imports) if not module]
    for module in sorted({module for module, _ in imports if module}):
        lines.append(f"from {module} import {', '.join(sorted(name for home, name in imports if home == module))}")
    return "\n".join(lines)
