"""Output that libraries write to the terminal by themselves, redirected to nowhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_on_stderr() -> Iterator[None]:
    """Discard what is written to standard error, also by C++ code that has not read its log level yet.

    Exceptions still propagate. A process without standard error (``pythonw`` on Windows) runs the body as it is.
    """
    if sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
