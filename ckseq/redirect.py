"""What libraries write to the terminal by themselves, kept off it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def nothing_on_stderr() -> Iterator[None]:
    """Keep off what is written to standard error, also by C++ that has not read its log level yet.

    Exceptions pass all the same.
    """
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
