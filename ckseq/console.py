"""What a task prints while it works: text, tables, warnings, and progress with rate and remaining time."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rich.console import Console as RichConsole
from rich.console import ConsoleOptions, Group, RenderableType
from rich.control import Control
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.segment import ControlType, Segment
from rich.table import Table
from rich.text import Text

from ckseq.errors import CallError

T = TypeVar("T")

# control characters, those that turn the direction of writing, and bytes of a name that are not UTF-8
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    r"""Return a text with control characters written out: the names in a data set do not command the terminal.

    >>> printable("a\x1b[31mb")
    'a\\x1b[31mb'
    """
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def without_controls(value: Any) -> Any:
    """Return the value of an expression of a page as it is, but a plain text as `printable`."""
    return printable(value) if type(value) is str else value


class _Printable:
    """A renderable whose text is `printable`."""

    def __init__(self, what: RenderableType) -> None:
        self._what = what

    def __rich_console__(self, console: RichConsole, options: ConsoleOptions) -> Iterator[Segment]:
        for part in console.render(self._what, options):
            yield part if part.control else Segment(printable(part.text), part.style)


class Console:
    """Prints to standard output; warnings go to standard error.

    Parameters
    ----------
    quiet : bool
        Print nothing but warnings; also used when the result is printed as JSON.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._out = RichConsole(highlight=False, soft_wrap=True)
        self._err = RichConsole(stderr=True, highlight=False, soft_wrap=True)

    def say(self, what: RenderableType) -> None:
        """Print a text, without interpreting markup, or any rich renderable.

        No word in a table is cut: one that is too wide is turned, with a column for each row, or a paragraph where even
        that is too wide.
        """
        if self.quiet:
            return
        if isinstance(what, Table):
            what = fitting(what, self._out)
        self._out.print(Text(printable(what)) if isinstance(what, str) else _Printable(what))

    def heading(self, what: str) -> None:
        """Print the title of the stage that begins now."""
        if not self.quiet:
            self._out.print(Text(printable(what), style="bold"))

    def glance(self, what: str) -> None:
        """Show a line that the next one replaces; only on a terminal."""
        if not self.quiet and self._out.is_terminal:
            # rich also speaks to Windows consoles that do not know escape sequences
            self._out.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2)))
            self._out.print(Text(printable(what)), end="")

    def ask(self, question: str, *, option: str) -> str:
        """Ask the user at a terminal, and return the answer without surrounding whitespace.

        Parameters
        ----------
        question : str
        option : str
            The command line option that answers the question where there is no terminal.

        Raises
        ------
        CallError
            There is no terminal, or no answer.
        """
        if self.quiet or not sys.stdin.isatty():
            raise CallError(f"nobody is there to answer: {question}", fix=f"answer with {option}")
        try:
            return input(f"{printable(question)}: ").strip()
        except EOFError:
            raise CallError(f"no answer to: {question}", fix=f"answer with {option}") from None

    def warn(self, what: str) -> None:
        """Print a warning, also when quiet."""
        self._err.print(Text(f"warning: {printable(what)}", style="yellow"))

    def track(self, iterable: Iterable[T], *, total: int, label: str) -> Iterator[T]:
        """Yield from an iterable while showing progress, rate and remaining time."""
        with self.progress(label, total) as progress:
            for item in iterable:
                yield item
                progress.advance()

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator[Bar]:
        """Show progress; the caller calls ``advance(text=...)`` after each unit of work.

        A total of 0 is unknown: then no remaining time is shown.
        """
        bar: Bar
        label = printable(label)
        if self.quiet:
            yield Bar()
        elif self._out.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                TextColumn("{task.fields[text]}", markup=False),
            )
            with Progress(*columns, console=self._out) as rich_progress:
                bar = _TerminalBar(rich_progress, label, total)
                yield bar
        else:
            bar = _PlainBar(label, total)
            yield bar


