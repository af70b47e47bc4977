"""The templates of the pages, which share one style and escape all text from runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, Template

from ckseq.console import without_controls


def packaged(name: str) -> str:
    """Return the text of a file of this room."""
    return files("ckseq.report").joinpath(name).read_text(encoding="utf-8")


@cache  # to compile the largest takes a quarter of a second
def template(name: str, **filters: Callable[..., Any]) -> Template:
    """Return the template in a file of this room, such as ``page.html``, which may use these filters by name."""
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=without_controls,
        loader=FunctionLoader(packaged),
    )
    environment.filters.update(filters)
    return environment.get_template(name)
