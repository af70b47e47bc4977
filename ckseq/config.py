"""Recipes: frozen configs with named, typed, explained fields; TOML on top of defaults, ``--set`` on top of TOML."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from ckseq.errors import CallError
from ckseq.regular_file import open_regular

Tree = dict[str, Any]

# characters of an array that is written on one line, and of a wrong value that an error shows
_LINE, _SHOWN = 100, 80
# of a recipe: bytes of its file, tables within tables, and the integers that TOML promises
_MOST_BYTES, _DEEPEST, _LARGEST = 2**20, 16, 2**63 - 1


class FieldError(CallError):
    """Fields of a config are wrong: ``fields`` are their names; empty where they do not fit each other."""

    fields: tuple[str, ...] = ()


class Config(BaseModel):
    """The base of every stage's config: frozen, strictly typed, no unknown keys.

    Write fields as ``erosion_px: int = Field(5, ge=1, description="side of the square kernel, pixels")``; choices as
    ``Literal``; a tuple as ``Field(..., strict=False)``, since TOML knows only lists.

    Examples
    --------
    >>> from pydantic import Field
    >>> class MyConfig(ckseq.Config):
    ...     strength: float = Field(1.0, gt=0, description="inverse of the penalty")
    >>> MyConfig(strength=0.5)
    MyConfig(strength=0.5)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, protected_namespaces=())


C = TypeVar("C", bound=Config)


