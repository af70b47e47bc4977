"""A folder that replaces another: made beside it, and exchanged for it only when it is complete."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ckseq.errors import DataError
from ckseq.storage.lock import locked


def beside(target: Path) -> Path:
    """Return where the replacement of a folder is made."""
    return target.with_name(f".{target.name}.new")


def exchange(target: Path) -> None:
    """Put the replacement in the place of the folder, which is removed.

    Who is killed between the two steps leaves the old folder under another name; `recover` puts it back.
    """
    old = _old(target)
    if target.exists():
        target.rename(old)
    beside(target).rename(target)
    shutil.rmtree(old, ignore_errors=True)


def recover(target: Path) -> None:
    """Undo half an exchange, and remove what a whole one left; call it while the target is locked."""
    old = _old(target)
    if not old.exists():
        return
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)
    else:
        old.rename(target)


@contextmanager
def whole_folder(out: Path, check: Callable[[], None]) -> Iterator[Path]:
    """Yield a folder beside ``out`` to fill; it becomes ``out`` at the end, or is removed on a failure.

    Parameters
    ----------
    out : Path
    check : callable
        Raises an error where ``out`` may not be replaced; called while it is locked.

    Raises
    ------
    DataError
        Something cannot be written; nothing is left behind.
    """
    partial = beside(out)
    try:
        with locked(out):
            recover(out)
            check()
            shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
            try:
                partial.mkdir()
                yield partial
                exchange(out)
            finally:
                # while it is locked: afterwards it may be that of another process
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        fix = "free some space or name another place, then run it again"
        raise DataError(
            f"cannot be written: {error.strerror}; nothing is left behind", error.filename or out, fix
        ) from None


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
