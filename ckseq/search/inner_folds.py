"""Who takes part in a search, in which folds, and who is kept out of it to test on in the end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ckseq.errors import CallError, DataError
from ckseq.labels import in_order
from ckseq.preprocessing.store_builder import source_digest_of
from ckseq.protocol.folds import folds
from ckseq.protocol.holdout import HOLDOUTS, Case, ProtocolConfig, Split
from ckseq.recording import Recording
from ckseq.search.space import Space

if TYPE_CHECKING:
    from ckseq.search.trial import InnerFolds

_APART = ("subject_holdout", "subject_k_fold", "leave_one_subject_out", "given")
# the division that the trials are scored on; those by later seeds chose none of them
_FIRST_SEED = 1
# with few people the next division by another seed may be one that there was
_SEEDS = 50


def labeled(recordings: Iterable[Recording], space: Space) -> list[Recording]:
    """Return the recordings with a label that the experiment asks for.

    Raises
    ------
    DataError
        There are too few classes.
    """
    classes = space.recipes({}).experiment.classes
    found = [one for one in recordings if one.label is not None and (not classes or one.label in classes)]
    present = in_order(str(one.label) for one in found)
    if missing := [label for label in classes if label not in present]:
        raise DataError(f"no recording is labeled {', '.join(missing)}", fix="change the experiment's classes")
    if len(present) < 2:
        raise DataError(f"two classes are the least; those there are: {', '.join(present) or 'none'}")
    return found


def outer_splits(recordings: Sequence[Recording], space: Space, *, nested: bool) -> tuple[Split, ...]:
    """Divide recordings between a search and the test after it, by people, as the experiment's protocol says.

    Under ``nested`` a protocol with one part to test on gives way to the folds of its number.

    Raises
    ------
    CallError
        The protocol puts people on both sides.
    """
    protocol = space.recipes({}).experiment.protocol
    if nested and protocol.kind in HOLDOUTS:
        protocol = protocol.model_copy(update={"kind": "subject_k_fold"})
    if protocol.kind not in _APART:
        raise CallError(
            f"protocol.kind = {protocol.kind} may put people on both sides, and a search would learn them",
            fix="--set protocol.kind=subject_holdout",
        )
    return folds(_cases(recordings), protocol)


def inner_of(recordings: Sequence[Recording], outer: Split, space: Space, *, notes: list[str], jobs: int) -> InnerFolds:
    """Return what the trials learn from: the training side of the outer division, in inner folds.

    Nothing of the others is opened.

    Raises
    ------
    DataError
        They are too few for the inner folds.
    """
    from joblib import Parallel, delayed

    from ckseq.search.trial import InnerFolds

    kept_out = set(outer.test)
    mine = tuple(one for one in recordings if one.id not in kept_out)
    try:
        divided = _divided(mine, space.config.folds, _FIRST_SEED)
    except DataError as error:
        fix = "set search.folds or protocol.test_share lower, or bring more people"
        raise DataError(f"the inner folds of the search: {error.what}", fix=fix) from None
    digests = Parallel(n_jobs=jobs)(delayed(source_digest_of)(one) for one in mine)
    return InnerFolds(
        mine,
        dict(zip((one.id for one in mine), digests, strict=True)),
        divided,
        tuple(sorted({one.subject for one in recordings if one.id in kept_out})),
        tuple(notes),
    )


def further_folds(inner: InnerFolds, *, n_divisions: int) -> tuple[tuple[str, ...], ...]:
    """Divide the people of a search anew, in other ways than the one its trials were scored on.

    Parameters
    ----------
    inner : InnerFolds
    n_divisions : int

    Returns
    -------
    tuple of tuple of str
        The subjects tested on in each fold, one division after the other; fewer where so many do not exist.
    """
    there = {frozenset(inner.folds)}
    found: list[tuple[str, ...]] = []
    for seed in range(_FIRST_SEED + 1, _FIRST_SEED + 1 + _SEEDS):
        if len(there) > n_divisions:
            break
        try:
            division = _divided(inner.recordings, len(inner.folds), seed)
        except DataError:  # this draw leaves a class nothing to train on
            continue
        if frozenset(division) not in there:
            there.add(frozenset(division))
            found += division
    return tuple(found)


def _divided(recordings: Sequence[Recording], n_folds: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Return the subjects tested on in each fold."""
    config = ProtocolConfig(kind="subject_k_fold", folds=n_folds, random_state=seed)
    subject = {one.id: one.subject for one in recordings}
    divided = folds(_cases(recordings), config)
    return tuple(tuple(sorted({subject[id] for id in split.test})) for split in divided)


def _cases(recordings: Iterable[Recording]) -> list[Case]:
    return [Case(one.id, one.subject, str(one.label), one.part) for one in recordings]
