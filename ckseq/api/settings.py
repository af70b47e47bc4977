"""Settings of recipes as a mapping in Python, as ``--set`` takes them on the command line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import numpy as np

from ckseq.api.arguments import kind_of
from ckseq.config import toml_text
from ckseq.errors import CallError

Settings = Mapping[str, Any]
"""Values by the names of fields, as ``{"training.epochs": 20}``."""


def as_options(settings: Settings | None) -> list[str]:
    """Return settings in the form of the command line's option ``--set``.

    Raises
    ------
    CallError
        They are no mapping, or a value is none that a recipe can hold.

    Examples
    --------
    >>> as_options({"model.kind": "gru", "training.epochs": 20, "classes": ("anger", "fear")})
    ['model.kind="gru"', 'training.epochs=20', 'classes=["anger", "fear"]']
    >>> as_options({"motion": {"threshold": 6}})
    ['motion.threshold=6']
    """
    if settings is None:
        return []
    if not isinstance(settings, Mapping):
        raise CallError(f"settings are {kind_of(settings)}", fix='give a dict, as {"motion.threshold": 6}')
    return [f"{name}={_text(name, value)}" for name, value in _flat(settings)]


def _flat(settings: Settings, section: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names with values; a section may be a mapping of its own."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value


def _text(name: str, value: Any) -> str:
    # numbers of numpy are numbers; lists of them, too
    plain = value.tolist() if isinstance(value, np.generic | np.ndarray) else value
    plain = str(plain) if isinstance(plain, PathLike) else plain
    try:
        return toml_text({"value": plain}).removeprefix("value = ")
    except TypeError:
        raise CallError(f"{name} is {kind_of(value)}", fix="give a number, a text, True, False or a list") from None
