"""A share of the work for one job of an array of jobs, which know nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from ckseq.errors import CallError

T = TypeVar("T")


class Shard(NamedTuple):
    """The ``number``-th (from 1) of ``of`` shares."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def file_name(self) -> str:
        """The shard as part of a file's name."""
        return f"shard-{self.number}-of-{self.of}"

    def share(self, items: Sequence[T]) -> list[T]:
        """Return every ``of``-th item, beginning with the ``number``-th.

        >>> Shard(2, 3).share("abcdefgh")
        ['b', 'e', 'h']
        """
        return list(items[self.number - 1 :: self.of])


def parse_shard(text: str) -> Shard:
    """Return the shard that is written as ``3/20``.

    Raises
    ------
    CallError
        The text is something else.
    """
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise CallError(f"--shard {text} is no share of the work", fix="write 3/20 for the third of 20 jobs")
    return shard
