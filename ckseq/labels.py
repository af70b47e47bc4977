"""The emotions of CK+, their codes and their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Emotion(NamedTuple):
    """An emotion as CK+ codes it: ``code`` as in its Emotion files, ``name`` as in the tables here."""

    code: int
    name: str


EMOTIONS = (
    Emotion(0, "neutral"),
    Emotion(1, "anger"),
    Emotion(2, "contempt"),
    Emotion(3, "disgust"),
    Emotion(4, "fear"),
    Emotion(5, "happiness"),
    Emotion(6, "sadness"),
    Emotion(7, "surprise"),
)

_RANK = {emotion.name: emotion.code for emotion in EMOTIONS}


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels: emotions in the order of CK+'s codes, then other labels by name.

    >>> in_order(["surprise", "anger", "boredom", "anger"])
    ('anger', 'surprise', 'boredom')
    """
    return tuple(sorted(set(labels), key=lambda label: (_RANK.get(label, len(_RANK)), label)))
