"""References: BibTeX entries by key, and texts that cite them as ``[@lucey2010; @kanade2000]``, plain or as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from ckseq.report.latex import escaped
from ckseq.report.templates import packaged

_CITATION = re.compile(r" ?\[(@\w+(?:; @\w+)*)\]")
_ACCENT = re.compile(r"\\[\"'](\w)")


def cited(text: str) -> tuple[str, ...]:
    """Return the keys that a text cites, in order, each once.

    >>> cited("CK+ [@kanade2000; @lucey2010]; see [@kanade2000].")
    ('kanade2000', 'lucey2010')
    """
    return tuple(dict.fromkeys(key for found in _CITATION.findall(text) for key in _keys(found)))


def plain(text: str, *, version: str) -> str:
    """Return a text with its citations as author and year.

    >>> plain("CK+ [@kanade2000; @lucey2010]", version="0.1.0")
    'CK+ (Kanade et al., 2000; Lucey et al., 2010)'
    """
    return _CITATION.sub(lambda found: f" ({'; '.join(_short(key, version) for key in _keys(found[1]))})", text)


def latex(text: str) -> str:
    r"""Return a text as LaTeX, with its citations as commands.

    >>> print(latex("95 % of CK+ [@kanade2000; @lucey2010]"))
    95 \% of CK+~\cite{kanade2000,lucey2010}
    """
    parts = _CITATION.split(text)
    commands = (rf"~\cite{{{','.join(_keys(keys))}}}" for keys in parts[1::2])
    return "".join(part for pair in zip(map(escaped, parts[::2]), [*commands, ""], strict=True) for part in pair)


def bibtex(keys: Iterable[str], *, version: str) -> str:
    """Return the entries of these keys as the text of a ``.bib`` file; ``version`` is that of ckseq."""
    return "\n\n".join(_entry(key, version) for key in keys) + "\n"


def _keys(citation: str) -> list[str]:
    return [key.strip().removeprefix("@") for key in citation.split(";")]


def _entry(key: str, version: str) -> str:
    return _entries()[key].replace("VERSION", version)


@cache
def _entries() -> dict[str, str]:
    found = re.split(r"\n(?=@)", packaged("references.bib").strip())
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry.strip() for entry in found}


def _short(key: str, version: str) -> str:
    entry = _entry(key, version)
    authors = _field(entry, "author").split(" and ")
    names = [
        _without_braces(author.strip("{}") if author.startswith("{") else author.split(",")[0]) for author in authors
    ]
    who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    return f"{who}, {_field(entry, 'year') or 'version ' + version}"


def _field(entry: str, name: str) -> str:
    found = re.search(rf"^  {name} = \{{(.*)\}},$", entry, re.MULTILINE)
    return found[1] if found else ""


def _without_braces(name: str) -> str:
    return _ACCENT.sub(r"\1", name).replace("{", "").replace("}", "")
