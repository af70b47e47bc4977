"""Settings of recipes as a mapping in Python, as ``--set`` takes them on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckseq.config import toml_text

Settings = Mapping[str, Any]
"""Values by the names of fields, as ``{"training.epochs": 20}``."""


def as_options(settings: Settings | None) -> list[str]:
    """Return settings in the form of the command line's option ``--set``.

    >>> as_options({"model.kind": "gru", "training.epochs": 20, "classes": ("anger", "fear")})
    ['model.kind="gru"', 'training.epochs=20', 'classes=["anger", "fear"]']
    """
    return [
        f"{name}={toml_text({'value': value}).removeprefix('value = ')}" for name, value in (settings or {}).items()
    ]
