"""What the things of a run are called: sequences, or images where each is one frame."""

from __future__ import annotations

import re
from typing import NamedTuple

from ckseq.storage.run_record import RunRecord


class Noun(NamedTuple):
    """A thing that a model is asked about, and several of them."""

    one: str
    many: str

    def counted(self, n: int) -> str:
        """Return so many of them.

        >>> SEQUENCE.counted(1), IMAGE.counted(2)
        ('1 sequence', '2 images')
        """
        return f"{n} {self.one if n == 1 else self.many}"

    def told(self, sentence: str) -> str:
        """Return of these things what a sentence without names says of sequences.

        >>> IMAGE.told("1 sequence of 20 test sequences")
        '1 image of 20 test images'
        """
        return re.sub(r"\bsequence(s?)\b", lambda found: self.many if found[1] else self.one, sentence)


SEQUENCE = Noun("sequence", "sequences")
IMAGE = Noun("image", "images")


def noun_for(*, kind: str, length_frames: int | str) -> Noun:
    """Return what an experiment's things are called, from its ``input`` and its ``sequence.length_frames``."""
    return IMAGE if kind in ("crops", "features") and length_frames == 1 else SEQUENCE


def noun_of(run: RunRecord) -> Noun:
    """Return what the things of a run are called, from its ``run.json``."""
    return noun_for(kind=run.value("input") or "", length_frames=run.value("sequence.length_frames") or "")
