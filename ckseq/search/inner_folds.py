"""The data of a search: its recordings, the inner folds that trials are scored on, and the subjects held out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ckseq.errors import CallError, DataError
from ckseq.labels import in_order
from ckseq.preprocessing.one_recording import source_digest_of
from ckseq.protocol.folds import make_folds
from ckseq.protocol.holdout import HOLDOUTS, Case, Fold, ProtocolConfig
from ckseq.recording import Recording
from ckseq.search.space import Space
from ckseq.workers import spread

_SUBJECT_INDEPENDENT = ("subject_holdout", "subject_k_fold", "leave_one_subject_out", "given")
# of the folds that trials are scored on; later seeds give the folds that finalists are scored on
_FIRST_SEED = 1
# with few subjects another seed may give the same folds again
_SEEDS = 50


@dataclass(frozen=True)
class SearchData:
    """Labeled recordings, the digests of their frames by id, and what the data set says about itself."""

    recordings: tuple[Recording, ...]
    source_digests: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class InnerFolds:
    """What the trials of a study are trained and scored on.

    ``folds`` are the subjects tested on in each inner fold; ``held_out`` are those tested on in the end, who are not in
    ``data``.
    """

    data: SearchData
    folds: tuple[tuple[str, ...], ...]
    held_out: tuple[str, ...]


def labeled_recordings(recordings: Iterable[Recording], space: Space) -> list[Recording]:
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
        raise DataError(f"at least two classes are needed; there are: {', '.join(present) or 'none'}")
    return found


def outer_folds(recordings: Sequence[Recording], space: Space, *, nested: bool) -> tuple[Fold, ...]:
    """Divide recordings between a search and the test after it, subject-independently, by the experiment's protocol.

    A nested search replaces a holdout by the protocol's number of folds.

    Raises
    ------
    CallError
        The protocol is not subject-independent, or has several folds although the search is not nested.
    """
    protocol = space.recipes({}).experiment.protocol
    if nested and protocol.kind in HOLDOUTS:
        protocol = protocol.model_copy(update={"kind": "subject_k_fold"})
    if protocol.kind not in _SUBJECT_INDEPENDENT:
        raise CallError(
            f"protocol.kind = {protocol.kind} may put a subject on both sides, and the test would be biased",
            fix="--set protocol.kind=subject_holdout",
        )
    folds = make_folds(_cases(recordings), protocol)
    if len(folds) > 1 and not nested:
        raise CallError(
            f"protocol.kind = {folds[0].kind} has {len(folds)} folds, and a search holds out a single test set",
            fix="set protocol.kind to subject_holdout, or search once for every fold with --nested",
        )
    return folds


def search_data(recordings: Iterable[Recording], *, notes: Iterable[str] = (), jobs: int) -> SearchData:
    """Return recordings with the digests of their frames, which are read by ``jobs`` processes."""
    recordings = tuple(recordings)
    digests = spread(source_digest_of, ((one,) for one in recordings), n_workers=jobs)
    return SearchData(recordings, dict(zip((one.id for one in recordings), digests, strict=True)), tuple(notes))


def make_inner_folds(
    recordings: Sequence[Recording], outer: Fold, space: Space, *, notes: Iterable[str], jobs: int
) -> InnerFolds:
    """Divide the training set of an outer fold into inner folds; no file of the test side is opened.

    Raises
    ------
    DataError
        There are too few subjects for the inner folds.
    """
    held_out = set(outer.test)
    mine = [one for one in recordings if one.id not in held_out]
    try:
        divided = _divide(mine, space.config.folds, _FIRST_SEED)
    except DataError as error:
        fix = "set search.folds or protocol.test_share lower, or add subjects"
        raise DataError(f"the inner folds of the search: {error.what}", fix=fix) from None
    subjects = tuple(sorted({one.subject for one in recordings if one.id in held_out}))
    return InnerFolds(search_data(mine, notes=notes, jobs=jobs), divided, subjects)


def further_folds(inner: InnerFolds, *, n_divisions: int) -> tuple[tuple[str, ...], ...]:
    """Divide the subjects of a search in other ways than the one its trials were scored on.

    Parameters
    ----------
    inner : InnerFolds
    n_divisions : int

    Returns
    -------
    tuple of tuple of str
        The subjects tested on in each fold, one set of folds after the other; fewer if so many do not exist.
    """
    known = {frozenset(inner.folds)}
    found: list[tuple[str, ...]] = []
    for seed in range(_FIRST_SEED + 1, _FIRST_SEED + 1 + _SEEDS):
        if len(known) > n_divisions:
            break
        try:
            subjects = _divide(inner.data.recordings, len(inner.folds), seed)
        except DataError:  # this draw leaves a class without training data
            continue
        if frozenset(subjects) not in known:
            known.add(frozenset(subjects))
            found += subjects
    return tuple(found)


def _divide(recordings: Sequence[Recording], n_folds: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """Return the subjects tested on in each fold."""
    config = ProtocolConfig(kind="subject_k_fold", folds=n_folds, random_state=seed)
    subject = {one.id: one.subject for one in recordings}
    return tuple(tuple(sorted({subject[id] for id in fold.test})) for fold in make_folds(_cases(recordings), config))


def _cases(recordings: Iterable[Recording]) -> list[Case]:
    return [Case(one.id, one.subject, str(one.label), one.part) for one in recordings]
