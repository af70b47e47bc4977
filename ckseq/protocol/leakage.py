"""The leak meter: what training and test have in common, and how far one comes without looking at a face."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.protocol.holdout import Split
from ckseq.protocol.score import Interval, wilson_interval

# Two recordings are near-duplicates where both their first and their last crops correlate so high. Measured: different
# expressions of one person, warped from one photograph, come to 0.9989 at most; a copy saved anew as a JPEG of quality
# 60, at half size or with noise of 5 gray levels stays above 0.9993. A shifted, mirrored or cut copy is not found.
NEAR = 0.9992
_CROP_PX = 32
_ROWS = 512  # sequences that are compared with all others at once


@dataclass(frozen=True, eq=False)
class SequenceFacts:
    """What is known of a sequence without understanding its pixels.

    ``n_found`` is the number of frames with a face; ``source_digest`` names the bytes of its frames, "" where unknown;
    ``crops`` (2, n, n) uint8 are the first and the last face, None where they were not kept.
    """

    id: str
    subject: str
    session: str
    label: str
    n_frames: int
    n_found: int
    source_digest: str
    crops: NDArray[np.uint8] | None


class Pair(NamedTuple):
    """A test sequence and a training sequence that are too much alike; ``correlation`` is 1 for equal bytes."""

    test: str
    train: str
    fold: int
    correlation: float


class Rule(NamedTuple):
    """How many test sequences a rule that looks at no pixel names rightly.

    ``p_value`` is that of the exact one-sided McNemar test that it is no better than the class prior; NaN for the prior
    itself.
    """

    name: str
    about: str
    n_correct: int
    n: int
    accuracy: float
    interval: Interval
    p_value: float


@dataclass(frozen=True)
class Leakage:
    """What the test parts of all folds share with what was trained on.

    Counts are of test sequences, summed over the folds; ``shared_sessions`` counts those whose session, of the same
    subject, is also in training.
    """

    n_folds: int
    n_test: int
    shared_subjects: int
    test_sequences_of_shared_subjects: int
    test_sequences_of_shared_sessions: int
    duplicates: tuple[Pair, ...]
    near_duplicates: tuple[Pair, ...]
    rules: tuple[Rule, ...]

    @property
    def best_rule(self) -> Rule:
        """The rule with the highest accuracy; of equal ones the first."""
        return max(self.rules, key=lambda rule: rule.accuracy)


def measure(traces: Sequence[SequenceFacts], splits: Sequence[Split], *, confidence: float) -> Leakage:
    """Measure what training and test have in common, and let every rule that sees no pixel answer.

    Parameters
    ----------
    traces : sequence of SequenceFacts
        Of all sequences that the splits name.
    splits : sequence of Split
        The folds; each rule learns from the training part of a fold and answers for its test part.
    confidence : float
        Of the Wilson intervals.

    Raises
    ------
    DataError
        A split names a sequence without a trace, or nothing is tested.
    """
    known = {trace.id: trace for trace in traces}
    if missing := [id for split in splits for id in (*split.train, *split.test) if id not in known]:
        raise DataError(f"nothing is known of {missing[0]}", fix="measure with the store that the split was made of")
    if not any(split.test for split in splits):
        raise DataError("nothing is tested", fix="bring a split with test sequences")
    sides = [([known[id] for id in split.train], [known[id] for id in split.test]) for split in splits]
    shared: set[str] = set()
    of_shared = of_sessions = 0
    for train, test in sides:
        trained, sessions = {t.subject for t in train}, {(t.subject, t.session) for t in train}
        shared |= {t.subject for t in test} & trained
        of_shared += sum(t.subject in trained for t in test)
        of_sessions += sum((t.subject, t.session) in sessions for t in test)
    alike = _alike(traces, {trace.id for _, test in sides for trace in test})
    pairs = [pair for split in splits for pair in _pairs(split, alike)]
    same, near = (tuple(pair for pair in pairs if (pair.correlation == 1) is equal) for equal in (True, False))
    return Leakage(
        n_folds=len(splits),
        n_test=sum(len(test) for _, test in sides),
        shared_subjects=len(shared),
        test_sequences_of_shared_subjects=of_shared,
        test_sequences_of_shared_sessions=of_sessions,
        duplicates=same,
        near_duplicates=near,
        rules=_rules(sides, confidence),
    )


def _alike(traces: Sequence[SequenceFacts], tested: set[str]) -> dict[tuple[str, str], float]:
    """Return the correlation of each tested sequence and all others that are alike; 1 where bytes or crops are equal.

    Of ten thousands of images not all pairs are in memory at once.
    """
    found: dict[tuple[str, str], float] = {}
    seen = [trace for trace in traces if trace.crops is not None]
    small = (
        np.stack([_small(trace.crops) for trace in seen if trace.crops is not None]) if seen else np.empty((0, 2, 1))
    )
    asked = np.array([place for place, trace in enumerate(seen) if trace.id in tested], int)
    for begin in range(0, len(asked), _ROWS):
        rows = asked[begin : begin + _ROWS]
        weaker = small[rows, 0] @ small[:, 0].T
        # where the first crops differ, the last need not be compared
        some = np.flatnonzero((weaker >= NEAR).any(axis=0))
        weaker = np.minimum(weaker[:, some], small[rows, 1] @ small[some, 1].T)
        for i, j in np.argwhere(weaker >= NEAR):
            one, other = seen[rows[i]].id, seen[some[j]].id
            if one != other:
                # rounding may reach 1, which is kept for what is equal
                found[one, other] = min(float(weaker[i, j]), 1 - 1e-9)
    groups: dict[tuple[str, str], list[str]] = {}
    for trace in traces:
        if trace.source_digest:
            groups.setdefault(("bytes", trace.source_digest), []).append(trace.id)
        if trace.crops is not None:
            crops = hashlib.blake2b(trace.crops.tobytes(), digest_size=16).hexdigest()
            groups.setdefault((f"crops of {trace.n_frames} frames", crops), []).append(trace.id)
    for ids in groups.values():
        found.update({(a, b): 1.0 for a in ids if a in tested for b in ids if a != b})
    return found


def _pairs(split: Split, alike: Mapping[tuple[str, str], float]) -> list[Pair]:
    """Return the pairs of a tested and a trained sequence of a fold that are alike, in the order of the fold."""
    tested, trained = ({id: place for place, id in enumerate(ids)} for ids in (split.test, split.train))
    found = [Pair(*ids, split.fold, alike[ids]) for ids in alike if ids[0] in tested and ids[1] in trained]
    return sorted(found, key=lambda pair: (tested[pair.test], trained[pair.train]))


def _small(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return crops as (2, n) of mean 0 and length 1: their product is the correlation. A flat crop is all zeros."""
    import cv2

    size = (_CROP_PX, _CROP_PX)
    small = np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_AREA).ravel() for crop in crops]).astype(float)
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    return np.divide(small, length, out=np.zeros_like(small), where=length > 0)


