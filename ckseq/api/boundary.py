"""Errors and logs of the Python interface name its arguments, where the command line names its options."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from ckseq.errors import CkseqError

P = ParamSpec("P")
R = TypeVar("R")

_FLAGS = ("append", "all-faces", "fit-memory", "keep-models", "overwrite", "resume")
_RENAMED = {"as": "read_as", "plugin": "plugins", "no-faces": "faces=False"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_OPTION = re.compile(
    r"""
    # for a terminal, in quotation marks or to the end
    (?P<command> '(?:ckseq|pip|dask)\ [^']*' | \bckseq\ [a-z]+\ .* )
    | (?<![\w-]) --set\ (?P<key>[\w.]+)=(?P<value>[^\s,;]+)
    | (?<![\w-]) --(?P<name>[a-z][a-z-]*) (?:\ (?P<example>[A-Z]+|\d+)\b)?
    """,
    re.VERBOSE,
)


def in_arguments(text: str) -> str:
    """Return a text about options of the command line as one about the arguments of the Python interface.

    Whole commands are kept: they are for a terminal.

    >>> in_arguments("--resume goes on with it, --overwrite replaces it; choose another --out")
    'resume=True goes on with it, overwrite=True replaces it; choose another out='
    >>> in_arguments("name a clip of it with --neutral CLIP, or try --set training.restarts=3, --set model.kind=gru")
    "name a clip of it with neutral=CLIP, or try settings={'training.restarts': 3}, settings={'model.kind': 'gru'}"
    >>> in_arguments("make it again with 'ckseq preprocess --overwrite'")
    "make it again with 'ckseq preprocess --overwrite'"
    """
    return _OPTION.sub(_argument, text)


def _argument(found: re.Match[str]) -> str:
    if found["command"]:
        return found["command"]
    if found["key"]:
        value = found["value"]
        return f"settings={{{found['key']!r}: {value if _NUMBER.fullmatch(value) else repr(value)}}}"
    name = found["name"]
    if name == "set":
        return "settings"
    argument = _RENAMED.get(name, name.replace("-", "_"))
    argument += "" if "=" in argument else "=True" if name in _FLAGS else "="
    return argument + (found["example"] or "")


def names_arguments(function: Callable[P, R]) -> Callable[P, R]:
    """Return a public function whose errors name its arguments, as of `in_arguments`."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except CkseqError as error:
            error.reword(in_arguments)
            raise

    return call
