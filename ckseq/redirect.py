"""Redirection of standard error, for libraries whose native code writes to it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_n_active = 0
_original = -1


@contextmanager
def stderr_to_devnull() -> Iterator[None]:
    """Redirect the process's standard error to the null device, also for native code; exceptions pass as usual.

    It may be nested and used by several threads at once: the first redirects, the last one restores.
    """
    _redirect()
    try:
        yield
    finally:
        _restore()


def _redirect() -> None:
    global _n_active, _original
    with _lock:
        _n_active += 1
        if _n_active > 1:
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            _original = os.dup(2)
        except OSError:  # closed by whoever started the program
            _original = -1
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)


def _restore() -> None:
    global _n_active, _original
    with _lock:
        _n_active -= 1
        if _n_active == 0 and _original >= 0:
            os.dup2(_original, 2)
            os.close(_original)
            _original = -1
