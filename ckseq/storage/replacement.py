"""A folder that replaces another: made beside it, and exchanged for it only when it is complete."""

from __future__ import annotations

import shutil
from pathlib import Path


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


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")
