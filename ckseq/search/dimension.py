"""One dimension of a search space: a field of a recipe, its range or choices, and when it applies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from ckseq.config import Tree, did_you_mean
from ckseq.errors import CallError
from ckseq.experiment.recipe import Experiment
from ckseq.preprocessing.pipeline import Pipeline
from ckseq.recipes import sections_of

Kind = Literal["int", "float", "choice"]

PIPELINE_SECTIONS = {"detector", *sections_of(Pipeline)}
_EXPERIMENT_SECTIONS = {"input", "sequence", "model", "training", "augmentation", "image_augmentation", "features"}
_SEARCHABLE = PIPELINE_SECTIONS | _EXPERIMENT_SECTIONS
_KINDS: tuple[Kind, ...] = ("int", "float", "choice")
_KEYS: dict[Kind, tuple[str, ...]] = {
    "int": ("int", "step", "log", "when"),
    "float": ("float", "step", "log", "when"),
    "choice": ("choice", "when"),
}
# beyond it not every whole number is a float, which studies store; and the values of one dimension of a grid
_LIMIT, _MOST_VALUES = 2**53, 10_000
_FORMAT = "write {int = [4, 40]}, {float = [0.1, 10.0], log = true} or {choice = [...]}"


class Suggester(Protocol):
    """What suggests values: a trial of Optuna, or a random generator."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int: ...  # noqa: D102

    def suggest_float(  # noqa: D102
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter of a search space.

    Parameters
    ----------
    name : str
        The parameter's name in the study: the path, followed by the condition where there are alternatives.
    path : str
        ``section.key``, or ``section.key.0`` for an item of a list, or ``section.key.length`` for their number.
    kind : str
    low : float, optional
    high : float, optional
    step : float, optional
    log : bool
        The range of a number.
    choices : tuple
        Of a categorical parameter.
    when : mapping, optional
        The dimension applies only if each of these fields has one of these values.
    plugins : mapping, optional
        What is recorded of the plug-ins among the choices of a ``kind``, by the choice as it is written.
    """

    name: str
    path: str
    kind: Kind
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] | None = None
    plugins: Mapping[str, Tree] | None = None

    def suggest(self, trial: Suggester) -> Any:
        """Let a trial suggest a value."""
        if self.kind == "int":
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        if self.kind == "float":
            return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)
        return _decode(trial.suggest_categorical(self.name, [encode(value) for value in self.choices]))

    def contains(self, value: Any) -> bool:
        """Whether a value is within the range, or among the choices."""
        if self.kind == "choice":
            return encode(value) in [encode(choice) for choice in self.choices]
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        step = self._grid_step
        return step is None or abs((value - self.low) / step - round((value - self.low) / step)) < 1e-9

    def grid(self) -> list[Any]:
        """Return every value, for a grid search."""
        if self.kind == "choice":
            return [encode(value) for value in self.choices]
        step = self._grid_step
        if step is None or self.log:
            raise CallError(f"{self.name} has no grid", fix="give it a step, or a choice of values")
        if not (self.high - self.low) / step < _MOST_VALUES:
            raise CallError(f"{self.name} has more than {_MOST_VALUES} values", fix="give it a larger step")
        values = [self.low + number * step for number in range(int((self.high - self.low) / step + 1e-9) + 1)]
        return [int(value) for value in values] if self.kind == "int" else values

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Whether the conditions hold for the values chosen so far, by path."""
        return all(path in values and values[path] in allowed for path, allowed in (self.when or {}).items())

    def as_json(self) -> Tree:
        """Return the dimension as a study stores it: without the fields that are empty."""
        fields = {key: value for key, value in vars(self).items() if value not in (None, (), {})}
        tree: Tree = json.loads(json.dumps(fields))
        return tree

    @property
    def _grid_step(self) -> float | None:
        return self.step or (1 if self.kind == "int" else None)


LENGTH = "length"
"""Key of a path that is the number of items of a list: ``model.filters.length`` is the number of convolutions."""


def is_index(key: str) -> bool:
    """Whether a key of a path is the index of an item of a list."""
    return key.isascii() and key.isdecimal() and len(key) < 10


def encode(value: Any) -> Any:
    """Return a value as a study stores it: a list as its JSON text."""
    return json.dumps(list(value)) if isinstance(value, list | tuple) else value


def _decode(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value


def read_dimensions(tree: Any, where: str) -> tuple[Dimension, ...]:
    """Read the table ``[space]``; dimensions are sorted so that conditions are decided before they are needed.

    Raises
    ------
    CallError
        It is empty, names something that is not searchable, or a range is wrong.
    """
    if not isinstance(tree, dict) or not tree:
        raise CallError("[space] names no hyperparameter", where, "as in motion.threshold = {int = [4, 40]}")
    return _sorted(list(_each(tree, where)), where)


def _each(tree: Tree, where: str) -> Iterator[Dimension]:
    for section, fields in tree.items():
        entries = {section: fields} if _is_range(fields) else fields
        if not isinstance(entries, dict):
            raise CallError(f"[space] {section} is not a range", where, _FORMAT)
        for key, ranges in entries.items():
            path = key if _is_range(fields) else f"{section}.{key}"
            _check_section(path, where)
            in_list = (
                isinstance(ranges, dict) and ranges and all(is_index(index) or index == LENGTH for index in ranges)
            )
            for index, node in ranges.items() if in_list else [("", ranges)]:
                alternatives = node if isinstance(node, list) else [node]
                for one in alternatives:
                    yield _read(f"{path}.{index}" if index else path, one, where, conditional=len(alternatives) > 1)


def _is_range(node: Any) -> bool:
    first = node[0] if isinstance(node, list) and node else node
    return isinstance(first, dict) and any(isinstance(first.get(kind), list) for kind in _KINDS)


def _check_section(path: str, where: str) -> None:
    section = path.partition(".")[0]
    if section in _SEARCHABLE:
        return
    allowed = f"searchable are {', '.join(sorted(_SEARCHABLE))}"
    if section in sections_of(Experiment) or section in Experiment.model_fields:
        raise CallError(f"[space] {path} is part of the question, and cannot be searched", where, allowed)
    hint = did_you_mean(section, _SEARCHABLE)
    raise CallError(f"[space] {path} is not a field of a pipeline or an experiment", where, f"{hint}{allowed}")


def _read(path: str, tree: Any, where: str, *, conditional: bool) -> Dimension:
    """Read one range; ``conditional`` puts its condition into its name."""
    kinds = [kind for kind in _KINDS if isinstance(tree, dict) and kind in tree]
    if len(kinds) != 1:
        raise CallError(f"[space] {path} is not a range", where, _FORMAT)
    kind = kinds[0]
    if unknown := sorted(tree.keys() - set(_KEYS[kind])):
        fix = f"{did_you_mean(unknown[0], _KEYS[kind])}allowed: {', '.join(_KEYS[kind])}"
        raise CallError(f"[space] {path}: {unknown[0]!r} is not a known key", where, fix)
    when = _read_conditions(path, tree.get("when", {}), where)
    label = ", ".join(str(value) for values in when.values() for value in values)
    name = f"{path} ({label})" if conditional and label else path
    values = tree[kind]
    if kind == "choice":
        if not isinstance(values, list) or not values:
            raise CallError(f"[space] {path}: there are no choices", where, _FORMAT)
        scalars = (one for value in values for one in (value if isinstance(value, list) else [value]))
        if not all(isinstance(one, str | int | float) for one in scalars):
            raise CallError(f"[space] {path}: a choice is a number, a text, or a list of these", where, _FORMAT)
        return Dimension(name, path, kind, choices=tuple(values), when=when)
    return _read_numbers(Dimension(name, path, kind, when=when), tree, where)


def _read_conditions(path: str, when: Any, where: str) -> dict[str, tuple[Any, ...]]:
    if not isinstance(when, dict):
        raise CallError(f"[space] {path}: when is not a table", where, 'as in when = {"motion.reference" = ["first"]}')
    return {key: tuple(value) if isinstance(value, list) else (value,) for key, value in _by_path(when).items()}


def _read_numbers(empty: Dimension, tree: Tree, where: str) -> Dimension:
    kind, path = empty.kind, empty.path
    values, step, log = tree[kind], tree.get("step"), tree.get("log", False)
    types = int if kind == "int" else (int, float)
    pair = isinstance(values, list) and len(values) == 2 and all(_is_number(value, types) for value in values)
    if not pair or not -_LIMIT <= values[0] < values[1] <= _LIMIT:
        raise CallError(f"[space] {path}: {kind} = {values!r} is not a lower and an upper limit", where, _FORMAT)
    if not isinstance(log, bool) or (log and (values[0] <= 0 or step is not None)):
        raise CallError(f"[space] {path}: log needs numbers above zero and no step", where, _FORMAT)
    if step is not None and not (_is_number(step, types) and 0 < cast(float, step) <= values[1] - values[0]):
        raise CallError(f"[space] {path}: step = {step!r} does not fit between the limits", where, _FORMAT)
    return Dimension(empty.name, path, kind, values[0], values[1], step, log, when=empty.when)


def _is_number(value: Any, types: Any) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)


def _by_path(tree: Tree, prefix: str = "") -> Tree:
    """Return a tree by path, since TOML makes tables of dotted keys."""
    found: Tree = {}
    for key, value in tree.items():
        found |= _by_path(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _sorted(dimensions: Sequence[Dimension], where: str) -> tuple[Dimension, ...]:
    """Sort dimensions topologically: what a condition names comes first."""
    paths = {dimension.path for dimension in dimensions}
    for dimension in dimensions:
        if missing := [path for path in dimension.when or {} if path not in paths]:
            fix = f"{did_you_mean(missing[0], paths - {dimension.path})}searched are {', '.join(sorted(paths))}"
            raise CallError(f"[space] {dimension.path} depends on {missing[0]}, which is not searched", where, fix)
    ordered: list[Dimension] = []
    remaining = list(dimensions)
    while remaining:
        undecided = {dimension.path for dimension in remaining}
        ready = [one for one in remaining if not any(path in undecided for path in one.when or {})]
        if not ready:
            raise CallError(f"[space] the conditions of {remaining[0].path} are circular", where)
        ordered += ready
        remaining = [one for one in remaining if one not in ready]
    return tuple(ordered)
