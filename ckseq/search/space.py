"""The search space: the baseline recipes, the hyperparameters that vary, and every recipe that they make."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ckseq import plugins, registry
from ckseq.config import Tree, did_you_mean, parse, with_settings
from ckseq.errors import CallError, CkseqError
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.preprocessing.pipeline import Pipeline, pipeline_of
from ckseq.recipes import ROOMS, admit_plugin, beside, laid_over, read_recipe, with_own_plugins
from ckseq.search.dimension import LENGTH, PIPELINE_SECTIONS, Dimension, Suggester, encode, is_index, read_dimensions
from ckseq.search.search_config import SearchConfig

# number of points drawn to find a space with impossible recipes before a search begins
_PROBES = 64


@dataclass(frozen=True)
class Recipes:
    """A pipeline and an experiment that belong together."""

    pipeline: Pipeline
    experiment: Experiment


@dataclass(frozen=True)
class Space:
    """How a search is done, the trees of its baseline recipes, and its dimensions, conditions first."""

    name: str
    config: SearchConfig
    pipeline: Tree
    experiment: Tree
    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: Suggester) -> Tree:
        """Let a trial suggest values; return them by path."""
        values: Tree = {}
        for dimension in self.dimensions:
            if dimension.applies(values):
                if dimension.path in values:
                    fix = "let their 'when' exclude each other"
                    raise CallError(f"two ranges of {dimension.path} apply at once", self.name, fix)
                values[dimension.path] = dimension.suggest(trial)
        return values

    def recipes(self, values: Mapping[str, Any]) -> Recipes:
        """Return the recipes with these values; without any, the baseline recipes."""
        pipeline, experiment = (json.loads(json.dumps(tree)) for tree in (self.pipeline, self.experiment))
        # kinds come first, since another kind drops the fields of the recipe's own kind; lengths come before items
        for path in sorted(values, key=lambda path: (not path.endswith(".kind"), not path.endswith(f".{LENGTH}"))):
            self._set(pipeline, experiment, path, values[path])
        where = f"search {self.name}"
        return Recipes(
            pipeline_of(pipeline, where=where, name=pipeline.get("name", self.name)),
            experiment_of(experiment, where=where, name=experiment.get("name", self.name)),
        )

    def _set(self, pipeline: Tree, experiment: Tree, path: str, value: Any) -> None:
        section, key, index = _parts(path)
        tree = pipeline if section in PIPELINE_SECTIONS else experiment
        node = tree.setdefault(section, {}) if section else tree
        facts = self._facts_of(path, value)
        if key == "kind" and (node.get("plugin") != facts if facts else node.get("kind") != value):
            node.clear()
        if index is None:
            node |= {key: value, **({"plugin": facts} if facts else {})}
        elif index == LENGTH and isinstance(node.get(key), list) and node[key]:
            # what is missing is as the last item
            node[key] = [*node[key], *[node[key][-1]] * value][:value]
        elif isinstance(index, int) and isinstance(node.get(key), list) and index < len(node[key]):
            node[key][index] = value
        else:
            fix = f"give {section}.{key} a list in [set] or in the experiment"
            raise CallError(f"{path} is an item of a list that the recipe does not have", self.name, fix)

    def _facts_of(self, path: str, value: Any) -> Tree | None:
        """Return what is recorded of a choice that is a plug-in."""
        if not isinstance(value, str):
            return None
        found = (one.plugins for one in self.dimensions if one.path == path and one.plugins)
        return next((own[value] for own in found if value in own), None)

    def baseline(self) -> Tree:
        """Return the parameters, by name, of the baseline recipes, as far as the space contains them."""
        recipes = self.recipes({})
        trees = {**recipes.pipeline.model_dump(mode="json"), **recipes.experiment.model_dump(mode="json")}
        params: Tree = {}
        values: Tree = {}
        for dimension in self.dimensions:
            value = _value_at(trees, dimension.path)
            if dimension.plugins:
                facts = trees[dimension.path.partition(".")[0]].get("plugin")
                value = next((choice for choice, own in dimension.plugins.items() if own == facts), value)
            if dimension.applies(values) and dimension.contains(value):
                values[dimension.path] = value
                params[dimension.name] = encode(value)
        return params

    def grid(self) -> dict[str, list[Any]]:
        """Return all values of all dimensions, by name."""
        return {dimension.name: dimension.grid() for dimension in self.dimensions}


def load_space(name: str, settings: Iterable[str] = ()) -> Space:
    """Read a search by name or path, with ``--set`` settings on top of its baseline recipes.

    ``--set search.folds=5`` changes the search itself.

    Raises
    ------
    CallError
        There is no such search, a key or value in it is wrong, or it contains impossible recipes.
    """
    path, tree = read_recipe("searches", name)
    settings = tuple(settings)
    space_tree, fixed = tree.pop("space", {}), tree.pop("set", {})
    if not isinstance(fixed, dict):
        raise CallError("set is a section, not a value", path.name, "write it as [set]")
    fixed = with_own_plugins(fixed, path)
    of_search = [one.removeprefix("search.") for one in settings if one.startswith("search.")]
    config = parse(SearchConfig, with_settings(tree, of_search), where=path.name)
    changes = with_settings(fixed, [one for one in settings if not one.startswith("search.")])
    _check_sections(changes, path.name)
    of_pipeline = {key: value for key, value in changes.items() if key in PIPELINE_SECTIONS}
    of_experiment = {key: value for key, value in changes.items() if key not in PIPELINE_SECTIONS}
    base, tree_of_base = read_recipe("experiments", beside(config.experiment, path))
    experiment = laid_over({"name": base.stem, **tree_of_base}, of_experiment)
    pipeline_path, tree_of_pipeline = read_recipe("pipelines", beside(str(experiment.get("pipeline", "")), base))
    pipeline = laid_over({"name": pipeline_path.stem, **tree_of_pipeline}, of_pipeline)
    experiment, pipeline = (
        admit_plugin(experiment, "model", base.name),
        admit_plugin(pipeline, "detector", pipeline_path.name),
    )
    dimensions = tuple(_with_plugins(one, path) for one in read_dimensions(space_tree, path.name))
    space = Space(path.stem.removeprefix("search_"), config, pipeline, experiment, dimensions)
    _probe(space, path.name)
    return space


def _with_plugins(dimension: Dimension, search: Path) -> Dimension:
    """Load the plug-ins that a person's own search names as choices, by paths relative to its file."""
    section, _, key = dimension.path.partition(".")
    if key != "kind" or section not in ROOMS:
        return dimension
    facts: dict[str, Tree] = {}
    for choice in dimension.choices:
        if isinstance(choice, str) and choice not in registry.names(ROOMS[section]):
            named = str((search.parent / choice).absolute()) if plugins.is_path(choice) else choice
            kind = registry.admit(ROOMS[section], named, where=f"{search.name} [space] {dimension.path}")
            if (plugin := plugins.admitted(ROOMS[section], kind)) is not None:
                facts[choice] = plugin.facts()
    return replace(dimension, plugins=facts or None)