def parse(cls: type[C], values: Mapping[str, Any], *, where: str) -> C:
    """Build a config from a mapping, with an error that names the key, the place and the allowed values.

    Parameters
    ----------
    cls : type
        The config class.
    values : mapping
        As read from TOML.
    where : str
        The file, and the section if any, for the message: ``"paper.toml [motion]"``.

    Raises
    ------
    FieldError
        A key is unknown, a value has the wrong type or is impossible; every such key is named.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        refused = FieldError(_explain(error), where, _remedy(cls, error))
        places = [item["loc"] for item in error.errors(include_url=False)]
        if all(places):
            refused.fields = tuple(dict.fromkeys(str(place[0]) for place in places))
        raise refused from None


def _explain(error: ValidationError) -> str:
    found: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        # of a union pydantic gives one error per branch, with the branch after the name of the field
        if not item["loc"]:  # fields that do not fit each other
            found.setdefault(item["msg"].removeprefix("Value error, "), [""])
            continue
        key = str(item["loc"][0])
        if item["type"] == "extra_forbidden":
            text = "is not a known key"
        elif item["type"] == "missing":
            text = "is required"
        else:
            text = f"= {_shown(item['input'])}: {item['msg'][0].lower()}{item['msg'][1:]}"
        found.setdefault(key, []).append(text)
    return "; ".join(f"{key} {' or '.join(dict.fromkeys(texts))}".rstrip() for key, texts in found.items())


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _remedy(cls: type[Config], error: ValidationError) -> str | None:
    unknown = [str(item["loc"][0]) for item in error.errors() if item["type"] == "extra_forbidden"]
    if not unknown:
        return "'ckseq config' explains every field"
    hint = did_you_mean(unknown[0], cls.model_fields)
    within = _within_sections(cls)
    if not hint and (near := get_close_matches(unknown[0], within, n=1)):
        hint = f"did you mean {within[near[0]]!r}? "
    return f"{hint}allowed: {', '.join(cls.model_fields)}"


def _within_sections(cls: type[Config]) -> dict[str, str]:
    """Return the fields of the sections of a config by their own names, each with its section before it."""
    return {
        name: f"{section}.{name}"
        for section, field in cls.model_fields.items()
        if isinstance(kind := field.annotation, type) and issubclass(kind, Config)
        for name in kind.model_fields
    }


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint at the known word most similar to an unknown one, to put before a remedy; empty if none is.

    >>> did_you_mean("thresold", ["threshold", "blur_px"])
    "did you mean 'threshold'? "
    """
    near = get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def read_toml(path: Path) -> Tree:
    """Read a TOML file.

    Raises
    ------
    CallError
        The file cannot be read, is not TOML, or holds a value that no recipe has; see `check_values`.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_BYTES + 1)
        if len(data) > _MOST_BYTES:
            raise CallError(f"is larger than {_MOST_BYTES >> 20} MiB", path, "name a recipe")
        tree = tomllib.loads(data.decode())
    except OSError as error:
        raise CallError(f"cannot be read: {error.strerror or error}", path) from None
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise CallError(f"is not TOML: {error}", path, "correct the line it names") from None
    check_values(tree, str(path))
    return tree


def check_values(value: Any, where: str, *, depth: int = 0) -> None:
    """Refuse what TOML can write and no field of a recipe can be.

    Raises
    ------
    CallError
        A number is not finite or has more than 64 bits, a text is not Unicode, there is a date or a time, or tables are
        nested too deeply.
    """
    if depth > _DEEPEST:
        raise CallError(f"tables are nested more than {_DEEPEST} deep", where, "write them as [section]")
    if isinstance(value, dict):
        for key, item in value.items():
            check_values(key, where, depth=depth)
            check_values(item, where, depth=depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_values(item, where, depth=depth + 1)
    elif fault := _fault(value):
        raise CallError(fault, where, "write a number, true, false, or a text in quotes")


def _fault(value: Any) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{value} is not a finite number"
    if isinstance(value, int):
        return None if abs(value) <= _LARGEST else "a whole number has more than 64 bits"
    if isinstance(value, str):
        return f"{_shown(value)} is not a text in UTF-8" if re.search("[\ud800-\udfff]", value) else None
    return f"{value} is a {type(value).__name__}, which no field is"


def toml_text(tree: Mapping[str, Any]) -> str:
    """Return a tree of plain values as TOML; None, for which TOML has no word, is left out.

    >>> print(toml_text({"seed": 1, "name": None, "model": {"kind": "conv_lstm", "kernel": [1, 3]}}))
    seed = 1
    <BLANKLINE>
    [model]
    kind = "conv_lstm"
    kernel = [1, 3]
    """
    return _ARRAY.sub(_on_one_line, tomli_w.dumps(_without_none(tree))).strip()


# an array as tomli-w writes it, one item a line; a line feed within a string is escaped
_ARRAY = re.compile(r"\[\n((?: +[^ \[\]{}\n][^\[\]{}\n]*,\n)+) *\]")


def _on_one_line(array: re.Match[str]) -> str:
    items = array[1].strip().split("\n")
    line = f"[{', '.join(item.strip().removesuffix(',') for item in items)}]"
    return line if len(line) <= _LINE else array[0]


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value if item is not None]
    return value


def with_settings(tree: Tree, settings: Iterable[str]) -> Tree:
    """Return a copy of a recipe's tree with ``--set section.key=value`` applied, later ones last.

    Values are read as TOML and, where that fails, as plain text.

    Raises
    ------
    CallError
        A setting has another form, or a value that no recipe has; see `check_values`.

    >>> with_settings({"motion": {"threshold": 127}}, ["motion.threshold=30", "model.kind=conv_lstm"])
    {'motion': {'threshold': 30}, 'model': {'kind': 'conv_lstm'}}
    """
    result: Tree = json.loads(json.dumps(tree))
    for setting in settings:
        path, equals, text = setting.partition("=")
        *sections, key = path.strip().split(".")
        if not equals or not key:
            raise CallError(
                f"--set {_shown(setting)} is not of the form section.key=value", fix="as in motion.threshold=30"
            )
        node = result
        for section in sections:
            node = node.setdefault(section, {})
            if not isinstance(node, dict):
                raise CallError(f"--set {_shown(setting)}: {_shown(section)} is a value, not a section")
        value = _value(text.strip())
        check_values([path, value], f"--set {_shown(setting)}", depth=len(sections))
        node[key] = value
    return result


def _value(text: str) -> Any:
    try:
        tree = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    except (ValueError, RecursionError) as error:
        raise CallError(f"--set: {_shown(text)} cannot be read: {error}", fix="write a number or a text") from None
    # a line feed in the text would begin another key
    return tree["value"] if len(tree) == 1 else text


def differences(there: Any, here: Any, name: str) -> list[str]:
    """Return a line for each value that differs between two trees of plain values.

    >>> differences({"motion": {"threshold": 4, "blur_px": 2}}, {"motion": {"threshold": 5, "blur_px": 2}}, "pipeline")
    ['pipeline.motion.threshold is 4 there and 5 here']
    """
    if isinstance(there, dict) and isinstance(here, dict):
        keys = sorted(there.keys() | here.keys())
        return [line for key in keys for line in differences(there.get(key), here.get(key), f"{name}.{key}")]
    if there == here:
        return []
    if isinstance(there, list) or isinstance(here, list):
        return [f"{name} differs"]
    return [f"{name} is {there!r} there and {here!r} here"]


def digest(*parts: Any) -> str:
    """Return 16 hexadecimal digits that name a configuration; equal parts, equal digits.

    Parameters
    ----------
    *parts
        Configs, or anything JSON can hold.
    """
    return hashlib.blake2b(_as_text(list(map(_plain, parts))).encode(), digest_size=8).hexdigest()


def digest_of_many(config: BaseModel, items: Iterable[str]) -> str:
    """Return ``digest(config, list(items))``, and hold one item at a time.

    >>> digest_of_many(Config(), iter(["a", "b"])) == digest(Config(), ["a", "b"])
    True
    """
    found = hashlib.blake2b(f"[{_as_text(_plain(config))},[".encode(), digest_size=8)
    for number, item in enumerate(items):
        found.update((f",{_as_text(item)}" if number else _as_text(item)).encode())
    found.update(b"]]")
    return found.hexdigest()


def _plain(part: Any) -> Any:
    return part.model_dump(mode="json") if isinstance(part, BaseModel) else part


def _as_text(plain: Any) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))
