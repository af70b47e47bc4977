"""Labels that look like misspellings of others."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import NamedTuple

from ckseq.grammar import agreeing, counted
from ckseq.labels import EMOTIONS

_SIMILAR = 0.8
CORRECT_LABELS = "correct the label in the data and prepare them again, or leave it out of the experiment's classes"
_NAMES = tuple(emotion.name for emotion in EMOTIONS)


class Slip(NamedTuple):
    """A label that looks misspelled, what is odd about it, and the remedy."""

    label: str
    what: str
    remedy: str


def misspelled(counts: Mapping[str, int]) -> list[Slip]:
    """Return the labels that look like misspellings of others.

    These are labels of one recording that resemble a more frequent label, labels that differ from a more frequent one
    only in capitals, and those that resemble one of the emotions of CK+, which many experiments ask for by name.

    Parameters
    ----------
    counts : mapping
        The number of recordings of each label.

    Examples
    --------
    >>> print(misspelled({"happiness": 20, "hapiness": 1, "anger": 9})[0].what)
    1 recording is labeled 'hapiness', and 20 are labeled 'happiness'
    >>> [slip.label for slip in misspelled({"Joy": 2, "joy": 7, "bored": 1})]
    ['Joy']
    """
    found = []
    for label, n in counts.items():
        near = _near(label, counts)
        if near is None:
            continue
        n_near = counts.get(near, 0)
        there = f"{n_near} {agreeing(n_near, 'is', 'are')}" if n_near else "none is"
        what = f"{counted(n, 'recording')} {agreeing(n, 'is', 'are')} labeled {label!r}, and {there} labeled {near!r}"
        found.append(Slip(label, what, f"it is read as a class of its own; write {near} if that is meant"))
    return found


def _near(label: str, counts: Mapping[str, int]) -> str | None:
    more = [other for other, n in counts.items() if n > counts[label]]
    for other in more:
        if other.casefold() == label.casefold():
            return other
    if counts[label] == 1 and (near := get_close_matches(label, more, n=1, cutoff=_SIMILAR)):
        return near[0]
    if label in _NAMES:
        return None
    near = get_close_matches(label.casefold(), _NAMES, n=1, cutoff=_SIMILAR)
    return near[0] if near else None
