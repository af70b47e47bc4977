"""Who is trained on and who is tested on, and who is on both sides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config, digest
from ckseq.errors import CallError, DataError
from ckseq.labels import in_order

# Subjects are few and their draws cheap: so many bring each class within a sequence or two of its share.
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
    """How sequences are divided between training and test."""

    kind: Kind = Field(
        "subject_holdout",
        description="paper_split and stratified_k_fold draw sequences, whoever they show; subject_holdout, "
        "subject_k_fold and leave_one_subject_out keep each person on one side; given is the data set's own division "
        "into training and test, from_file one that stands in a file",
    )
    test_share: float = Field(0.3, gt=0, lt=1, description="share of the sequences to test on, of a holdout")
    test_subjects: tuple[str, ...] = Field(
        (), strict=False, description="whom to test on, of subject_holdout, instead of a draw"
    )
    folds: int = Field(5, ge=2, description="number of folds, of a k-fold")
    file: str = Field("", description="the JSON or TOML file with the ids of each fold, of from_file")
    random_state: int = Field(1, ge=0, lt=2**32, description="seed of the draw, kept apart from that of the training")


class Case(NamedTuple):
    """A sequence to be put on one side; ``part`` is the side that its makers gave it, train, validation or test."""

    id: str
    subject: str
    label: str
    part: str | None = None


class Split(NamedTuple):
    """Two sides without a sequence in common, each sorted by id; ``digest`` names the division.

    ``fold`` counts from 0; a holdout has one. ``validation`` is on neither side: what the makers of a data set gave for
    choosing by.
    """

    kind: str
    fold: int
    train: tuple[str, ...]
    test: tuple[str, ...]
    digest: str
    validation: tuple[str, ...] = ()


class Overlap(NamedTuple):
    """How many people, and sequences of theirs, are tested on although they were trained on."""

    test_subjects: int
    shared_subjects: int
    test_sequences_of_shared_subjects: int
    sentence: str


def split(cases: Iterable[Case], config: ProtocolConfig) -> Split:
    """Divide sequences between training and test, once; `ckseq.protocol.folds` knows the other kinds too.

    Parameters
    ----------
    cases : iterable of Case
        In any order, which does not matter.
    config : ProtocolConfig

    Returns
    -------
    Split

    Raises
    ------
    CallError
        The kind is none of the holdouts.
    DataError
        There is one sequence or one subject only, or a class would have nothing to train on.
    """
    if config.kind not in HOLDOUTS:
        raise CallError(
            f"protocol.kind = {config.kind} has several folds, and a training has one",
            fix=f"use 'ckseq crossval', or set protocol.kind to {' or '.join(HOLDOUTS)}",
        )
    ordered = sorted(cases)
    if len(ordered) < 2:
        raise DataError(f"{len(ordered)} sequence cannot be split into training and test", fix="bring more recordings")
    if config.kind == "given":
        return _given(ordered)
    tested = _paper_split(len(ordered), config) if config.kind == "paper_split" else _subject_holdout(ordered, config)
    train = tuple(case.id for case, test in zip(ordered, tested, strict=True) if not test)
    test = tuple(case.id for case, test in zip(ordered, tested, strict=True) if test)
    _check_trained(ordered, train, "bring more recordings of it, or set protocol.test_share lower")
    return Split(config.kind, 0, train, test, digest(config.kind, 0, train, test))


def _check_trained(cases: list[Case], train: tuple[str, ...], fix: str) -> None:
    trained = set(train)
    untrained = {case.label for case in cases} - {case.label for case in cases if case.id in trained}
    if untrained:
        raise DataError(f"the split leaves no sequence of {' and '.join(in_order(untrained))} to train on", fix=fix)


def _given(cases: list[Case]) -> Split:
    """Divide as the makers of the data set did; of train and validation alone, validation is what is tested on."""
    parts = {part: tuple(case.id for case in cases if case.part == part) for part in ("train", "validation", "test")}
    train, validation, test = parts.values()
    if not test:
        validation, test = (), validation
    if not train or not test:
        there = ", ".join(f"{part} {len(ids)}" for part, ids in parts.items() if ids) or "none"
        raise DataError(
            f"the data set is not divided into training and test by itself; its parts: {there}",
            fix="set protocol.kind to subject_holdout",
        )
    _check_trained(cases, train, "leave it out with the experiment's classes, or set protocol.kind to subject_holdout")
    return Split("given", 0, train, test, digest("given", 0, train, test), validation)


def _paper_split(n: int, config: ProtocolConfig) -> NDArray[np.bool_]:
    """Split as scikit-learn does in system A, over the sequences in the order of their ids."""
    from sklearn.model_selection import train_test_split

    try:
        _, test = train_test_split(
            range(n), test_size=config.test_share, random_state=config.random_state, shuffle=True
        )
    except ValueError:
        raise DataError(f"{n} sequences leave nothing to train on", fix="set protocol.test_share lower") from None
    return np.isin(np.arange(n), test)


def _subject_holdout(cases: list[Case], config: ProtocolConfig) -> NDArray[np.bool_]:
    """Draw whole subjects: of many random orders, the beginning that comes nearest to the share of every class."""
    labels = in_order(case.label for case in cases)
    subjects, subject_of = np.unique([case.subject for case in cases], return_inverse=True)
    if len(subjects) < 2:
        raise DataError(
            f"all sequences show one subject, {subjects[0]}: nobody is left to test on",
            fix="bring more people, or set protocol.kind to paper_split",
        )
    if config.test_subjects:
        return _named_subjects(cases, config)
    counts = np.zeros((len(subjects), len(labels)), int)
    np.add.at(counts, (subject_of, np.array([labels.index(case.label) for case in cases])), 1)
    tested = _draw_subjects(counts, config)
    if tested is None:
        alone = [label for label, column in zip(labels, counts.T, strict=True) if (column > 0).sum() == 1]
        raise DataError(
            f"whoever is tested on, nothing is left to train a class on: one subject alone shows {', '.join(alone)}",
            fix="bring more people of those classes, or set protocol.kind to paper_split",
        )
    return tested[subject_of]


def _named_subjects(cases: list[Case], config: ProtocolConfig) -> NDArray[np.bool_]:
    tested = np.array([case.subject in config.test_subjects for case in cases])
    if tested.all() or not tested.any():
        who = "every" if tested.any() else "no"
        raise DataError(f"{who} sequence shows one of the people in protocol.test_subjects", fix="name some of them")
    return tested


def _draw_subjects(counts: NDArray[np.int_], config: ProtocolConfig) -> NDArray[np.bool_] | None:
    """Return which subjects are tested on, or None where every choice takes a whole class.

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


def overlap(split: Split, subjects: Mapping[str, str]) -> Overlap:
    """Count the people who are on both sides.

    Parameters
    ----------
    split : Split
    subjects : mapping
        The subject of each id.

    Examples
    --------
    >>> halves = Split("paper_split", 0, train=("a1", "b1"), test=("a2", "c1"), digest="")
    >>> overlap(halves, {"a1": "Ann", "a2": "Ann", "b1": "Bob", "c1": "Cy"}).sentence
    '1 of 2 test sequences (50 %) shows a person who is also in training'
    """
    trained = {subjects[id] for id in split.train}
    tested = [subjects[id] for id in split.test]
    shared = set(tested) & trained
    n_shared = sum(subject in shared for subject in tested)
    if not shared:
        sentence = "no test subject is in training"
    else:
        who = f"one of {len(shared)} people who are" if len(shared) > 1 else "a person who is"
        verb = "show" if n_shared > 1 else "shows"
        share = f"{n_shared / len(tested):.0%}".replace("%", " %")
        sentence = f"{n_shared} of {len(tested)} test sequences ({share}) {verb} {who} also in training"
    return Overlap(len(set(tested)), len(shared), n_shared, sentence)
