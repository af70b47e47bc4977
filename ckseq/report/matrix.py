"""The confusion matrix, and who was confused with what, as rows of HTML tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from ckseq.protocol.score import Scores
from ckseq.storage.predictions import Prediction


class Cell(NamedTuple):
    """A cell of the matrix: a predicted class, how often, and as a share of the true class, 0 where none was tested."""

    label: str
    n: int
    rate: float


class MatrixRow(NamedTuple):
    """A true class, how many were tested, and its cells by predicted class."""

    label: str
    support: int
    cells: tuple[Cell, ...]


def matrix_rows(scores: Scores) -> tuple[MatrixRow, ...]:
    """Return the confusion matrix, one row per true class."""
    rows = []
    for label, counts in zip(scores.labels, scores.matrix.tolist(), strict=True):
        support = sum(counts)
        cells = (Cell(other, n, n / max(support, 1)) for other, n in zip(scores.labels, counts, strict=True))
        rows.append(MatrixRow(label, support, tuple(cells)))
    return tuple(rows)


class SubjectRow(NamedTuple):
    """What was predicted for one subject.

    ``confused`` are true class, predicted class and how often, the most frequent first.
    """

    subject: str
    n: int
    n_correct: int
    confused: tuple[tuple[str, str, int], ...]


def subject_rows(rows: Sequence[Prediction]) -> tuple[SubjectRow, ...]:
    """Return one row per subject, the lowest accuracy first, then by name."""
    of_subject = defaultdict(list)
    for row in rows:
        of_subject[row.subject].append(row)
    found = []
    for subject, own in of_subject.items():
        mistakes = Counter((row.truth, row.predicted) for row in own if row.truth != row.predicted)
        confused = sorted(((*pair, n) for pair, n in mistakes.items()), key=lambda one: (-one[2], one[:2]))
        found.append(SubjectRow(subject, len(own), len(own) - mistakes.total(), tuple(confused)))
    return tuple(sorted(found, key=lambda row: (row.n_correct / row.n, row.subject)))
