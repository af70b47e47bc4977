"""Data leakage: what training and test set share, and the accuracy of baselines without motion."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.protocol.comparison import mcnemar
from ckseq.protocol.holdout import Fold
from ckseq.protocol.intervals import Interval, IntervalMethod, accuracy_interval
from ckseq.protocol.pictures import PICTURE_PX, as_vector, predict_pictures
from ckseq.recording import known_subjects, subject_known

# Two recordings are near-duplicates if both their first and their last crops correlate at least this much. Measured:
# different expressions of one person, warped from one photograph, reach at most 0.9989; a copy saved as a JPEG of
# quality 60, at half size or with noise of 5 gray levels stays above 0.9993. Shifted, mirrored or cropped copies are
# not found.
NEAR = 0.9992
_CROP_PX = 32
PRIOR, FIRST_FRAME, MEAN_PICTURE = "class prior", "first frame", "mean picture"
_ROWS = 512  # number of sequences compared with all others at a time


@dataclass(frozen=True, eq=False)
class SequenceFacts:
    """What is known of a sequence without interpreting its pixels.

    ``n_found`` is the number of frames with a face; ``source_digest`` is a digest of its frame files, "" where unknown;
    ``crops`` (2, n, n) uint8 are the first and the last face, ``mean_face`` (m, m) uint8 is the mean of all, None where
    they are not stored.
    """

    id: str
    subject: str
    session: str
    label: str
    n_frames: int
    n_found: int
    source_digest: str
    crops: NDArray[np.uint8] | None
    mean_face: NDArray[np.uint8] | None = None


class Pair(NamedTuple):
    """A test sequence and a training sequence that are (near-)duplicates; ``correlation`` is 1 for equal bytes."""

    test: str
    train: str
    fold: int
    correlation: float


class Rule(NamedTuple):
    """The accuracy of a baseline that sees no pixel, or a single picture.

    ``p_value`` is that of the exact one-sided McNemar test against the class prior; NaN for the prior itself; ``hits``
    has 1 for a correct and 0 for a wrong prediction of each test sequence, in the order of the folds.
    """

    name: str
    about: str
    n_correct: int
    n: int
    accuracy: float
    interval: Interval
    method: IntervalMethod
    p_value: float
    hits: str


@dataclass(frozen=True)
class Leakage:
    """What the test sets of all folds share with their training sets.

    Counts are of test sequences, summed over the folds; ``shared_sessions`` counts those whose session, of the same
    subject, is also in training. Where the subjects of some sequences are unknown (``sequences_of_unknown_subjects``,
    in training or test), the counts of shared subjects are those at least, and None where that would be 0. ``rules``
    see no pixel; ``pictures`` see one picture of a sequence, hence no motion; ``unmeasured`` says which of these could
    not be measured, and why.
    """

    n_folds: int
    n_test: int
    sequences_of_unknown_subjects: int
    shared_subjects: int | None
    test_sequences_of_shared_subjects: int | None
    test_sequences_of_shared_sessions: int
    duplicates: tuple[Pair, ...]
    near_duplicates: tuple[Pair, ...]
    rules: tuple[Rule, ...]
    pictures: tuple[Rule, ...]
    unmeasured: tuple[str, ...]

    @property
    def best_rule(self) -> Rule:
        """The pixel-free baseline with the highest accuracy; of equal ones the first."""
        return max(self.rules, key=lambda rule: rule.accuracy)


def measure(facts: Sequence[SequenceFacts], folds: Sequence[Fold], *, confidence: float) -> Leakage:
    """Measure what training and test set share, and the accuracy of every baseline without motion.

    Parameters
    ----------
    facts : sequence of SequenceFacts
        Of all sequences in the folds.
    folds : sequence of Fold
        The folds; each baseline is trained on the training set of a fold and tested on its test set.
    confidence : float
        Confidence level of the intervals.

    Raises
    ------
    DataError
        A split contains a sequence without facts, or there is no test sequence.
    """
    known = {one.id: one for one in facts}
    if missing := [id for fold in folds for id in (*fold.train, *fold.test) if id not in known]:
        raise DataError(f"{missing[0]} is unknown", fix="use the store that the split was made from")
    if not any(fold.test for fold in folds):
        raise DataError("there is no test sequence", fix="use a split with test sequences")
    sides = [([known[id] for id in fold.train], [known[id] for id in fold.test]) for fold in folds]
    shared: set[str] = set()
    of_shared = of_sessions = 0
    for train, test in sides:
        trained, sessions = {t.subject for t in train}, {(t.subject, t.session) for t in train}
        shared |= {t.subject for t in test} & trained
        of_shared += sum(t.subject in trained for t in test)
        of_sessions += sum((t.subject, t.session) in sessions for t in test)
    alike = _alike(facts, {one.id for _, test in sides for one in test})
    pairs = [pair for fold in folds for pair in _pairs(fold, alike)]
    pictures, unmeasured = _picture_baselines(facts)
    prior = _correct(sides, _prior)
    same, near = (tuple(pair for pair in pairs if (pair.correlation == 1) is equal) for equal in (True, False))
    unknown = {t.id for side in sides for part in side for t in part if not subject_known(t.subject, t.id)}
    no_count = bool(unknown) and not shared
    return Leakage(
        n_folds=len(folds),
        n_test=sum(len(test) for _, test in sides),
        sequences_of_unknown_subjects=len(unknown),
        shared_subjects=None if no_count else len(shared),
        test_sequences_of_shared_subjects=None if no_count else of_shared,
        test_sequences_of_shared_sessions=of_sessions,
        duplicates=same,
        near_duplicates=near,
        rules=tuple(_rule(name, sides, BASELINES[name], prior, confidence) for name in _applicable(facts)),
        pictures=tuple(_rule(name, sides, one, prior, confidence) for name, one in pictures.items()),
        unmeasured=unmeasured,
    )


def _alike(facts: Sequence[SequenceFacts], tested: set[str]) -> dict[tuple[str, str], float]:
    """Return the correlations of (near-)duplicate pairs with a tested sequence; 1 where bytes or crops are equal.

    The pairs are computed in blocks, since all pairs of tens of thousands of images do not fit into memory.
    """
    found: dict[tuple[str, str], float] = {}
    seen = [one for one in facts if one.crops is not None]
    small = np.stack([_small(one.crops) for one in seen if one.crops is not None]) if seen else np.empty((0, 2, 1))
    rows_tested = np.array([place for place, one in enumerate(seen) if one.id in tested], int)
    for begin in range(0, len(rows_tested), _ROWS):
        rows = rows_tested[begin : begin + _ROWS]
        weaker = small[rows, 0] @ small[:, 0].T
        # if the first crops differ, the last need not be compared
        some = np.flatnonzero((weaker >= NEAR).any(axis=0))
        weaker = np.minimum(weaker[:, some], small[rows, 1] @ small[some, 1].T)
        for i, j in np.argwhere(weaker >= NEAR):
            one, other = seen[rows[i]].id, seen[some[j]].id
            if one != other:
                # rounding may give 1, which is reserved for equal bytes
                found[one, other] = min(float(weaker[i, j]), 1 - 1e-9)
    groups: dict[tuple[str, str], list[str]] = {}
    for known_facts in facts:
        if known_facts.source_digest:
            groups.setdefault(("bytes", known_facts.source_digest), []).append(known_facts.id)
        if known_facts.crops is not None:
            crops = hashlib.blake2b(known_facts.crops.tobytes(), digest_size=16).hexdigest()
            groups.setdefault((f"crops of {known_facts.n_frames} frames", crops), []).append(known_facts.id)
    for ids in groups.values():
        found.update({(a, b): 1.0 for a in ids if a in tested for b in ids if a != b})
    return found


def _pairs(fold: Fold, alike: Mapping[tuple[str, str], float]) -> list[Pair]:
    """Return the (near-)duplicate pairs of a test and a training sequence of a fold, in the order of the fold."""
    tested, trained = ({id: place for place, id in enumerate(ids)} for ids in (fold.test, fold.train))
    found = [Pair(*ids, fold.number, alike[ids]) for ids in alike if ids[0] in tested and ids[1] in trained]
    return sorted(found, key=lambda pair: (tested[pair.test], trained[pair.train]))


def _small(crops: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return crops as (2, n) with mean 0 and norm 1, so that products are correlations; a flat crop is all zeros."""
    import cv2

    size = (_CROP_PX, _CROP_PX)
    small = np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_AREA).ravel() for crop in crops]).astype(float)
    small -= small.mean(axis=1, keepdims=True)
    length = np.linalg.norm(small, axis=1, keepdims=True)
    return np.divide(small, length, out=np.zeros_like(small), where=length > 0)


