"""Emotions under their names in different data sets, and probabilities carried from one set of names to another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError

# one row for each emotion, CK+'s name first
_SYNONYMS = (
    ("neutral",),
    ("anger", "angry"),
    ("contempt", "contemptuous"),
    ("disgust", "disgusted"),
    ("fear", "afraid", "fearful", "scared"),
    ("happiness", "happy", "joy"),
    ("sadness", "sad"),
    ("surprise", "surprised"),
)
_CANONICAL = {name: names[0] for names in _SYNONYMS for name in names}


def canonical(name: str) -> str:
    """Return the name that CK+ has for an emotion; other names are returned as they are.

    >>> canonical("Happy"), canonical("boredom")
    ('happiness', 'boredom')
    """
    return _CANONICAL.get(name.strip().lower(), name)


def columns(names: Sequence[str], labels: Sequence[str]) -> list[int | None]:
    """Return for each label the place among ``names`` of the same emotion, or None.

    Raises
    ------
    CallError
        No label has such a place, or two labels have the same.

    >>> columns(["angry", "happy", "sad"], ["anger", "contempt", "sadness"])
    [0, None, 2]
    """
    place = {canonical(name): number for number, name in enumerate(names)}
    found = [place.get(canonical(label)) for label in labels]
    known = [number for number in found if number is not None]
    if not known:
        raise CallError(
            f"none of the classes {', '.join(labels)} is one that the ready-made model names",
            fix=f"it names {', '.join(names)}",
        )
    if len(set(known)) < len(known):
        twice = next(number for number in known if known.count(number) > 1)
        same = [label for label, number in zip(labels, found, strict=True) if number == twice]
        raise CallError(f"the classes {' and '.join(same)} are the same emotion", fix="leave one out: set classes")
    return found


def restricted(rows: NDArray[np.float64], columns: Sequence[int | None]) -> NDArray[np.float64]:
    """Return probabilities of labels: those at their columns, renormalized; 0 where there is no column.

    Where all of them are 0, every label that has a column is equally probable.

    Parameters
    ----------
    rows : (n, n_names) float64
    columns : sequence of int or None
        As of `columns`.

    Returns
    -------
    (n, n_labels) float64

    >>> restricted(np.array([[0.125, 0.5, 0.375], [0.0, 1.0, 0.0]]), [0, None, 2]).tolist()
    [[0.25, 0.0, 0.75], [0.5, 0.0, 0.5]]
    """
    has = np.array([number is not None for number in columns])
    named = rows[:, [number for number in columns if number is not None]]
    total = named.sum(axis=1, keepdims=True)
    named = np.where(total > 0, named / np.where(total > 0, total, 1), 1 / named.shape[1])
    result = np.zeros((len(rows), len(columns)))
    result[:, has] = named
    return result
