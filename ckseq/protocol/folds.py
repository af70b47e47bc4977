"""Protocols: named, hashed divisions of sequences into folds, each tested on by a model trained on the rest."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.config import digest
from ckseq.errors import DataError
from ckseq.labels import in_order
from ckseq.protocol.holdout import HOLDOUTS, Case, ProtocolConfig, Split, split

# Draws are cheap; so many bring every fold within a sequence or two of its share of every class.
_DRAWS = 40


class Listed(NamedTuple):
    """A division as a file lists it: the ids tested on in each fold, and those that are trained on in every fold."""

    folds: tuple[tuple[str, ...], ...]
    always_train: tuple[str, ...] = ()


def folds(cases: Iterable[Case], config: ProtocolConfig, *, listed: Listed | None = None) -> tuple[Split, ...]:
    """Divide sequences into folds; of each, ``test`` is the fold and ``train`` is all the rest.

    Parameters
    ----------
    cases : iterable of Case
        In any order, which does not matter.
    config : ProtocolConfig
    listed : Listed, optional
        The division, where ``kind`` is ``from_file``.

    Returns
    -------
    tuple of Split
        One for a holdout. Of any other kind every sequence is tested on once, unless a file says that it never is.

    Raises
    ------
    DataError
        There is one sequence or one subject only, there are fewer subjects or sequences than folds, a fold would leave
        a class nothing to train on, or the file and the sequences do not fit each other.
    """
    ordered = sorted(cases)
    if config.kind in HOLDOUTS:
        return (split(ordered, config),)
    if len(ordered) < 2:
        raise DataError(f"{len(ordered)} sequence cannot be divided into folds", fix="bring more recordings")
    if config.kind == "from_file":
        place = _from_file(ordered, listed)
    elif config.kind == "stratified_k_fold":
        place = _stratified(ordered, config)
    elif config.kind == "subject_k_fold":
        place = _subject_k_fold(ordered, config)
    else:
        place = _leave_one_subject_out(ordered)
    return tuple(_split(ordered, place, fold, config.kind) for fold in range(int(place.max()) + 1))


def division_digest(splits: Sequence[Split]) -> str:
    """Return 16 hexadecimal digits that name who is trained on and tested on in each fold, whatever drew it."""
    return digest([[list(one.train), list(one.test)] for one in splits])


def _split(cases: list[Case], place: NDArray[np.int_], fold: int, kind: str) -> Split:
    test = [case for case, its_fold in zip(cases, place, strict=True) if its_fold == fold]
    train = [case for case, its_fold in zip(cases, place, strict=True) if its_fold != fold]
    untrained = {case.label for case in cases} - {case.label for case in train}
    if untrained:
        people = sorted({case.subject for case in test if case.label in untrained})
        who = f"one subject alone, {people[0]}, shows it" if len(people) == 1 else "all who show it are tested on there"
        raise DataError(
            f"fold {fold} leaves no sequence of {' and '.join(in_order(untrained))} to train on: {who}",
            fix="leave that class out with the experiment's classes, bring more people who show it, or use more folds",
        )
    ids, tested = tuple(case.id for case in train), tuple(case.id for case in test)
    return Split(kind, fold, ids, tested, digest(kind, fold, ids, tested))


def _stratified(cases: list[Case], config: ProtocolConfig) -> NDArray[np.int_]:
    """Divide as scikit-learn's StratifiedKFold does, over the sequences in the order of their ids."""
    from sklearn.model_selection import StratifiedKFold

    counts = Counter(case.label for case in cases)
    largest = max(counts.values())
    if largest < config.folds:
        raise DataError(
            f"{config.folds} folds are asked for, and no class has more than {largest} sequences",
            fix=f"set protocol.folds to {max(2, largest)} or less",
        )
    place = np.empty(len(cases), int)
    divider = StratifiedKFold(config.folds, shuffle=True, random_state=config.random_state)
    labels = [case.label for case in cases]
    with warnings.catch_warnings():
        # a class with fewer sequences than folds is not in every test fold, and the report says so
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for fold, (_, test) in enumerate(divider.split(np.zeros(len(cases)), labels)):
            place[test] = fold
    return place


def _leave_one_subject_out(cases: list[Case]) -> NDArray[np.int_]:
    return _subjects(cases)[1]


def _subjects(cases: list[Case]) -> tuple[NDArray[np.str_], NDArray[np.int_]]:
    """Return the subjects in order and the place of each sequence's; refuse one subject, and a class of one subject."""
    subjects, subject_of = np.unique([case.subject for case in cases], return_inverse=True)
    if len(subjects) < 2:
        raise DataError(
            f"all sequences show one subject, {subjects[0]}: nobody is left to test on",
            fix="bring more people, or set protocol.kind to stratified_k_fold",
        )
    holders: dict[str, set[str]] = {}
    for case in cases:
        holders.setdefault(case.label, set()).add(case.subject)
    alone = [label for label in in_order(holders) if len(holders[label]) == 1]
    if alone:
        who = ", ".join(f"{label} ({next(iter(holders[label]))})" for label in alone)
        raise DataError(
            f"one subject alone shows {who}: whoever trains without that subject never sees the class",
            fix="leave the class out with the experiment's classes, or set protocol.kind to stratified_k_fold",
        )
    return subjects, subject_of


