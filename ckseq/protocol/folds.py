"""Protocols with several folds: each fold is tested by a model that is trained on the other folds."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.config import digest
from ckseq.errors import DataError
from ckseq.protocol.holdout import (
    HOLDOUTS,
    Case,
    Fold,
    LabelCounts,
    ProtocolConfig,
    count_labels,
    holdout,
    untrained_labels,
)

# number of random draws; brings every fold within a sequence or two of its share of every class
_DRAWS = 40
# with more subjects than these a draw takes seconds, and fewer of them are as even
_MANY_SUBJECTS = 5000


class Listed(NamedTuple):
    """Folds as listed in a file: the test ids of each fold, and the ids that are in every training set."""

    folds: tuple[tuple[str, ...], ...]
    always_train: tuple[str, ...] = ()


def make_folds(cases: Iterable[Case], config: ProtocolConfig, *, listed: Listed | None = None) -> tuple[Fold, ...]:
    """Assign sequences to folds; ``test`` of a fold holds its sequences and ``train`` those of all other folds.

    Parameters
    ----------
    cases : iterable of Case
        Their order has no effect.
    config : ProtocolConfig
    listed : Listed, optional
        The folds, where ``kind`` is ``from_file``.

    Returns
    -------
    tuple of Fold
        One for a holdout. With any other kind every sequence is tested once, except those a file lists as never tested.

    Raises
    ------
    DataError
        There is only one sequence or subject, there are fewer subjects or sequences than folds, a fold would leave a
        class without training sequences, or the file does not match the sequences.
    """
    ordered = sorted(cases)
    if config.kind in HOLDOUTS:
        return (holdout(ordered, config),)
    if len(ordered) < 2:
        raise DataError(f"{len(ordered)} sequence cannot be divided into folds", fix="add recordings")
    if config.kind == "from_file":
        place = _from_file(ordered, listed)
    elif config.kind == "stratified_k_fold":
        place = _stratified(ordered, config)
    elif config.kind == "subject_k_fold":
        place = _subject_k_fold(ordered, config)
    else:
        place = _leave_one_subject_out(ordered)
    return tuple(_split(ordered, place, fold, config.kind) for fold in range(int(place.max()) + 1))


def folds_digest(folds: Sequence[Fold]) -> str:
    """Return 16 hexadecimal digits that identify the training and test sets of all folds, however they were made."""
    return digest([[list(one.train), list(one.test)] for one in folds])


def _split(cases: list[Case], place: NDArray[np.int_], fold: int, kind: str) -> Fold:
    test = [case for case, its_fold in zip(cases, place, strict=True) if its_fold == fold]
    train = [case for case, its_fold in zip(cases, place, strict=True) if its_fold != fold]
    ids, tested = tuple(case.id for case in train), tuple(case.id for case in test)
    if untrained := untrained_labels(cases, ids):
        people = sorted({case.subject for case in test if set(untrained).intersection(case.labels)})
        who = f"only subject {people[0]} shows it" if len(people) == 1 else "all subjects who show it are in this fold"
        raise DataError(
            f"fold {fold} leaves no sequence of {' and '.join(untrained)} to train on: {who}",
            fix="leave the class out of the experiment's classes, add subjects who show it, or use more folds",
        )
    return Fold(kind, fold, ids, tested, digest(kind, fold, ids, tested))


def _stratified(cases: list[Case], config: ProtocolConfig) -> NDArray[np.int_]:
    """Assign folds with scikit-learn's StratifiedKFold over the sequences sorted by id."""
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
    labels = [str(case.label) for case in cases]
    with warnings.catch_warnings():
        # a class with fewer sequences than folds is not in every test fold; the report shows the supports
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        for fold, (_, test) in enumerate(divider.split(np.zeros(len(cases)), labels)):
            place[test] = fold
    return place


def _leave_one_subject_out(cases: list[Case]) -> NDArray[np.int_]:
    return _subjects(cases).subject_of


