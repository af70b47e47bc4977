"""What an experiment takes from a store: which sequences, how divided, read at once or batch by batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.config import did_you_mean, differences, digest
from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment import features
from ckseq.experiment.early_checks import NEED_CODES, check_landmark_kind
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.targets import case_of, coded, codes_of, labels_of
from ckseq.grammar import counted
from ckseq.labels import in_order
from ckseq.learn.fit import Labeled, Sequences
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.protocol.balance import Candidate, balance
from ckseq.protocol.folds import make_folds
from ckseq.protocol.holdout import Fold, ProtocolConfig
from ckseq.report.wording import Noun, noun_for
from ckseq.signal.face_shape import LandmarkKind, face_shape
from ckseq.signal.landmarks import N_POSE_COLUMNS
from ckseq.signal.sequence import too_long
from ckseq.sources._labels import CORRECT_LABELS, misspelled
from ckseq.storage.examples import Example
from ckseq.storage.fold_files import read_fold_file
from ckseq.storage.store import Store
from ckseq.storage.store_entry import Entry
from ckseq.storage.streaming import n_steps, stream

_NEED_LABELS = (
    "of CK+, put Emotion_labels.zip beside the images, else fill in the manifest's column label; then prepare it again "
    "with 'ckseq preprocess --overwrite'"
)
MOST_BYTES = 2**31
"""Of an input that is read at once: projections of 10,000 sequences; more are read batch by batch."""
# rows that are looked through at a time
_AT_ONCE = 256
# the sections of a pipeline that change what is read from a store
_STAGES = ("detector", "faces", "landmarks", "align", "motion")


@dataclass(frozen=True)
class Dataset:
    """The sequences of an experiment.

    Parameters
    ----------
    labels : tuple of str
        The classes or action units, in the order of the network's outputs.
    entries : tuple of Entry
        Sorted by id.
    x : (n, t, h, w, channels) float32, an array or a stream; or (n, h, w, channels) uint8, images
        In the order of ``entries``. Up to `MOST_BYTES` are an array; more, and whole frames of sequences, are read
        batch by batch.
    codes : (n,) int, or (n, n_units) int
        The classes or action units of ``entries``, see `ckseq.experiment.targets.codes_of`.
    folds : tuple of Fold
        The folds of the protocol; a holdout has one.
    examples : tuple of Example
        The first test sequence of each class, where the store keeps its pictures.
    balance_notes, notes : tuple of str
        What a reader of the result should know, in plain words.
    augmented : (n, k, ...) float32, optional
        k augmented versions of each sequence, to train on instead, where they cannot be made in training: features.
    """

    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    x: Sequences
    codes: NDArray[np.int_]
    folds: tuple[Fold, ...]
    examples: tuple[Example, ...]
    balance_notes: tuple[str, ...]
    notes: tuple[str, ...]
    augmented: NDArray[np.float32] | None = None

    @property
    def digest(self) -> str:
        """Hexadecimal digits that name the recordings taking part, whichever fold they are in."""
        return digest([entry.id for entry in self.entries])

    @property
    def fold(self) -> Fold:
        """The first fold, the only one of a holdout."""
        return self.folds[0]

    def side(self, ids: Sequence[str]) -> tuple[list[Entry], Labeled]:
        """Return the entries with these ids, sorted by id, and their sequences and labels."""
        wanted = set(ids)
        places = [place for place, entry in enumerate(self.entries) if entry.id in wanted]
        entries = [self.entries[place] for place in places]
        augmented = None if self.augmented is None else self.augmented[places]
        return entries, Labeled(
            self.x[places], self.codes[places], tuple(entry.subject for entry in entries), augmented
        )


class Chosen(NamedTuple):
    """The entries of a store that take part in an experiment, sorted by id, and what there is to say of the choice."""

    labels: tuple[str, ...]
    entries: tuple[Entry, ...]
    balance_notes: tuple[str, ...]
    notes: tuple[str, ...]


def choose(store: Store, recipe: Experiment) -> Chosen:
    """Choose the sequences of an experiment: those with a label it asks for, balanced, or with FACS codes.

    No array is read.

    Raises
    ------
    DataError
        The store has too little, or a sequence too long, for the experiment.
    """
    entries, notes = _usable(store, recipe)
    if recipe.predicts_units:
        return _choose_units(store, entries, notes, recipe)
    candidates = [Candidate(entry.id, _label(entry), n_steps(entry, recipe.input)) for entry in entries]
    selection = balance(candidates, recipe.balance, rng=np.random.default_rng(recipe.seed))
    chosen = set(selection.ids)
    entries = [entry for entry in entries if entry.id in chosen]
    _check_lengths(entries, recipe)
    held = " ".join(store.notes)  # of its data, which may say so with the place
    notes += [
        f"{slip.what}: {slip.remedy}" for slip in misspelled(Counter(map(_label, entries))) if slip.what not in held
    ]
    balance_notes = tuple(map(noun_in(recipe).reworded, selection.notes))
    return Chosen(in_order(map(_label, entries)), tuple(entries), balance_notes, (*store.notes, *notes))


def _choose_units(store: Store, entries: list[Entry], notes: list[str], recipe: Experiment) -> Chosen:
    labels, left_out = labels_of(entries, recipe)
    if not labels:
        raise DataError(
            f"no action unit is shown by {recipe.min_positives} sequences or more, of at least two subjects",
            store.path,
            "lower min_positives, or bring more recordings with FACS codes",
        )
    _check_lengths(entries, recipe)
    what = f"{noun_in(recipe).counted(len(entries))} with FACS codes, {len(labels)} action units; not balanced"
    return Chosen(labels, tuple(entries), (what,), (*store.notes, *notes, *left_out))


def divide(entries: Sequence[Entry], labels: Sequence[str], recipe: Experiment) -> tuple[Fold, ...]:
    """Divide entries into folds as a protocol says; the file of ``from_file`` is read here."""
    config, listed = recipe.protocol, None
    if config.kind == "from_file":
        if not config.file:
            raise CallError("protocol.kind = from_file needs a file", fix="set protocol.file to its path")
        listed = read_fold_file(Path(config.file)).listed
    cases = [case_of(entry, labels, recipe) for entry in entries]
    try:
        return make_folds(cases, config, listed=listed)
    except DataError as error:
        slips = [] if recipe.predicts_units else misspelled(Counter(map(_label, entries)))
        if not slips:
            raise
        # a label that is corrected needs no other protocol, least of all one that tests people seen in training
        raise DataError(f"{error.what} ({slips[0].what})", error.where, CORRECT_LABELS) from None


def gather(store: Store, recipe: Experiment, console: Console | None = None) -> Dataset:
    """Take what an experiment asks for from a store: choose, divide into folds, bring to one length.

    Raises
    ------
    DataError
        The store has too little, or a sequence too long, for the experiment.
    """
    chosen = choose(store, recipe)
    folds = divide(chosen.entries, chosen.labels, recipe)
    notes = [*chosen.notes, *_split_notes(chosen.entries, recipe)]
    test = {id for fold in folds for id in fold.test}
    first = {
        label: entry
        for entry in reversed(chosen.entries)
        if entry.id in test
        for label in case_of(entry, chosen.labels, recipe).labels
    }
    if untested := [label for label in chosen.labels if label not in first]:
        notes.append(f"no test {noun_in(recipe).one} shows {', '.join(untested)}")
    x = _read(store, chosen.entries, recipe, console or Console(quiet=True))
    if recipe.input in ("landmarks", "fused"):
        notes += _lost_landmarks(x, chosen.entries, noun_in(recipe), _landmark_kind(store))
    return Dataset(
        labels=chosen.labels,
        entries=chosen.entries,
        x=x,
        codes=codes_of(chosen.entries, chosen.labels, recipe),
        augmented=_read_augmented(store, chosen.entries, recipe, console or Console(quiet=True)),
        folds=folds,
        examples=tuple(_examples(store, {label: first[label] for label in chosen.labels if label in first})),
        balance_notes=chosen.balance_notes,
        notes=tuple(notes),
    )


def _split_notes(entries: Sequence[Entry], recipe: Experiment) -> list[str]:
    """Return a note where the data set publishes a split, and the experiment's protocol divides otherwise."""
    parts = Counter(entry.part for entry in entries if entry.part)
    if recipe.protocol.kind == "given" or len(parts) < 2:
        return []
    there = ", ".join(f"{part} {parts[part]}" for part in ("train", "validation", "test") if parts[part])
    return [
        f"the data set's own split ({there}) is not used: protocol.kind = {recipe.protocol.kind}; "
        "--set protocol.kind=given uses it"
    ]