# of a column that may be folded within words, such as one of paths
_FOLDED_WIDTH = 24


def fitting(table: Table, console: RichConsole) -> RenderableType:
    """Return a table as it fits the width of a terminal without cutting a word: as it is, turned, or as paragraphs."""
    if _keep_words(table, console):
        return table
    headers = [column.header for column in table.columns]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    turned = Table(title=table.title, title_justify="left", title_style=table.title_style, box=None, show_header=False)
    numbers = all(column.justify == "right" for column in table.columns[1:])
    for cells in zip(headers, *rows, strict=True):
        turned.add_row(*cells)
    for column in turned.columns[1:]:
        column.justify = "right" if numbers else "left"
    if _keep_words(turned, console):
        return turned
    paragraphs = Table.grid(padding=(0, 2))
    for number, row in enumerate(rows):
        if number:
            paragraphs.add_row("", "")
        for header, cell in zip(headers, row, strict=True):
            if not isinstance(cell, str | Text) or str(cell):
                paragraphs.add_row(header, cell)
    return paragraphs if table.title is None else Group(table.title, paragraphs)


def _keep_words(table: Table, console: RichConsole) -> bool:
    """Make each column at least as wide as its longest word; return whether the table then fits."""
    for column in table.columns:
        shown = [*([column.header] if table.show_header else []), *column.cells]
        widest = max((_least_width(part, console) for part in shown), default=0)
        column.min_width = min(widest, _FOLDED_WIDTH) if column.overflow == "fold" else widest
    lines = len(table.columns) + 1 if table.box else 0
    padding = (table.padding[1] + table.padding[3]) * len(table.columns)
    return sum(column.min_width or 0 for column in table.columns) + lines + padding <= console.width


def _least_width(part: RenderableType, console: RichConsole) -> int:
    measured = console.measure(part)
    return measured.maximum if isinstance(part, Text) and part.no_wrap else measured.minimum


class Bar:
    """Progress that is not shown."""

    def advance(self, n: int = 1, *, text: str = "") -> None:
        """Count ``n`` more units as done; ``text`` is shown after the rate and the remaining time."""

    def begin(self, text: str) -> None:
        """Show that none is done yet, of work whose units take long."""


class _TerminalBar(Bar):
    def __init__(self, progress: Progress, label: str, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task(label, total=total or None, rate="", text="")

    def advance(self, n: int = 1, *, text: str = "") -> None:
        self._progress.advance(self._task, n)
        speed = self._progress.tasks[self._task].speed
        self._progress.update(self._task, text=printable(text), rate=_rate(speed) if speed else "")

    def begin(self, text: str) -> None:
        self.advance(0, text=text)


class _PlainBar(Bar):
    """A line every few seconds, for logs and pipes."""

    def __init__(self, label: str, total: int, *, every_s: float = 5.0) -> None:
        self._label, self._total, self._every_s = label, total, every_s
        self._done = 0
        self._start = self._last = time.monotonic()

    def begin(self, text: str) -> None:
        self._show(time.monotonic(), printable(text))

    def advance(self, n: int = 1, *, text: str = "") -> None:
        self._done += n
        now = time.monotonic()
        if now - self._last < self._every_s and self._done != self._total:
            return
        self._show(now, printable(text))

    def _show(self, now: float, text: str) -> None:
        self._last = now
        # a total is an estimate where headers are wrong
        known = self._done <= self._total
        words = [f"{self._label} {self._done}{f'/{self._total}' if known else ''}"]
        if self._done:
            rate = self._done / max(now - self._start, 1e-9)
            words += [_rate(rate), *([f"{_clock((self._total - self._done) / rate)} left"] if known else [])]
        print("  ".join([*words, *([text] if text else [])]), file=sys.stdout, flush=True)


def _rate(per_second: float) -> str:
    return f"{per_second:.1f}/s" if per_second >= 1 else f"{1 / per_second:.1f} s each"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
