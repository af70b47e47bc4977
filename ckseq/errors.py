"""Errors for users: one line with what is wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike


def readable(text: str) -> str:
    r"""Return a text as one line that can be written as UTF-8, with what cannot be shown as its number.

    Names of files may hold line feeds, escape sequences of terminals, and bytes that are no UTF-8.

    >>> print(readable("face\udcff\n.png"))
    face\udcff\n.png
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


class CkseqError(Exception):
    """The work failed; the command line prints it as one line and exits with ``exit_status``.

    Parameters
    ----------
    what : str
        What is wrong.
    where : str or path, optional
        The file, folder, key or recording it is about.
    fix : str, optional
        What to do about it.

    Examples
    --------
    >>> try:
    ...     ckseq.scan("nowhere")
    ... except ckseq.CkseqError as error:
    ...     error.what, error.fix
    ('there is no such folder or file', 'check the path')
    """

    exit_status = 1

    def __init__(self, what: str, where: str | PathLike[str] | None = None, fix: str | None = None) -> None:
        self.where = None if where is None else readable(str(where))
        # a reason that another error gave may begin with the place
        self.what = readable(what) if self.where is None else readable(what).removeprefix(f"{self.where}: ")
        self.fix = fix
        super().__init__(self.what, self.where, fix)

    def reword(self, change: Callable[[str], str]) -> None:
        """Change the words of what is wrong and what to do; a place is kept, unless it is an option."""
        self.what = change(self.what)
        self.where = change(self.where) if self.where is not None and self.where.startswith("--") else self.where
        self.fix = None if self.fix is None else change(self.fix)
        self.args = (self.what, self.where, self.fix)

    def __str__(self) -> str:
        text = self.what if self.where is None else f"{self.where}: {self.what}"
        return text if self.fix is None else f"{text}; {self.fix}"


class CallError(CkseqError):
    """Wrong usage: an option, a recipe or an output path is invalid; nothing was started.

    Examples
    --------
    >>> print(ckseq.CallError("is a file", "out", "name a folder"))
    out: is a file; name a folder
    """

    exit_status = 2


class DataError(CkseqError):
    """A file cannot be used: an image, a label, a recording, a store.

    Examples
    --------
    >>> print(ckseq.DataError("holds no image", "S005/001"))
    S005/001: holds no image
    """
