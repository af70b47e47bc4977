"""What a search may vary: fields of a pipeline and an experiment, their ranges, and when they count."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import Field

from ckseq.config import Config, Tree, parse, read_toml, with_settings
from ckseq.errors import CallError, CkseqError
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.preprocessing.pipeline import Pipeline, pipeline_of
from ckseq.recipes import beside, find_recipe, laid_over, read_recipe, sections_of

Objective = Literal["balanced_accuracy", "accuracy", "error", "prediction_ms", "parameters"]
# of every objective, which way is better
DIRECTIONS: dict[Objective, Literal["maximize", "minimize"]] = {
    "balanced_accuracy": "maximize",
    "accuracy": "maximize",
    "error": "minimize",
    "prediction_ms": "minimize",
    "parameters": "minimize",
}

_IN_PIPELINE = {"detector", *sections_of(Pipeline)}
_IN_EXPERIMENT = {"input", "sequence", "model", "training", "augmentation", "image_augmentation", "features"}
_KINDS = ("int", "float", "choice")
_ALLOWED = {
    "int": {"int", "step", "log", "when"},
    "float": {"float", "step", "log", "when"},
    "choice": {"choice", "when"},
}
# so many points are drawn to find a space that asks for the impossible before a search begins
_PROBES = 64


class SearchConfig(Config):
    """How a search is done."""

    question: str = Field("", description="what the search asks")
    experiment: str = Field(description="the experiment that is varied, with its pipeline: a name, or a .toml file")
    trials: int = Field(30, ge=1, description="trials of the study as a whole")
    folds: int = Field(3, ge=2, description="inner folds that a trial is scored on; they keep people apart")
    objectives: tuple[Objective, ...] = Field(
        ("balanced_accuracy",),
        strict=False,
        min_length=1,
        max_length=2,
        description="what is sought, the mean over the inner folds: balanced_accuracy, accuracy, error (1 - accuracy); "
        "as a second one prediction_ms (one sequence, milliseconds) or parameters",
    )
    sampler: Literal["tpe", "gp", "cmaes", "forest", "random", "grid"] = Field(
        "tpe",
        description="what proposes the next trial: tree-structured Parzen estimator, Gaussian process, CMA-ES, random "
        "forest with lower confidence bound, chance, or every point of a grid",
    )
    pruner: Literal["none", "median", "hyperband"] = Field(
        "median", description="what ends a trial early: nothing, being worse than the median of the others, Hyperband"
    )
    prune_by: Literal["fold", "epoch"] = Field("fold", description="when it is asked: after a fold, or every epoch")
    finalists: int = Field(
        5, ge=0, description="so many of the best trials, and the recipe as it stands, are scored again; 0 for none"
    )
    confirmations: int = Field(
        2, ge=1, description="new divisions of the same people into inner folds that finalists are scored on"
    )
    seed: int = Field(1, ge=0, lt=2**32, description="seed of the proposals")


class Suggests(Protocol):
    """What draws values: a trial of Optuna, or chance."""

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int: ...  # noqa: D102

    def suggest_float(  # noqa: D102
        self, name: str, low: float, high: float, *, step: float | None, log: bool
    ) -> float: ...

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any: ...  # noqa: D102


@dataclass(frozen=True)
class Dimension:
    """One field that is varied.

    ``name`` is what the study calls it, the path and where there are alternatives when it counts; ``low``, ``high``,
    ``step`` and ``log`` are of numbers, ``choices`` of a choice; it counts only ``when`` each of those fields has one
    of those values.
    """

    name: str
    path: str
    kind: str
    low: float = 0
    high: float = 0
    step: float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()
    when: Mapping[str, tuple[Any, ...]] | None = None

    def suggest(self, trial: Suggests) -> Any:
        """Let a trial choose a value."""
        if self.kind == "int":
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        if self.kind == "float":
            return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)
        return _decoded(trial.suggest_categorical(self.name, [_encoded(value) for value in self.choices]))

    def holds(self, value: Any) -> bool:
        """Whether the dimension could give this value."""
        if self.kind == "choice":
            return _encoded(value) in [_encoded(choice) for choice in self.choices]
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        step = self.step or (1 if self.kind == "int" else None)
        return step is None or abs((value - self.low) / step - round((value - self.low) / step)) < 1e-9

    def grid(self) -> list[Any]:
        """Return every value, for a search over a grid."""
        if self.kind == "choice":
            return [_encoded(value) for value in self.choices]
        step = self.step or (1 if self.kind == "int" else None)
        if step is None or self.log:
            raise CallError(f"{self.name} has no grid", fix="give it a step, or a choice of values")
        values = [self.low + number * step for number in range(int((self.high - self.low) / step + 1e-9) + 1)]
        return [int(value) for value in values] if self.kind == "int" else values


class Recipes:
    """A pipeline and an experiment that belong together."""

    def __init__(self, pipeline: Pipeline, experiment: Experiment) -> None:
        self.pipeline, self.experiment = pipeline, experiment


@dataclass(frozen=True)
class Space:
    """A search: how it is done, the recipes that it starts from, and what it varies.

    ``dimensions`` stand in an order in which every condition is known before it is asked for.
    """

    name: str
    config: SearchConfig
    pipeline: Tree
    experiment: Tree
    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: Suggests) -> Tree:
        """Let a trial choose; return the chosen values by path."""
        values: Tree = {}
        for dimension in self.dimensions:
            if self._counts(dimension, values):
                if dimension.path in values:
                    raise CallError(
                        f"two ranges of {dimension.path} count at once", self.name, "let their 'when' differ"
                    )
                values[dimension.path] = dimension.suggest(trial)
        return values

    def recipes(self, values: Mapping[str, Any]) -> Recipes:
        """Return the recipes with these values in them."""
        pipeline, experiment = (json.loads(json.dumps(tree)) for tree in (self.pipeline, self.experiment))
        # a kind comes first: what the recipe says of another kind is not said of this one
        for path in sorted(values, key=lambda path: not path.endswith(".kind")):
            section, key, place = _parts(path)
            tree = pipeline if section in _IN_PIPELINE else experiment
            node = tree.setdefault(section, {}) if section else tree
            if key == "kind" and node.get("kind") != values[path]:
                node.clear()
            if place is None:
                node[key] = values[path]
            elif isinstance(node.get(key), list) and place < len(node[key]):
                node[key][place] = values[path]
            else:
                fix = f"give {section}.{key} a list in [set] or in the experiment"
                raise CallError(f"{path} names a place in a list that the recipe does not have", self.name, fix)
        where = f"search {self.name}"
        return Recipes(
            pipeline_of(pipeline, where=where, name=pipeline.get("name", self.name)),
            experiment_of(experiment, where=where, name=experiment.get("name", self.name)),
        )

    def start(self) -> Tree:
        """Return the parameters, by name, of the recipes as they stand, as far as the space holds them."""
        there = self.recipes({})
        trees = {**there.pipeline.model_dump(mode="json"), **there.experiment.model_dump(mode="json")}
        found: Tree = {}
        values: Tree = {}
        for dimension in self.dimensions:
            value = _value_at(trees, dimension.path)
            if self._counts(dimension, values) and dimension.holds(value):
                values[dimension.path] = value
                found[dimension.name] = _encoded(value)
        return found

    def grid(self) -> dict[str, list[Any]]:
        """Return all values of all dimensions, by name."""
        return {dimension.name: dimension.grid() for dimension in self.dimensions}

    def _counts(self, dimension: Dimension, values: Mapping[str, Any]) -> bool:
        return all(path in values and values[path] in allowed for path, allowed in (dimension.when or {}).items())


def load_space(name: str, settings: Iterable[str] = ()) -> Space:
    """Read a search by name or path, with ``--set`` settings on top of the recipes that it varies.

    ``--set search.folds=5`` changes the search itself.

    Raises
    ------
    CallError
        There is no such search, a key or value in it is wrong, or it asks for recipes that cannot be.
    """
    path = find_recipe("searches", name)
    tree = read_toml(path)
    space_tree, fixed = tree.pop("space", {}), tree.pop("set", {})
    own = [one.removeprefix("search.") for one in settings if one.startswith("search.")]
    config = parse(SearchConfig, with_settings(tree, own), where=path.name)
    base, tree_of_base = read_recipe("experiments", beside(config.experiment, path))
    experiment = {"name": base.stem, **tree_of_base}
    rest = [one for one in settings if not one.startswith("search.")]
    outer = with_settings(fixed, rest)
    experiment = laid_over(experiment, {key: value for key, value in outer.items() if key not in _IN_PIPELINE})
    pipeline_path, tree_of_pipeline = read_recipe("pipelines", beside(str(experiment.get("pipeline", "")), base))
    pipeline = {"name": pipeline_path.stem, **tree_of_pipeline}
    pipeline = laid_over(pipeline, {key: value for key, value in outer.items() if key in _IN_PIPELINE})
    dimensions = _in_turn(list(_dimensions(space_tree, path.name)), path.name)
    space = Space(path.stem.removeprefix("search_"), config, pipeline, experiment, dimensions)
    _probe(space, path.name)
    return space


def _dimensions(tree: Any, where: str) -> Iterable[Dimension]:
    if not isinstance(tree, dict) or not tree:
        raise CallError("[space] names nothing to vary", where, "as in motion.threshold = {int = [4, 40]}")
    for section, fields in tree.items():
        entries = {section: fields} if _is_range(fields) else fields
        if not isinstance(entries, dict):
            raise CallError(f"[space] {section} is no range", where, _HOW)
        for key, ranges in entries.items():
            path = key if _is_range(fields) else f"{section}.{key}"
            _check_path(path, where)
            in_list = isinstance(ranges, dict) and ranges and all(place.isdigit() for place in ranges)
            for place, there in ranges.items() if in_list else [("", ranges)]:
                several = there if isinstance(there, list) else [there]
                for one in several:
                    yield _dimension(f"{path}.{place}" if place else path, one, where, named=len(several) > 1)


_HOW = "write {int = [4, 40]}, {float = [0.1, 10.0], log = true} or {choice = [...]}"


def _is_range(node: Any) -> bool:
    first = node[0] if isinstance(node, list) and node else node
    return isinstance(first, dict) and any(isinstance(first.get(kind), list) for kind in _KINDS)


def _check_path(path: str, where: str) -> None:
    section = path.partition(".")[0]
    if section not in _IN_PIPELINE | _IN_EXPERIMENT:
        known = section in sections_of(Experiment) or section in Experiment.model_fields
        what = "decides what is asked, and is not searched" if known else "is no field of a pipeline or an experiment"
        raise CallError(f"[space] {path} {what}", where, f"vary {', '.join(sorted(_IN_PIPELINE | _IN_EXPERIMENT))}")


def _dimension(path: str, tree: Any, where: str, *, named: bool) -> Dimension:
    kinds = [kind for kind in _KINDS if isinstance(tree, dict) and kind in tree]
    if len(kinds) != 1:
        raise CallError(f"[space] {path} is no range", where, _HOW)
    kind = kinds[0]
    if strange := sorted(tree.keys() - _ALLOWED[kind]):
        raise CallError(f"[space] {path}: {strange[0]!r} is not known", where, f"allowed: {', '.join(_ALLOWED[kind])}")
    when = tree.get("when")
    if when is not None and not isinstance(when, dict):
        raise CallError(f"[space] {path}: when is no table", where, 'as in when = {"motion.reference" = ["first"]}')
    conditions = {
        key: tuple(value) if isinstance(value, list) else (value,) for key, value in _flat(when or {}).items()
    }
    told = ", ".join(str(value) for values in conditions.values() for value in values)
    name = f"{path} ({told})" if named and told else path
    values = tree[kind]
    if kind == "choice":
        if not isinstance(values, list) or not values:
            raise CallError(f"[space] {path}: there is nothing to choose", where, _HOW)
        return Dimension(name, path, kind, choices=tuple(values), when=conditions)
    numbers = int if kind == "int" else (int, float)
    step, log = tree.get("step"), tree.get("log", False)
    right = isinstance(values, list) and len(values) == 2 and all(_is(value, numbers) for value in values)
    if not right or not values[0] < values[1]:
        raise CallError(f"[space] {path}: {kind} = {values!r} is no lower and upper end", where, _HOW)
    if not isinstance(log, bool) or (log and (values[0] <= 0 or step is not None)):
        raise CallError(f"[space] {path}: log needs numbers above zero and no step", where, _HOW)
    if step is not None and not (_is(step, numbers) and 0 < step <= values[1] - values[0]):
        raise CallError(f"[space] {path}: step = {step!r} does not fit between the ends", where, _HOW)
    return Dimension(name, path, kind, values[0], values[1], step, log, when=conditions)


def _is(value: Any, types: Any) -> bool:
    return isinstance(value, types) and not isinstance(value, bool)


def _flat(tree: Tree, prefix: str = "") -> Tree:
    """Return a tree by path, since TOML makes tables of dotted keys."""
    found: Tree = {}
    for key, value in tree.items():
        found |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def _in_turn(dimensions: list[Dimension], where: str) -> tuple[Dimension, ...]:
    """Bring dimensions into an order in which every condition is known before it is asked for."""
    there = {dimension.path for dimension in dimensions}
    for dimension in dimensions:
        if missing := [path for path in dimension.when or {} if path not in there]:
            raise CallError(f"[space] {dimension.path} counts when {missing[0]} ..., which is not varied", where)
    ordered: list[Dimension] = []
    left = list(dimensions)
    while left:
        waiting = {dimension.path for dimension in left}
        ready = [one for one in left if not any(path in waiting for path in one.when or {})]
        if not ready:
            raise CallError(f"[space] {left[0].path} and its conditions go round in a circle", where)
        ordered += ready
        left = [one for one in left if one not in ready]
    return tuple(ordered)


class _Chance:
    """Draws values as a trial would."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:  # noqa: ARG002
        return int(self._rng.choice([low, high, low + step * int(self._rng.integers((high - low) // step + 1))]))

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:  # noqa: ARG002
        return float(self._rng.choice([low, high]))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002
        return choices[int(self._rng.integers(len(choices)))]


def _probe(space: Space, where: str) -> None:
    """Draw points of a space, its ends above all, and refuse it where one makes no recipe."""
    space.recipes({})
    for seed in range(_PROBES):
        values = space.suggest(_Chance(seed))
        try:
            space.recipes(values)
        except CkseqError as error:
            named = [path for path in values if path.rpartition(".")[2] in error.what] or list(values)
            point = ", ".join(f"{path} = {values[path]!r}" for path in named[:4])
            raise CallError(f"[space] holds a recipe that cannot be, {point}: {error.what}", where, error.fix) from None


def _parts(path: str) -> tuple[str, str, int | None]:
    """Return section, field and, where the path names one, the place in a list: ``model.filters.0``."""
    *sections, key = path.split(".")
    if len(sections) == 2 and key.isdigit():
        return sections[0], sections[1], int(key)
    return ".".join(sections), key, None


def _value_at(trees: Tree, path: str) -> Any:
    section, key, place = _parts(path)
    node = trees.get(section, {}) if section else trees
    value = node.get(key) if isinstance(node, dict) else None
    if place is None:
        return value
    return value[place] if isinstance(value, list) and place < len(value) else None


def _encoded(value: Any) -> Any:
    """Return a value as a study can keep it: a list as its JSON text."""
    return json.dumps(list(value)) if isinstance(value, list | tuple) else value


def _decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value
