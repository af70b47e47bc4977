"""A check of a contract: a function whose docstring says what must hold, and which raises an error if it does not."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import NamedTuple


class Checked(NamedTuple):
    """What must hold, and why it does not; ``failure`` is empty where it does."""

    what: str
    failure: str = ""


class BrokenContractError(Exception):
    """Something does not hold that a contract asks for."""


def require(holds: bool, failure: str) -> None:
    """Raise an error with a reason unless something holds."""
    if not holds:
        raise BrokenContractError(failure)


def run_checks(checks: Iterable[Callable[[], None]]) -> list[Checked]:
    """Run checks one by one; one that fails, in whatever way, does not keep the others from running.

    >>> def a_sum_is_right():
    ...     '''1 + 1 is 2.'''
    >>> run_checks([a_sum_is_right])
    [Checked(what='1 + 1 is 2', failure='')]
    """
    return [Checked(what_of(check), _failure(check)) for check in checks]


def what_of(check: Callable[[], None]) -> str:
    """Return what a check says must hold."""
    return (inspect.getdoc(check) or "").partition("\n")[0].rstrip(".")


def _failure(check: Callable[[], None]) -> str:
    try:
        check()
    except BrokenContractError as error:
        return str(error)
    except Exception as error:  # the code of others may raise anything
        return f"{type(error).__name__}: {error}"
    return ""
