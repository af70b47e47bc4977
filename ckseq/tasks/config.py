"""Every field of every recipe, with default and meaning; or one recipe with all its values."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from rich.table import Table
from rich.text import Text

from ckseq import registry
from ckseq.config import Config, toml_text
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.recipes import read_recipe, recipe_names, sections_of
from ckseq.tracking.timeline import TimelineConfig
from ckseq.twin.tree import TwinConfig


def config(name: str | None = None, *, settings: Sequence[str] = (), console: Console) -> dict[str, Any]:
    """Print the reference of all fields, or one recipe resolved.

    Parameters
    ----------
    name : str, optional
        A recipe's name or path.
    settings : sequence of str
        ``section.key=value`` on top of that recipe.
    console : Console

    Raises
    ------
    CallError
        There is no such recipe, or settings came without a name.
    """
    if name is None:
        if settings:
            raise CallError("--set needs the recipe that it changes", fix="as in: ckseq config paper --set ...")
        return _reference(console)
    known_pipeline = name in recipe_names("pipelines")
    recipe: Pipeline | Experiment
    if known_pipeline or (name not in recipe_names("experiments") and _is_pipeline_file(name)):
        recipe = load_pipeline(name, settings)
    else:
        recipe = load_experiment(name, settings)
    values = recipe.model_dump(mode="json")
    console.say(toml_text(values))
    return values


def _is_pipeline_file(name: str) -> bool:
    return name.endswith(".toml") and "detector" in read_recipe("pipelines", name)[1]


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
    yield "predict --set", "timeline", TimelineConfig
    yield "synth", "", TwinConfig


def _reference(console: Console) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for recipe, section, cls in _sections():
        title = f"{recipe} [{section}]" if section else recipe
        fields = dict(_fields(cls))
        result[title] = fields
        table = Table("field", "type", "default", "meaning", title=title, title_justify="left", title_style="bold")
        for name, field in fields.items():
            table.add_row(*(Text(str(cell)) for cell in (name, field["type"], field["default"], field["meaning"])))
        if fields:
            console.say(table)
    return result


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
