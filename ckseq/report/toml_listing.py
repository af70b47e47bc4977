"""A recipe as a person would write it: a tree of plain values as TOML text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(tree: Mapping[str, Any]) -> str:
    """Return a tree as TOML: values first, then one table per section. What is None is left out.

    >>> print(toml_text({"seed": 1, "model": {"kind": "conv_lstm", "kernel": [1, 3]}}))
    seed = 1
    <BLANKLINE>
    [model]
    kind = "conv_lstm"
    kernel = [1, 3]
    """
    return "\n\n".join(_tables(tree, ()))


def _tables(tree: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    values = {key: value for key, value in tree.items() if value is not None and not isinstance(value, Mapping)}
    lines = [f"[{'.'.join(map(_key, path))}]"] if path else []
    lines += [f"{_key(key)} = {_value(value)}" for key, value in values.items()]
    blocks = ["\n".join(lines)] if lines else []
    for key, value in tree.items():
        if isinstance(value, Mapping):
            blocks += _tables(value, (*path, key))
    return blocks


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_key(key)} = {_value(item)}" for key, item in value.items() if item is not None)
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(_value(item) for item in value if item is not None)}]"
    if isinstance(value, float):
        return repr(value)  # nan and inf too are words of TOML
    # a JSON string is a TOML string, but for the one control character that JSON leaves as it is
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
