"""Every field of every recipe, with default and meaning; or one recipe with all its values."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ckseq import registry
from ckseq.config import Config, Tree, did_you_mean, toml_text
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.recipes import read_recipe, recipe_names, sections_of
from ckseq.search.search_config import SearchConfig
from ckseq.search.space import load_space
from ckseq.tracking.timeline import TimelineConfig
from ckseq.twin.tree import TwinConfig


def config(
    name: str | None = None, *, settings: Sequence[str] = (), search: str | None = None, console: Console
) -> dict[str, Any]:
    """Print the reference of fields, or one recipe resolved.

    Parameters
    ----------
    name : str, optional
        A recipe's name or path; or a field or a section of recipes, such as ``motion.threshold`` or ``motion``.
    settings : sequence of str
        ``section.key=value`` on top of that recipe.
    search : str, optional
        List the fields with this text in their names or meanings.
    console : Console

    Returns
    -------
    dict
        The values of the recipe; or by section its fields: type, default and meaning.

    Raises
    ------
    CallError
        There is no such recipe, section or field, or settings came without a recipe.
    """
    if search is not None or name is None or name not in _recipes():
        fields = _reference()
        if search is not None:
            fields = _chosen(fields, lambda path, field: search.lower() in f"{path} {field['meaning']}".lower())
        if name is not None:
            fields = _chosen(fields, lambda path, _: name in (path, path.partition(".")[0]))
        if name is None or fields or search is not None:
            if settings:
                raise CallError("--set needs the recipe that it changes", fix="as in: ckseq config paper --set ...")
            _print(fields, console)
            return fields
    if name in recipe_names("searches") or (_is_file(name) and "space" in read_recipe("searches", name)[1]):
        values = _search(name, settings)
    elif name in recipe_names("pipelines") or (
        name not in recipe_names("experiments") and _is_file(name) and "detector" in read_recipe("pipelines", name)[1]
    ):
        values = load_pipeline(name, settings).model_dump(mode="json")
    else:
        _check_name(name)
        values = load_experiment(name, settings).model_dump(mode="json")
    console.say(toml_text(values))
    return values


def _recipes() -> tuple[str, ...]:
    return tuple(name for kind in ("pipelines", "experiments", "searches") for name in recipe_names(kind))


def _is_file(name: str) -> bool:
    return name.endswith(".toml") or "/" in name


def _check_name(name: str) -> None:
    """Refuse what is no recipe, nor a field, with the most similar of all these names."""
    if _is_file(name) or name in _recipes():
        return
    known = {*_recipes(), *(path for fields in _reference().values() for path in fields)}
    fix = f"{did_you_mean(name, sorted(known))}'ckseq config' lists all fields, 'ckseq list' all recipes"
    raise CallError(f"there is no recipe, section or field {name!r}", fix=fix)


def _search(name: str, settings: Sequence[str]) -> Tree:
    """Return a search with all values, and the space that it searches."""
    space = load_space(name, settings)
    tree = read_recipe("searches", name)[1]
    values = {**space.config.model_dump(mode="json"), "space": tree.get("space", {})}
    return values | ({"set": tree["set"]} if "set" in tree else {})


def _sections() -> Iterator[tuple[str, str, type[Config]]]:
    """Yield recipe, section and config class of everything that can be set."""
    for name, cls in sections_of(Pipeline).items():
        yield "pipeline", name, cls
    for kind in registry.names("detectors"):
        yield "pipeline", f'detector, kind = "{kind}"', registry.load("detectors", kind).SPEC.config
    yield "experiment", "", Experiment
    for name, cls in sections_of(Experiment).items():
        yield "experiment", name, cls
    for kind in registry.names("models"):
        yield "experiment", f'model, kind = "{kind}"', registry.load("models", kind).SPEC.config
    yield "tune --set", "search", SearchConfig
    yield "predict --set", "timeline", TimelineConfig
    yield "synth", "", TwinConfig


Fields = dict[str, dict[str, dict[str, Any]]]
"""By section, and there by the path that ``--set`` takes: the type, default and meaning of a field."""


def _reference() -> Fields:
    """Return all fields; those of a detector or a model by its kind."""
    result: Fields = {}
    for recipe, section, cls in _sections():
        title = f"{recipe} [{section}]" if section else recipe
        prefix = section.partition(",")[0]
        result[title] = {f"{prefix}.{name}".removeprefix("."): field for name, field in _fields(cls)}
    return result


def _chosen(fields: Fields, wanted: Callable[[str, dict[str, Any]], bool]) -> Fields:
    found = {
        title: {path: field for path, field in section.items() if wanted(path, field)}
        for title, section in fields.items()
    }
    return {title: section for title, section in found.items() if section}


def _print(fields: Fields, console: Console) -> None:
    for title, section in fields.items():
        if not section:
            continue
        console.heading(title)
        table = Table.grid(padding=(0, 0, 0, 2))
        for path, field in section.items():
            table.add_row(Text.assemble((f"{path} = {field['default']}", "bold"), "   ", (field["type"], "dim")))
            table.add_row(Padding(Text(field["meaning"]), (0, 0, 0, 4)))
        console.say(table)
    if not any(fields.values()):
        console.say("no field has this text in its name or meaning")


def _fields(cls: type[Config]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in cls.model_fields.items():
        if isinstance(field.default, Config) or name.endswith("_kind") or name in ("detector", "model"):
            continue  # a section of its own
        default = "required" if field.is_required() else json.dumps(field.default, default=_plain)
        yield name, {"type": _type(field.annotation), "default": default, "meaning": field.description or ""}


def _plain(value: Config) -> dict[str, Any]:
    return value.model_dump(mode="json", exclude_none=True)


def _type(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " | ".join(json.dumps(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        return " | ".join(_type(branch) for branch in get_args(annotation))
    if annotation is type(None):
        return "none"
    if get_origin(annotation) is tuple:
        return "list"
    return str(getattr(annotation, "__name__", annotation))
