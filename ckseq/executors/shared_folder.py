"""A folder that workers may or may not see: on their own machine, or mounted on all."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class SharedFolder(NamedTuple):
    """A folder, the name of a file in it by which others recognize it, and where relative paths begin."""

    path: Path
    mark: str
    start: Path

    @contextmanager
    def entered(self) -> Iterator[bool]:
        """Work where relative paths mean the same; False where this process does not see that very folder."""
        here = (self.path / self.mark).is_file()
        if here and self.start != Path.cwd() and self.start.is_dir():
            with contextlib.chdir(self.start):
                yield True
        else:
            yield here


@contextmanager
def shared(folder: Path) -> Iterator[SharedFolder]:
    """Mark a folder for as long as others work in it."""
    place = SharedFolder(folder.absolute(), f".shared.{secrets.token_hex(8)}.tmp", Path.cwd())
    mark = place.path / place.mark
    mark.touch()
    try:
        yield place
    finally:
        with contextlib.suppress(OSError):
            mark.unlink()