Sides = Sequence[tuple[list[SequenceFacts], list[SequenceFacts]]]
Predict = Callable[[list[SequenceFacts], list[SequenceFacts]], list[str]]


class Baseline(NamedTuple):
    """What a baseline does, in words, and its predictions for the test set of a fold from its training set."""

    about: str
    predict: Predict


def _rule(name: str, sides: Sides, baseline: Baseline, prior: NDArray[np.bool_], confidence: float) -> Rule:
    correct = prior if baseline.predict is _prior else _correct(sides, baseline.predict)
    n_correct, n = int(correct.sum()), len(correct)
    p_value = np.nan if correct is prior else _p_value(correct, prior)
    subjects = known_subjects((one.subject, one.id) for _, test in sides for one in test)
    interval, method = accuracy_interval(correct, subjects, confidence=confidence)
    hits = "".join("01"[int(hit)] for hit in correct)
    return Rule(name, baseline.about, n_correct, n, n_correct / n, interval, method, p_value, hits)


def _correct(sides: Sides, predict: Predict) -> NDArray[np.bool_]:
    return np.array(
        [label == t.label for train, test in sides for label, t in zip(predict(train, test), test, strict=True)]
    )


def _p_value(correct: NDArray[np.bool_], prior: NDArray[np.bool_]) -> float:
    won, lost = int((correct & ~prior).sum()), int((~correct & prior).sum())
    return mcnemar(won, lost, alternative="greater")


