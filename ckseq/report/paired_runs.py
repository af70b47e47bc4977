"""Runs on the same test sequences, compared in pairs: the verdicts in words, and the sequences that changed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.defaults import PERMUTATIONS
from ckseq.protocol.comparison import Compared, compare_pairs
from ckseq.protocol.intervals import Interval, IntervalMethod, accuracy_interval
from ckseq.recording import known_subjects
from ckseq.report.uncertainty import named_test
from ckseq.report.wording import percent
from ckseq.storage.predictions import Prediction, Predictions, share_correct
from ckseq.storage.run_record import RunRecord

_SEED = 0


@dataclass(frozen=True)
class Side:
    """A run of a comparison; ``answers`` are its predictions by recording, one for each seed."""

    name: str
    record: RunRecord
    labels: tuple[str, ...]
    answers: dict[str, list[Prediction]]

    @classmethod
    def of(cls, name: str, record: RunRecord, predictions: Predictions) -> Side:
        """Return the side of a run."""
        return cls(name, record, predictions.labels, predictions.by_recording())

    def truth(self, id: str) -> str:
        """Return the true class of a recording."""
        return self.answers[id][0].truth

    def right(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """Return the share of correct predictions for each recording, (n,)."""
        return np.array([share_correct(self.answers[id]) for id in ids])

    def subjects(self, ids: Sequence[str]) -> list[str] | None:
        """Return the subjects of recordings; None where that of any is unknown."""
        return known_subjects((self.answers[id][0].subject, id) for id in ids)

    def accuracy(self, ids: Sequence[str], *, confidence: float) -> tuple[float, Interval, IntervalMethod]:
        """Return the accuracy on recordings with its interval and how that was computed."""
        right = self.right(ids)
        return float(right.mean()), *accuracy_interval(right, self.subjects(ids), confidence=confidence)


class Pair(NamedTuple):
    """Two runs and their difference, positive where the second is better."""

    first: Side
    second: Side
    compared: Compared
    n_pairs: int
    confidence: float

    @property
    def name(self) -> str:
        """The pair in the order of the difference."""
        return f"{self.second.name} − {self.first.name}"

    @property
    def significant(self) -> bool:
        """Whether the test that decides finds a difference, corrected for the number of pairs."""
        return self.compared.p_holm < 1 - self.confidence

    @property
    def sentence(self) -> str:
        """The verdict, with the test that decides."""
        difference, p_holm = self.compared
        tested = named_test(difference)
        if self.n_pairs > 1:
            tested += f"; p = {p_holm:.2g} corrected for {self.n_pairs} pairs (Holm)"
        low, high = difference.interval or (0, 0)
        if not self.significant:
            ends = f"{percent(self.confidence)} interval {low:+.3f} to {high:+.3f}; " if difference.interval else ""
            what = f"{self.name} = {difference.difference:+.3f} ({ends}{tested})"
            return f"{self.first.name} and {self.second.name} do not differ significantly: {what}"
        better, worse = self.second.name, self.first.name
        if difference.difference < 0:
            better, worse, low, high = worse, better, -high, -low
        return (
            f"{better} is better than {worse} by {abs(difference.difference):.3f} "
            f"({percent(self.confidence)} interval {low:.3f} to {high:.3f}; {tested})"
        )


class Changed(NamedTuple):
    """A recording on which one run is correct more often than the other; ``better`` is which."""

    recording: str
    subject: str
    truth: str
    better: Literal["first", "second"]
    first: str
    second: str


def pairs_of(sides: Sequence[Side], ids: Sequence[str], *, confidence: float) -> list[Pair]:
    """Compare every two runs on the recordings that all of them tested."""
    couples = list(itertools.combinations(sides, 2))
    compared = compare_pairs(
        [(first.right(ids), second.right(ids)) for first, second in couples],
        sides[0].subjects(ids),
        n_draws=PERMUTATIONS,
        confidence=confidence,
        seed=_SEED,
    )
    return [Pair(*couple, one, len(couples), confidence) for couple, one in zip(couples, compared, strict=True)]


def changed(pair: Pair, ids: Sequence[str]) -> list[Changed]:
    """Return the recordings on which one run is correct more often, those that the second lost first, then by class."""
    found = []
    for id, before, after in zip(ids, pair.first.right(ids), pair.second.right(ids), strict=True):
        if before != after:
            one, two = pair.first.answers[id], pair.second.answers[id]
            better: Literal["first", "second"] = "first" if before > after else "second"
            found.append(
                Changed(id, one[0].subject, one[0].truth, better, _said(one, pair.first), _said(two, pair.second))
            )
    return sorted(found, key=lambda one: (one.better, one.truth, one.recording))


def _said(rows: Sequence[Prediction], side: Side) -> str:
    """Return what a run predicted: the class with its probability, or of several seeds how often each."""
    if len(rows) == 1:
        return f"{rows[0].predicted} {rows[0].probabilities[side.labels.index(rows[0].predicted)]:.2f}"
    return ", ".join(f"{label} ×{n}" for label, n in Counter(row.predicted for row in rows).most_common())


def short_names(paths: Sequence[PurePath]) -> list[str]:
    """Return the fewest last parts of each path that tell all of them apart.

    >>> short_names([PurePath("a/run"), PurePath("b/run")]), short_names([PurePath("x/a"), PurePath("x/b")])
    (['a/run', 'b/run'], ['a', 'b'])
    """
    most = max(len(path.parts) for path in paths)
    for n in range(1, most + 1):
        names = ["/".join(path.parts[-n:]) for path in paths]
        if len(set(names)) == len(names):
            break
    return names
