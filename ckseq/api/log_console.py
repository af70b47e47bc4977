"""What tasks say, as records of the logger ``ckseq``, and their progress as calls of a function: nothing is printed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import RenderableType
from rich.text import Text

from ckseq.api.boundary import in_arguments
from ckseq.console import Bar, Console, printable

Progress = Callable[[str, int, int], None]
"""Called after each unit of work with what is counted (``"epochs"``), how many are done, and how many there are."""

LOGGER = logging.getLogger("ckseq")
# a library is silent unless its user configures logging
LOGGER.addHandler(logging.NullHandler())


class LogConsole(Console):
    """A console that logs: texts at the level INFO, warnings at WARNING; tables are returned as results, not logged.

    Parameters
    ----------
    progress : callable, optional
        See `Progress`.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        super().__init__(quiet=True)
        self._progress = progress

    def say(self, what: RenderableType) -> None:
        """Log a text."""
        if isinstance(what, str | Text):
            LOGGER.info("%s", printable(in_arguments(str(what))))

    def heading(self, what: str) -> None:
        """Log the title of the stage that begins now."""
        self.say(what)

    def warn(self, what: str) -> None:
        """Log a warning."""
        LOGGER.warning("%s", printable(in_arguments(what)))

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Bar]:
        """Call the function with the progress; a total of 0 is unknown."""
        yield _CalledBar(label, total, self._progress)


class _CalledBar(Bar):
    def __init__(self, label: str, total: int, progress: Progress | None) -> None:
        self._label, self._total, self._progress = label, total, progress
        self._done = 0

    def advance(self, n: int = 1, *, text: str = "") -> None:
        """Count ``n`` more units as done."""
        self._done += n
        if text:
            LOGGER.info("%s %d/%d: %s", self._label, self._done, self._total, printable(text))
        if self._progress is not None and n:
            self._progress(self._label, self._done, self._total)