def _read(store: Store, entries: Sequence[Entry], recipe: Experiment, console: Console) -> Sequences:
    if recipe.input == "features":
        return features.read(store, entries, recipe.features, recipe.sequence, console)
    neutral_ids = None
    if recipe.calibration == "neutral":
        by_subject = neutral_by_subject(store)
        neutral_ids = [by_subject[entry.subject] for entry in entries]
    x = stream(store, entries, recipe.input, recipe.sequence, neutral_ids)
    small = recipe.input in ("projections", "landmarks", "fused") or x.ndim == 4
    return np.asarray(x) if small and x.nbytes <= MOST_BYTES else x


def _landmark_kind(store: Store) -> LandmarkKind:
    """Return the kind of a store's landmarks, where it has some."""
    kind: LandmarkKind = store.pipeline["landmarks"]["kind"]
    return kind


def _lost_landmarks(x: Sequences, entries: Sequence[Entry], noun: Noun, kind: LandmarkKind) -> list[str]:
    """Return a note where sequences, landmarks in their last columns, have none: these are all zero."""
    columns = len(face_shape(kind).points) + N_POSE_COLUMNS
    lost = []
    for begin in range(0, len(entries), _AT_ONCE):
        some = zip(entries[begin : begin + _AT_ONCE], np.asarray(x[begin : begin + _AT_ONCE]), strict=True)
        lost += [entry.id for entry, one in some if not one[:, :, -columns:].any()]
    if not lost:
        return []
    named = ", ".join(lost[:3]) + (", ..." if len(lost) > 3 else "")
    return [f"no landmarks were found in {noun.counted(len(lost))}, which count as the mean face: {named}"]


