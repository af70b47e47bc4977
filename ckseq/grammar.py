"""Counts in sentences: the noun and the verb agree with the number."""

from __future__ import annotations


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with its noun; ``many`` is the plural where it is not ``one`` with an s.

    >>> counted(1, "pair"), counted(0, "person", "people")
    ('1 pair', '0 people')
    """
    return f"{n} {agreeing(n, one, many or one + 's')}"


def agreeing(n: int, one: str, many: str) -> str:
    """Return the word that agrees with a number.

    >>> agreeing(1, "is", "are"), agreeing(0, "is", "are")
    ('is', 'are')
    """
    return one if n == 1 else many