def _check_sections(changes: Tree, where: str) -> None:
    """Refuse a section of ``[set]`` or ``--set`` that neither recipe has."""
    known = sorted((PIPELINE_SECTIONS | Experiment.model_fields.keys()) - {"model_kind"})
    for section in changes:
        if section not in known:
            fix = f"{did_you_mean(section, known)}allowed: {', '.join(known)}"
            raise CallError(f"{section} is not a field of a pipeline or an experiment", where, fix)


class _RandomSuggester:
    """Draws values as a trial would, above all the ends of ranges."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def suggest_int(self, name: str, low: int, high: int, *, step: int, log: bool) -> int:  # noqa: ARG002
        return int(self._rng.choice([low, high, low + step * int(self._rng.integers((high - low) // step + 1))]))

    def suggest_float(self, name: str, low: float, high: float, *, step: float | None, log: bool) -> float:  # noqa: ARG002
        return float(self._rng.choice([low, high]))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:  # noqa: ARG002
        return choices[int(self._rng.integers(len(choices)))]


def _probe(space: Space, where: str) -> None:
    """Draw points of a space and refuse it if one makes no recipe."""
    space.recipes({})
    for seed in range(_PROBES):
        values = space.suggest(_RandomSuggester(seed))
        try:
            space.recipes(values)
        except CkseqError as error:
            named = [path for path in values if path.rpartition(".")[2] in error.what] or list(values)
            point = ", ".join(f"{path} = {values[path]!r}" for path in named[:4])
            raise CallError(f"[space] contains an impossible recipe, {point}: {error.what}", where, error.fix) from None


def _parts(path: str) -> tuple[str, str, int | str | None]:
    """Return section, field and, if the path names an item of a list or its length, that: ``model.filters.0``."""
    *sections, key = path.split(".")
    if len(sections) == 2 and (is_index(key) or key == LENGTH):
        return sections[0], sections[1], LENGTH if key == LENGTH else int(key)
    return ".".join(sections), key, None


def _value_at(trees: Tree, path: str) -> Any:
    section, key, index = _parts(path)
    node = trees.get(section, {}) if section else trees
    value = node.get(key) if isinstance(node, dict) else None
    if index is None:
        return value
    if not isinstance(value, list):
        return None
    if isinstance(index, str):
        return len(value)
    return value[index] if index < len(value) else None