def _subject_k_fold(cases: list[Case], config: ProtocolConfig) -> NDArray[np.int_]:
    """Divide whole subjects into folds of like size and like shares of the classes.

    scikit-learn's StratifiedGroupKFold does the same in one draw, but may put all who show a class into one fold.
    """
    subjects, subject_of = _subjects(cases)
    if len(subjects) < config.folds:
        raise DataError(
            f"{config.folds} folds are asked for, and there are {len(subjects)} subjects",
            fix=f"set protocol.folds to {len(subjects)} or less",
        )
    labels = in_order(case.label for case in cases)
    counts = np.zeros((len(subjects), len(labels)), int)
    np.add.at(counts, (subject_of, np.array([labels.index(case.label) for case in cases])), 1)
    fold_of = _draw_folds(counts, config)
    if fold_of is None:
        raise DataError(
            f"no division of {len(subjects)} subjects into {config.folds} folds was found that leaves every class "
            "something to train on",
            fix="set protocol.folds higher, or leave out the classes that few people show",
        )
    return fold_of[subject_of]


def _draw_folds(counts: NDArray[np.int_], config: ProtocolConfig) -> NDArray[np.int_] | None:
    """Return the fold of each subject: of many draws the evenest, or None where each takes a whole class.

    ``counts`` holds the sequences of each subject (rows) in each class (columns).
    """
    rng = np.random.default_rng(config.random_state)
    total = counts.sum(axis=0)
    share = total / config.folds
    best, chosen = np.inf, None
    for _ in range(_DRAWS):
        order = rng.permutation(len(counts))
        order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
        fold_of = _fill(counts, order, share, config.folds)
        filled = np.zeros((config.folds, counts.shape[1]))
        np.add.at(filled, fold_of, counts)
        if (filled.sum(axis=1) == 0).any() or (filled == total).any():
            continue
        cost = _unevenness(filled, share).sum()
        if cost < best:
            best, chosen = cost, fold_of
    return chosen


def _fill(
    counts: NDArray[np.int_], order: NDArray[np.int_], share: NDArray[np.float64], n_folds: int
) -> NDArray[np.int_]:
    """Put one subject after the other where it makes the folds most even."""
    filled = np.zeros((n_folds, counts.shape[1]))
    fold_of = np.empty(len(counts), int)
    for done, subject in enumerate(order):
        gain = _unevenness(filled + counts[subject], share) - _unevenness(filled, share)
        if len(order) - done <= (filled.sum(axis=1) == 0).sum():
            gain[filled.sum(axis=1) > 0] = np.inf  # the last subjects go to folds that have none yet
        fold_of[subject] = gain.argmin()
        filled[fold_of[subject]] += counts[subject]
    return fold_of


def _unevenness(filled: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return of each fold (k, classes) how far it is from its share of every class and of all."""
    by_class: NDArray[np.float64] = ((filled - share) ** 2 / share).sum(axis=1)
    return by_class + (filled.sum(axis=1) - share.sum()) ** 2 / share.sum()


def _from_file(cases: list[Case], listed: Listed | None) -> NDArray[np.int_]:
    """Return the fold of each sequence, -1 for those that are never tested on."""
    if listed is None or not any(listed.folds):
        raise DataError("the file lists no fold", fix="set protocol.file to what 'ckseq protocol export' wrote")
    fold_of: dict[str, int] = {}
    for fold, ids in enumerate((listed.always_train, *listed.folds)):
        for id in ids:
            if id in fold_of:
                raise DataError(f"{id} stands in the file twice", fix="let every recording stand in one fold")
            fold_of[id] = fold - 1
    if empty := [fold for fold, ids in enumerate(listed.folds) if not ids]:
        raise DataError(f"fold {empty[0]} of the file is empty", fix="remove it")
    known = {case.id for case in cases}
    if strange := sorted(fold_of.keys() - known):
        what = f"the file names {_and_more(strange)}, which the experiment does not use"
        raise DataError(what, fix="bring the same recordings, classes and balance as those it was made with")
    if missing := sorted(known - fold_of.keys()):
        what = f"recordings of the experiment stand in no fold of the file: {_and_more(missing)}"
        raise DataError(what, fix="bring the same recordings, classes and balance as those it was made with")
    return np.array([fold_of[case.id] for case in cases])


def _and_more(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