def neutral_by_subject(store: Store) -> dict[str, str]:
    """Return the first neutral recording of each subject that has one, by subject."""
    usable = [entry for entry in store.entries if entry.neutral and entry.error is None]
    return {entry.subject: entry.id for entry in reversed(usable)}


def _calibrated(store: Store, entries: list[Entry], notes: list[str], noun: Noun) -> list[Entry]:
    """Return the entries that can be compared with another recording of their subject, and note what is left out."""
    by_subject = neutral_by_subject(store)
    known = [entry for entry in entries if entry.subject in by_subject]
    if not known:
        raise DataError(
            "no subject has a neutral recording to calibrate with",
            store.path,
            "mark one of each subject in the manifest's column neutral, or set calibration = none",
        )
    left = [entry for entry in known if entry.id not in by_subject.values()]
    notes.append(
        "calibrated by person: landmarks are relative to a neutral recording of the same subject, which is neither "
        "trained on nor tested; not to be compared with figures without it"
    )
    if len(known) < len(entries):
        people = {entry.subject for entry in entries} - by_subject.keys()
        n_left_out = len(entries) - len(known)
        notes.append(f"{noun.counted(n_left_out)} of {len(people)} subjects without a neutral one left out")
    return left


def _read_augmented(
    store: Store, entries: Sequence[Entry], recipe: Experiment, console: Console
) -> NDArray[np.float32] | None:
    """Return features of augmented versions of the images; images themselves are augmented in training."""
    if recipe.input != "features" or recipe.image_augmentation.changes_nothing:
        return None
    versions = [
        features.read(
            store,
            entries,
            recipe.features,
            recipe.sequence,
            console,
            augmentation=features.Augmented(recipe.image_augmentation, recipe.seed, number),
        )
        for number in range(recipe.image_augmentation.passes)
    ]
    return np.stack(versions, axis=1)


def _label(entry: Entry) -> str:
    assert entry.label is not None  # only labeled entries take part
    return entry.label


