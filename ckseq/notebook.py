"""How results look in a notebook: small HTML tables of escaped text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_MOST_ROWS = 20


def html_table(title: str, rows: Iterable[Sequence[object]], header: Sequence[str] = ()) -> str:
    """Return a table as HTML: at most 20 rows, and how many more there are.

    Parameters
    ----------
    title : str
        Above the table.
    rows : iterable of sequence
        The cells of each row.
    header : sequence of str
        The names of the columns.

    Examples
    --------
    >>> html_table("a < b", [("S1", 3)])
    '<table><caption>a &lt; b</caption><tbody><tr><td>S1</td><td>3</td></tr></tbody></table>'
    """
    lines = list(rows)
    head = f"<thead><tr>{_cells(header, 'th')}</tr></thead>" if header else ""
    body = "".join(f"<tr>{_cells(line, 'td')}</tr>" for line in lines[:_MOST_ROWS])
    if len(lines) > _MOST_ROWS:
        body += f"<tr>{_cells([f'and {len(lines) - _MOST_ROWS} more'], 'td')}</tr>"
    return f"<table><caption>{escape(title)}</caption>{head}<tbody>{body}</tbody></table>"


def _cells(values: Iterable[object], tag: str) -> str:
    return "".join(f"<{tag}>{escape(str(value))}</{tag}>" for value in values)