def _prior(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    return [_ranked(train)[0]] * len(test)


def _ranked(train: list[SequenceFacts]) -> list[str]:
    """Return the classes of the training set by falling frequency, equally frequent ones by name."""
    counts = Counter(one.label for one in train)
    return sorted(counts, key=lambda label: (-counts[label], label))


def _exclusion(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    """Predict from the subject alone: if subjects show each class at most once, their training classes are excluded."""
    ranked = _ranked(train)
    seen: dict[str, set[str]] = {}
    for one in train:
        seen.setdefault(one.subject, set()).add(one.label)
    return [next((label for label in ranked if label not in seen.get(one.subject, set())), ranked[0]) for one in test]


def _by_length(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    return _tree([t.n_frames for t in train], [t.label for t in train], [t.n_frames for t in test])


def _by_found(train: list[SequenceFacts], test: list[SequenceFacts]) -> list[str]:
    return _tree([t.n_found for t in train], [t.label for t in train], [t.n_found for t in test])


def _tree(train: list[int], labels: list[str], test: list[int]) -> list[str]:
    from sklearn.tree import DecisionTreeClassifier

    # leaves of at least five sequences: can fit a length that reveals a class, without memorizing single sequences
    tree = DecisionTreeClassifier(max_leaf_nodes=8, min_samples_leaf=min(5, len(train)), random_state=0)
    tree.fit(np.array(train)[:, None], labels)
    return [str(label) for label in tree.predict(np.array(test)[:, None])] if test else []


BASELINES = {
    PRIOR: Baseline("the most frequent class in training", _prior),
    "sequence length": Baseline("a small decision tree over the number of frames", _by_length),
    "frames with a face": Baseline("a small decision tree over the number of frames with a face", _by_found),
    "identity exclusion": Baseline("the most frequent class not seen of this subject in training", _exclusion),
}
"""The pixel-free baselines by name; the others are compared with the first."""


def _applicable(facts: Sequence[SequenceFacts]) -> list[str]:
    """Return the pixel-free baselines that apply: single images have no length, unknown people no identity."""
    still = all(one.n_frames == 1 for one in facts)
    useless = {
        "sequence length": still,
        "frames with a face": still and len({one.n_found for one in facts}) == 1,
        "identity exclusion": not any(subject_known(one.subject, one.id) for one in facts),
    }
    return [name for name in BASELINES if not useless.get(name, False)]


class SeenPictures(NamedTuple):
    """One picture of each sequence as a vector, by id; ``about`` is a model of these in words."""

    name: str
    about: str
    vectors: dict[str, NDArray[np.float64]]


def seen_pictures(facts: Sequence[SequenceFacts]) -> tuple[list[SeenPictures], tuple[str, ...]]:
    """Return first frames and mean pictures, where all sequences have theirs, and which cannot be measured and why."""
    found, unmeasured = [], []
    firsts = {one.id: one.crops[0] for one in facts if one.crops is not None}
    means = {one.id: one.mean_face for one in facts if one.mean_face is not None}
    for name, shown, pictures in ((FIRST_FRAME, "first face", firsts), (MEAN_PICTURE, "mean of all faces", means)):
        if len(pictures) < len(facts):
            unmeasured.append(f"{name}: the store lacks that of {len(facts) - len(pictures)} of {len(facts)} sequences")
            continue
        about = f"a linear model of the {shown}, {PICTURE_PX}x{PICTURE_PX} gray values"
        found.append(SeenPictures(name, about, {id: as_vector(picture) for id, picture in pictures.items()}))
    return found, tuple(unmeasured)


def _picture_baselines(facts: Sequence[SequenceFacts]) -> tuple[dict[str, Baseline], tuple[str, ...]]:
    """Return the baselines of a single picture, and which cannot be measured; none where all samples are images."""
    if all(one.n_frames == 1 for one in facts):
        return {}, ()
    found, unmeasured = seen_pictures(facts)
    return {name: Baseline(about, partial(_by_picture, vectors)) for name, about, vectors in found}, unmeasured


def _by_picture(
    vectors: Mapping[str, NDArray[np.float64]], train: list[SequenceFacts], test: list[SequenceFacts]
) -> list[str]:
    if not test:
        return []
    seen, asked = (np.stack([vectors[one.id] for one in side]) for side in (train, test))
    return predict_pictures(seen, [one.label for one in train], [one.subject for one in train], asked)