def _usable(store: Store, recipe: Experiment) -> tuple[list[Entry], list[str]]:
    """Return the usable entries, sorted by id, and notes on those that are left out."""
    check_landmark_kind(recipe, store.pipeline.get("landmarks", {}).get("kind", "none"), where=store.path)
    notes, noun = _pipeline_notes(store, recipe), noun_in(recipe)
    _check_test_subjects(store, recipe.protocol)
    wanted = [entry for entry in store.entries if coded(entry, recipe)]
    entries = [entry for entry in wanted if entry.error is None]
    if len(entries) < len(wanted):
        notes.append(f"{noun.counted(len(wanted) - len(entries))} failed in preprocessing and left out")
    if recipe.calibration == "neutral":
        entries = _calibrated(store, entries, notes, noun)
    if recipe.sequence.overflow == "drop":
        long = set(too_long([n_steps(entry, recipe.input) for entry in entries], recipe.sequence))
        entries = [entry for place, entry in enumerate(entries) if place not in long]
        if long:
            limit = recipe.sequence.length_frames
            notes.append(f"{noun.counted(len(long))} of more than {limit} frames of motion left out before balancing")
    if recipe.predicts_units:
        return _with_codes(store, entries), notes
    present = in_order(map(_label, entries))
    if not present:
        raise DataError(f"no {noun.one} to use has a label", store.path, _NEED_LABELS)
    known = ", ".join(present)
    if missing := [label for label in recipe.classes if label not in present]:
        what = f"no {noun.one} to use shows {', '.join(missing)}; the classes there are: {known}"
        raise DataError(what, store.path, "change the experiment's classes, or prepare a store with all of them")
    if len(present) < 2:
        raise DataError(f"two classes are the least; those there are: {known}", store.path, "bring labeled recordings")
    return entries, notes


def _with_codes(store: Store, entries: list[Entry]) -> list[Entry]:
    if len(entries) < 2:
        what = f"{counted(len(entries), 'recording')} with FACS codes cannot be divided"
        raise DataError(what, store.path, NEED_CODES)
    return entries


def _pipeline_notes(store: Store, recipe: Experiment) -> list[str]:
    """Return a note where the store was made with another pipeline, or with other values of the one that is named."""
    name = store.pipeline.get("name")
    if name != Path(recipe.pipeline).stem:
        return [f"the experiment asks for the pipeline {recipe.pipeline}, the store was made with {name}"]
    try:
        # the experiment may be that of a run, whose plug-ins are not loaded for a note
        asked = load_pipeline(recipe.pipeline, named_by_person=False).model_dump(mode="json")
    except CallError:  # a file that is no longer there
        return []
    # what a store keeps beside its projections changes none of them
    there, here = ({key: store.pipeline.get(key) for key in _STAGES}, {key: asked[key] for key in _STAGES})
    found = differences(there, here, "pipeline") if there["motion"] else []
    if not found:
        return []
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    changed = "; ".join(line.replace(" there and ", " in the store and ").removesuffix(" here") for line in found[:3])
    return [f"the store was made with other values of the pipeline {name}: {changed} in the recipe{more}"]


def _check_test_subjects(store: Store, protocol: ProtocolConfig) -> None:
    """Refuse names in ``protocol.test_subjects`` that nobody in the store has."""
    if protocol.kind != "subject_holdout" or not protocol.test_subjects:
        return
    known = {entry.subject for entry in store.entries}
    if unknown := [name for name in protocol.test_subjects if name not in known]:
        raise DataError(
            f"protocol.test_subjects lists {', '.join(unknown)}, and the store has no such subject",
            store.path,
            f"{did_you_mean(unknown[0], known)}remove who is not in the data",
        )


def noun_in(recipe: Experiment) -> Noun:
    """Return what the things of an experiment are called."""
    return noun_for(kind=recipe.input, length_frames=recipe.sequence.length_frames)


def _check_lengths(entries: Sequence[Entry], recipe: Experiment) -> None:
    """Name the sequences that are too long; a stream knows only how long they are."""
    if recipe.sequence.overflow != "error":
        return
    lengths = [n_steps(entry, recipe.input) for entry in entries]
    if long := too_long(lengths, recipe.sequence):
        first = ", ".join(f"{entries[place].id} ({lengths[place]})" for place in long[:3])
        more = f" and {len(long) - 3} more" if len(long) > 3 else ""
        raise DataError(
            f"longer than {recipe.sequence.length_frames} frames of motion: {first}{more}",
            fix="set sequence.overflow to drop, cut_start, cut_end or resample",
        )


def _examples(store: Store, entries: Mapping[str, Entry]) -> list[Example]:
    return [
        Example(entry.id, label, store.faces(entry.id), store.blobs(entry.id), store.projections(entry.id))
        for label, entry in entries.items()
        if all(store.has(entry.id, name) for name in ("faces", "blobs", "projections"))
    ]
