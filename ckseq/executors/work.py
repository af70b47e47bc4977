"""Units of work, what becomes of them, and what every executor does with them."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")


class Unit(NamedTuple):
    """One call of a function: a name for messages, and the positional arguments."""

    name: str
    arguments: tuple[Any, ...]


class Done(NamedTuple, Generic[T]):
    """The value of a unit, the host and process that computed it, and how long it took in seconds."""

    value: T
    worker: str
    seconds: float


class Outcome(NamedTuple, Generic[T]):
    """What became of a unit: what it returned, or ``error``: why no worker survived it."""

    name: str
    done: Done[T] | None
    error: str = ""


class Executor(Protocol):
    """Runs units of work."""

    @property
    def remote(self) -> bool:
        """Whether workers may be on other machines, which see other files."""

    @property
    def n_workers(self) -> int:
        """How many units run at once."""

    def run(
        self, function: Callable[..., T], units: Iterable[Unit], *, prefers_gpu: bool = False
    ) -> Iterator[Outcome[T]]:
        """Call a function for every unit and yield the outcomes as they come, in any order.

        Parameters
        ----------
        function : callable
            Defined in a module.
        units : iterable of Unit
            Gone through as workers become free.
        prefers_gpu : bool
            Run on workers with a GPU where there are some, and otherwise on those without.

        Raises
        ------
        Exception
            The function raised it; the other units are abandoned.
        CkseqError
            There are no workers anymore.
        """


def call(function: Callable[..., T], arguments: tuple[Any, ...]) -> Done[T]:
    """Call a function, and tell who did and how long it took."""
    start = time.perf_counter()
    value = function(*arguments)
    return Done(value, f"{socket.gethostname()}:{os.getpid()}", time.perf_counter() - start)