def _subjects(cases: list[Case]) -> LabelCounts:
    """Count labels by subject; refuse one subject, and a class of one subject."""
    found = count_labels(cases)
    subjects, labels, counts = found.subjects, found.labels, found.counts
    if len(subjects) < 2:
        raise DataError(
            f"all sequences show one subject, {subjects[0]}: none is left for the test set",
            fix="add subjects, or test people seen in training, with protocol.kind=stratified_k_fold",
        )
    alone = np.flatnonzero((counts > 0).sum(axis=0) == 1)
    if len(alone):
        who = ", ".join(f"{labels[column]} ({subjects[counts[:, column].argmax()]})" for column in alone)
        raise DataError(
            f"one subject alone shows {who}: a model trained without that subject never sees the class",
            fix="leave the class out of the experiment's classes, or test people seen in training, with "
            "protocol.kind=stratified_k_fold",
        )
    return found


def _subject_k_fold(cases: list[Case], config: ProtocolConfig) -> NDArray[np.int_]:
    """Assign whole subjects to folds of similar size and similar class distribution.

    scikit-learn's StratifiedGroupKFold does the same in one draw, but may put all subjects of a class into one fold.
    """
    subjects, _, counts, subject_of = _subjects(cases)
    if len(subjects) < config.folds:
        raise DataError(
            f"{config.folds} folds are asked for, and there are {len(subjects)} subjects",
            fix=f"set protocol.folds to {len(subjects)} or less, or protocol.kind to leave_one_subject_out",
        )
    fold_of = _draw_folds(counts, config)
    if fold_of is None:
        raise DataError(
            f"no assignment of {len(subjects)} subjects to {config.folds} folds was found that leaves every class "
            "training sequences",
            fix="raise protocol.folds, or leave out the classes that few subjects show",
        )
    return fold_of[subject_of]


def _draw_folds(counts: NDArray[np.int_], config: ProtocolConfig) -> NDArray[np.int_] | None:
    """Return the fold of each subject, the most even of many draws, or None where all draws put a class into one fold.

    ``counts`` holds the sequences of each subject (rows) in each class (columns).
    """
    rng = np.random.default_rng(config.random_state)
    total = counts.sum(axis=0)
    share = total / config.folds
    best, chosen = np.inf, None
    n_draws = _DRAWS if len(counts) <= _MANY_SUBJECTS else max(2, _DRAWS * _MANY_SUBJECTS // len(counts))
    for _ in range(n_draws):
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
    """Assign each subject in turn to the fold where it makes the folds most even."""
    filled = np.zeros((n_folds, counts.shape[1]))
    fold_of = np.empty(len(counts), int)
    before, empty = _unevenness(filled, share), np.ones(n_folds, bool)
    for done, subject in enumerate(order):
        after = _unevenness(filled + counts[subject], share)
        gain = after - before
        if len(order) - done <= empty.sum():
            gain[~empty] = np.inf  # the last subjects go to empty folds
        fold = gain.argmin()
        fold_of[subject] = fold
        filled[fold] += counts[subject]
        before[fold] = after[fold]
        empty[fold] = not filled[fold].any()
    return fold_of


def _unevenness(filled: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chi-square distance of each fold (k, classes) from its share of every class and of all."""
    by_class: NDArray[np.float64] = ((filled - share) ** 2 / share).sum(axis=1)
    return by_class + (filled.sum(axis=1) - share.sum()) ** 2 / share.sum()


def _from_file(cases: list[Case], listed: Listed | None) -> NDArray[np.int_]:
    """Return the fold of each sequence, -1 for those that are never tested."""
    if listed is None or not any(listed.folds):
        raise DataError("the file lists no fold", fix="set protocol.file to a file of 'ckseq protocol export'")
    fold_of: dict[str, int] = {}
    for fold, ids in enumerate((listed.always_train, *listed.folds)):
        for id in ids:
            if id in fold_of:
                raise DataError(f"{id} is in the file twice", fix="list every recording in one fold")
            fold_of[id] = fold - 1
    if empty := [fold for fold, ids in enumerate(listed.folds) if not ids]:
        raise DataError(f"fold {empty[0]} of the file is empty", fix="remove it")
    known = {case.id for case in cases}
    if strange := sorted(fold_of.keys() - known):
        what = f"the file lists {_and_more(strange)}, not used by the experiment"
        raise DataError(what, fix="use the recordings, classes and balance that the file was made with")
    if missing := sorted(known - fold_of.keys()):
        what = f"recordings of the experiment are in no fold of the file: {_and_more(missing)}"
        raise DataError(what, fix="use the recordings, classes and balance that the file was made with")
    return np.array([fold_of[case.id] for case in cases])


def _and_more(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
