"""Protocols with one training and one test set, and the subjects that both share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config, digest
from ckseq.errors import CallError, DataError
from ckseq.grammar import agreeing, counted
from ckseq.labels import in_order
from ckseq.recording import subject_known

# number of random draws; with few subjects it brings each class within a sequence or two of its share
_DRAWS = 1000


Kind = Literal[
    "paper_split",
    "subject_holdout",
    "given",
    "stratified_k_fold",
    "subject_k_fold",
    "leave_one_subject_out",
    "from_file",
]
HOLDOUTS = ("paper_split", "subject_holdout", "given")


class ProtocolConfig(Config):
    """How sequences are assigned to training and test sets."""

    kind: Kind = Field(
        "subject_holdout",
        description="subject-dependent: paper_split (random holdout) and stratified_k_fold; subject-independent: "
        "subject_holdout, subject_k_fold and leave_one_subject_out; given: the split published with the data set; "
        "from_file: the folds listed in a file",
    )
    test_share: float = Field(0.3, gt=0, lt=1, description="holdouts: share of the sequences in the test set")
    test_subjects: tuple[str, ...] = Field(
        (), strict=False, description="subject_holdout: the test subjects, instead of a random draw"
    )
    test_part: Literal["test", "validation"] = Field(
        "test", description="given: the part of the published split that is the test set; the other one validates"
    )
    folds: int = Field(5, ge=2, description="k-fold protocols: number of folds")
    file: str = Field("", description="from_file: JSON or TOML file with the recording ids of each fold")
    random_state: int = Field(1, ge=0, lt=2**32, description="seed of the draw, independent of the training seed")


class Case(NamedTuple):
    """A sequence to assign; ``part`` is train, validation or test where the data set publishes a split.

    ``label`` is its class, or the labels, none or several, that it has, as its action units.
    """

    id: str
    subject: str
    label: str | tuple[str, ...]
    part: str | None = None

    @property
    def labels(self) -> tuple[str, ...]:
        """Its class, or all labels that it has."""
        return (self.label,) if isinstance(self.label, str) else self.label


class LabelCounts(NamedTuple):
    """How many sequences of each subject (rows, sorted) show each label (columns, in order), and each one's row."""

    subjects: NDArray[np.str_]
    labels: tuple[str, ...]
    counts: NDArray[np.int_]
    subject_of: NDArray[np.int_]


def count_labels(cases: Sequence[Case]) -> LabelCounts:
    """Count labels by subject.

    >>> count_labels([Case("a", "S1", ("1", "2")), Case("b", "S2", ("2",)), Case("c", "S2", ())]).counts.tolist()
    [[1, 1], [0, 1]]
    """
    labels = in_order(label for case in cases for label in case.labels)
    subjects, subject_of = np.unique([case.subject for case in cases], return_inverse=True)
    counts = np.zeros((len(subjects), len(labels)), int)
    shown = [(row, labels.index(label)) for row, case in zip(subject_of, cases, strict=True) for label in case.labels]
    if shown:
        np.add.at(counts, tuple(np.array(shown).T), 1)
    return LabelCounts(subjects, labels, counts, subject_of)


def untrained_labels(cases: Iterable[Case], train: Iterable[str]) -> tuple[str, ...]:
    """Return the labels that no training sequence has, in order."""
    trained = set(train)
    everything: set[str] = set()
    seen: set[str] = set()
    for case in cases:
        everything.update(case.labels)
        if case.id in trained:
            seen.update(case.labels)
    return in_order(everything - seen)


class Fold(NamedTuple):
    """Disjoint training and test sets, each sorted by id; ``digest`` identifies them.

    ``number`` counts from 0; a holdout has one fold. ``validation`` is in neither set: the validation set that the data
    set publishes.
    """

    kind: str
    number: int
    train: tuple[str, ...]
    test: tuple[str, ...]
    digest: str
    validation: tuple[str, ...] = ()


class Overlap(NamedTuple):
    """The number of test subjects that are also in training, and of their test sequences.

    Where the subjects of some sequences are unknown, these are the numbers at least, and None where that would be 0.
    """

    test_subjects: int
    shared_subjects: int | None
    test_sequences_of_shared_subjects: int | None
    sentence: str


def holdout(cases: Iterable[Case], config: ProtocolConfig) -> Fold:
    """Assign sequences to one training and one test set; `ckseq.protocol.folds` handles the other kinds.

    Parameters
    ----------
    cases : iterable of Case
        Their order has no effect.
    config : ProtocolConfig

    Returns
    -------
    Fold

    Raises
    ------
    CallError
        The kind is no holdout.
    DataError
        There is only one sequence or subject, or a class would have no training sequence.
    """
    if config.kind not in HOLDOUTS:
        raise CallError(
            f"protocol.kind = {config.kind} has several folds, but 'ckseq train' uses one",
            fix=f"use 'ckseq crossval', or set protocol.kind to {' or '.join(HOLDOUTS)}",
        )
    ordered = sorted(cases)
    if len(ordered) < 2:
        raise DataError(
            f"{counted(len(ordered), 'sequence')} cannot be split into training and test", fix="add recordings"
        )
    if config.kind == "given":
        return _given(ordered, config.test_part)
    tested = _paper_split(len(ordered), config) if config.kind == "paper_split" else _subject_holdout(ordered, config)
    train = tuple(case.id for case, test in zip(ordered, tested, strict=True) if not test)
    test = tuple(case.id for case, test in zip(ordered, tested, strict=True) if test)
    _check_trained(ordered, train, "add recordings of it, or lower protocol.test_share")
    return Fold(config.kind, 0, train, test, digest(config.kind, 0, train, test))