Sides = Sequence[tuple[list[SequenceFacts], list[SequenceFacts]]]


def _rules(sides: Sides, confidence: float) -> tuple[Rule, ...]:
    answers = {
        "class prior": ("the most frequent class in training", _prior),
        "sequence length": ("a small decision tree over the number of frames", _by_length),
        "frames with a face": ("a small decision tree over the number of frames with a face", _by_found),
        "identity exclusion": ("the most frequent class not yet seen of this person in training", _exclusion),
    }
    right = {
        name: np.array(
            [said == t.label for train, test in sides for said, t in zip(answer(train, test), test, strict=True)]
        )
        for name, (_, answer) in answers.items()
    }
    prior = right["class prior"]
    rules = []
    for name, (about, _) in answers.items():
        n_correct, n = int(right[name].sum()), len(right[name])
        p_value = np.nan if name == "class prior" else _better(right[name], prior)
        interval = wilson_interval(n_correct, n, confidence=confidence)
        rules.append(Rule(name, about, n_correct, n, n_correct / n, interval, p_value))
    return tuple(rules)


def _better(right: NDArray[np.bool_], prior: NDArray[np.bool_]) -> float:
    """Return the p-value of the exact one-sided McNemar test: of the answers that differ, how many are in favor."""
    from scipy.stats import binomtest

    won, lost = int((right & ~prior).sum()), int((~right & prior).sum())
    return 1.0 if won + lost == 0 else float(binomtest(won, won + lost, 0.5, alternative="greater").pvalue)


def _prior(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    return [_ranked(train)[0]] * len(test)


def _ranked(train: list[SequenceFacts]) -> list[str]:
    """Return the classes of the training part, the most frequent first, equally frequent ones by name."""
    counts = Counter(trace.label for trace in train)
    return sorted(counts, key=lambda label: (-counts[label], label))


def _exclusion(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    """Answer from who it is alone: where people show every class once at most, what they have shown is used up."""
    ranked = _ranked(train)
    seen: dict[str, set[str]] = {}
    for trace in train:
        seen.setdefault(trace.subject, set()).add(trace.label)
    return [
        next((label for label in ranked if label not in seen.get(trace.subject, set())), ranked[0]) for trace in test
    ]


def _by_length(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    return _tree([t.n_frames for t in train], [t.label for t in train], [t.n_frames for t in test])


def _by_found(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    return _tree([t.n_found for t in train], [t.label for t in train], [t.n_found for t in test])


def _tree(train: list[int], labels: list[str], test: list[int]) -> list[str]:
    from sklearn.tree import DecisionTreeClassifier

    # leaves of five sequences: enough to follow a length that gives a class away, too few to learn by heart
    tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=min(5, len(train)), random_state=0)
    tree.fit(np.array(train)[:, None], labels)
    return [str(label) for label in tree.predict(np.array(test)[:, None])] if test else []
