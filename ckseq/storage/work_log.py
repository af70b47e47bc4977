"""A log of work as JSON lines: what was done where, how long it took, and why it failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ckseq.errors import CallError


class WorkLog(Protocol):
    """Takes one line for each unit of work."""

    def __call__(self, name: str, *, worker: str, seconds: float, state: str, **more: Any) -> None:
        """Write a line; ``more`` are further facts, such as ``error``."""


def no_log(name: str, *, worker: str, seconds: float, state: str, **more: Any) -> None:
    """Write nothing."""


@contextmanager
def work_log(path: Path) -> Iterator[WorkLog]:
    """Append to a log; each line is complete when the next one begins, and earlier ones stay.

    Raises
    ------
    CallError
        It cannot be written.
    """
    try:
        file = path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise CallError(f"cannot be written: {error.strerror or error}", path, "name another --out") from None

    def write(name: str, *, worker: str, seconds: float, state: str, **more: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        facts = {"time": now, "name": name, "state": state, "worker": worker, "seconds": round(seconds, 3), **more}
        file.write(json.dumps(facts) + "\n")

    with file:
        yield write
