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


class Captured:
    """What native code wrote to standard error; ``text`` is complete when the capture has ended."""

    text = ""


@contextmanager
def stderr_captured() -> Iterator[Captured]:
    """Capture the start of what goes to the process's standard error, also from native code.

    It is for single calls of native code, one at a time. Where standard error is closed, and on Windows, nothing is
    captured.
    """
    captured = Captured()
    if os.name != "posix":
        with stderr_to_devnull():
            yield captured
        return
    with _lock:
        try:
            before = os.dup(2)
        except OSError:
            yield captured
            return
        reading, writing = os.pipe()
        # what a full pipe does not hold is lost
        os.set_blocking(writing, False)
        os.dup2(writing, 2)
        os.close(writing)
        try:
            yield captured
        finally:
            os.dup2(before, 2)  # closes the writing end, so that reading ends
            os.close(before)
            with os.fdopen(reading, "rb") as pipe:
                captured.text = pipe.read().decode(errors="replace")


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
