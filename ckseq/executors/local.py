"""Processes of this machine, started by joblib."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from ckseq.executors.work import Done, Outcome, Unit, call
from ckseq.workers import spread

T = TypeVar("T")


class LocalExecutor:
    """Runs units in processes of this machine; a single worker is this process itself.

    Parameters
    ----------
    jobs : int
        The number of processes; -1 is one per core.
    """

    remote = False

    def __init__(self, jobs: int) -> None:
        self._jobs = jobs

    @property
    def n_workers(self) -> int:
        """The number of processes."""
        return (os.cpu_count() or 1) if self._jobs < 0 else max(1, self._jobs)

    def run(
        self,
        function: Callable[..., T],
        units: Iterable[Unit],
        *,
        prefers_gpu: bool = False,  # noqa: ARG002  (all processes see the same)
    ) -> Iterator[Outcome[T]]:
        """Call a function for every unit, see `ckseq.executors.work.Executor`."""
        calls = ((function, unit) for unit in units)
        for name, done in spread(_call, calls, n_workers=self._jobs, in_order=False):
            yield Outcome(name, done)


def _call(function: Callable[..., T], unit: Unit) -> tuple[str, Done[T]]:
    return unit.name, call(function, unit.arguments)
