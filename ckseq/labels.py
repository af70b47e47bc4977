"""The emotions of CK+, their codes and their order; and the labels of one's own that a data set in its layout adds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ckseq.errors import DataError
from ckseq.regular_file import is_something, open_regular


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

OWN_LABELS = "labels.csv"
"""A table of further codes and labels, in the folder that holds the images and the labels."""

_RANK = {emotion.name: emotion.code for emotion in EMOTIONS}


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct labels: emotions in the order of CK+'s codes, then other labels by name.

    >>> in_order(["surprise", "anger", "boredom", "anger"])
    ('anger', 'surprise', 'boredom')
    """
    return tuple(sorted(set(labels), key=lambda label: (_RANK.get(label, len(_RANK)), label)))


def read_own_labels(folder: Path) -> dict[int, str]:
    """Return the labels of a data set beyond the emotions, by code; empty where it has no table of them.

    Raises
    ------
    DataError
        The table cannot be read, or a line is not a code, beyond those of the emotions, and a label.
    """
    path = folder / OWN_LABELS
    if not is_something(path):
        return {}
    try:
        with open_regular(path) as file:
            header, *rows = csv.reader(io.StringIO(file.read().decode("utf-8-sig")))
        labels = {int(code): label for code, label in rows}
        if header != ["code", "label"] or any(code < len(EMOTIONS) for code in labels) or "" in labels.values():
            raise ValueError
    except (OSError, ValueError, csv.Error):
        fix = f"write code,label in its first line, and codes from {len(EMOTIONS)} on"
        raise DataError("is not a table of codes and labels", path, fix) from None
    return labels