def _check_trained(cases: list[Case], train: tuple[str, ...], fix: str) -> None:
    if untrained := untrained_labels(cases, train):
        raise DataError(f"the split leaves no sequence of {' and '.join(untrained)} to train on", fix=fix)


def _given(cases: list[Case], test_part: str) -> Fold:
    """Use the split that the data set publishes; of validation and test set, one that is alone is the test set."""
    parts = {part: tuple(case.id for case in cases if case.part == part) for part in ("train", "validation", "test")}
    train, validation, test = parts.values()
    if test_part == "validation":
        validation, test = test, validation
    if not test:
        validation, test = (), validation
    if not train or not test:
        there = ", ".join(f"{part} {len(ids)}" for part, ids in parts.items() if ids) or "none"
        raise DataError(
            f"the data set has no training and test set of its own; its parts: {there}",
            fix="set protocol.kind to subject_holdout",
        )
    _check_trained(cases, train, "leave it out with the experiment's classes, or set protocol.kind to subject_holdout")
    return Fold("given", 0, train, test, digest("given", 0, train, test), validation)


def _paper_split(n: int, config: ProtocolConfig) -> NDArray[np.bool_]:
    """Split with scikit-learn's train_test_split over the sequences sorted by id, as in the paper."""
    from sklearn.model_selection import train_test_split

    try:
        _, test = train_test_split(
            range(n), test_size=config.test_share, random_state=config.random_state, shuffle=True
        )
    except ValueError:
        raise DataError(f"{n} sequences leave no training sequence", fix="lower protocol.test_share") from None
    return np.isin(np.arange(n), test)


def _subject_holdout(cases: list[Case], config: ProtocolConfig) -> NDArray[np.bool_]:
    """Draw test subjects: of many random orders, the prefix that is closest to the test share of every class."""
    subjects, labels, counts, subject_of = count_labels(cases)
    if len(subjects) < 2:
        raise DataError(
            f"all sequences show one subject, {subjects[0]}: none is left for the test set",
            fix="add subjects, or test people seen in training, with protocol.kind=paper_split",
        )
    if config.test_subjects:
        return _named_subjects(cases, config)
    tested = _draw_subjects(counts, config)
    if tested is None:
        alone = [label for label, column in zip(labels, counts.T, strict=True) if (column > 0).sum() == 1]
        raise DataError(
            "every choice of test subjects leaves a class without training sequences: "
            f"one subject alone shows {', '.join(alone)}",
            fix="add subjects with those classes, or test people seen in training, with protocol.kind=paper_split",
        )
    return tested[subject_of]


def _named_subjects(cases: list[Case], config: ProtocolConfig) -> NDArray[np.bool_]:
    tested = np.array([case.subject in config.test_subjects for case in cases])
    if tested.all() or not tested.any():
        who = "every" if tested.any() else "no"
        raise DataError(f"{who} sequence shows a subject of protocol.test_subjects", fix="list some of the subjects")
    return tested


def _draw_subjects(counts: NDArray[np.int_], config: ProtocolConfig) -> NDArray[np.bool_] | None:
    """Return a mask of the test subjects, or None where every choice leaves a class without training sequences.

    ``counts`` holds the sequences of each subject (rows) in each class (columns).
    """
    rng = np.random.default_rng(config.random_state)
    total = counts.sum(axis=0)
    best, tested = np.inf, None
    for _ in range(_DRAWS):
        order = rng.permutation(len(counts))
        test = counts[order].cumsum(axis=0)
        cost = ((test - config.test_share * total) ** 2 / total).sum(axis=1)
        cost += (test.sum(axis=1) - config.test_share * total.sum()) ** 2 / total.sum()
        cost[(test == total).any(axis=1)] = np.inf
        n = int(cost.argmin())
        if cost[n] < best:
            best, tested = cost[n], np.isin(np.arange(len(counts)), order[: n + 1])
    return tested


def overlap(fold: Fold, subjects: Mapping[str, str]) -> Overlap:
    """Count the subjects that are in both training and test set.

    Parameters
    ----------
    fold : Fold
    subjects : mapping
        The subject of each id.

    Examples
    --------
    >>> halves = Fold("paper_split", 0, train=("a1", "b1"), test=("a2", "c1"), digest="")
    >>> overlap(halves, {"a1": "Ann", "a2": "Ann", "b1": "Bob", "c1": "Cy"}).sentence
    '1 of 2 test sequences (50 %) shows a person who is also in training'
    """
    trained = {subjects[id] for id in fold.train}
    tested = [subjects[id] for id in fold.test]
    shared = set(tested) & trained
    n_shared = sum(subject in shared for subject in tested)
    used = (*fold.train, *fold.test)
    n_unknown = sum(not subject_known(subjects[id], id) for id in used)
    subject, are = agreeing(n_unknown, "subject", "subjects"), agreeing(n_unknown, "is", "are")
    unknown = f"the {subject} of {n_unknown} of {counted(len(used), 'sequence')} {are} unknown"
    if n_unknown and not shared:
        return Overlap(
            len(set(tested)), None, None, f"whether test subjects are also in training is unknown: {unknown}"
        )
    if not shared:
        return Overlap(len(set(tested)), 0, 0, "no test subject is in training")
    who = f"one of {len(shared)} people who are" if len(shared) > 1 else "a person who is"
    share = f"{n_shared / len(tested):.0%}".replace("%", " %")
    show = agreeing(n_shared, "shows", "show")
    sentence = f"{n_shared} of {counted(len(tested), 'test sequence')} ({share}) {show} {who} also in training"
    if n_unknown:
        sentence = f"at least {sentence}; {unknown}"
    return Overlap(len(set(tested)), len(shared), n_shared, sentence)
