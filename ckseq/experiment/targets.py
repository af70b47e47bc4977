"""What an experiment predicts of a recording: its class, or which of its action units are there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import CallError
from ckseq.experiment.recipe import Experiment
from ckseq.facs import code_text, unit_order
from ckseq.labels import in_order
from ckseq.protocol.holdout import Case
from ckseq.recording import Recording
from ckseq.storage.store_entry import Entry


def coded(entry: Entry | Recording, recipe: Experiment) -> bool:
    """Return whether it is known what an experiment predicts of a recording."""
    if recipe.predicts_units:
        return entry.action_units is not None
    return entry.label is not None and (not recipe.classes or entry.label in recipe.classes)


def truth_of(entry: Entry, labels: Sequence[str], recipe: Experiment) -> str:
    """Return the truth as predictions.csv has it: the class, or the FACS code of those units that are learned."""
    return code_text(_units(entry, labels)) if recipe.predicts_units else str(entry.label)


def codes_of(entries: Sequence[Entry], labels: Sequence[str], recipe: Experiment) -> NDArray[np.int_]:
    """Return what a model is trained on: indices of classes (n,), or for each unit 0 or 1 (n, n_units)."""
    if recipe.predicts_units:
        units = [_units(entry, labels) for entry in entries]
        return np.array([[label in own for label in labels] for own in units], int).reshape(-1, len(labels))
    return np.array([labels.index(str(entry.label)) for entry in entries], int)


def decided(row: NDArray[np.floating[Any]], labels: Sequence[str], recipe: Experiment) -> str:
    """Return the most probable class, or the FACS code of the units with a probability of at least 0.5."""
    if recipe.predicts_units:
        return code_text([label for label, p in zip(labels, row, strict=True) if p >= 0.5])
    return labels[int(row.argmax())]


def case_of(entry: Entry | Recording, labels: Sequence[str], recipe: Experiment) -> Case:
    """Return what the protocol has to know of a recording."""
    shown = tuple(sorted(_units(entry, labels))) if recipe.predicts_units else str(entry.label)
    return Case(entry.id, entry.subject, shown, entry.part)


class LabelChoice(NamedTuple):
    """The labels that are predicted, in the order of the outputs, and notes on those that are left out."""

    labels: tuple[str, ...]
    notes: tuple[str, ...] = ()


def labels_of(entries: Sequence[Entry] | Sequence[Recording], recipe: Experiment) -> LabelChoice:
    """Return the classes that entries show, or the action units that enough of them show and lack."""
    if not recipe.predicts_units:
        return LabelChoice(in_order(str(entry.label) for entry in entries))
    counts: Counter[str] = Counter()
    subjects: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for one in entry.action_units or ():
            counts[one.unit] += 1
            subjects[one.unit].add(entry.subject)
    kept = [unit for unit, n in counts.items() if recipe.min_positives <= n < len(entries) and len(subjects[unit]) > 1]
    rare = [f"{unit} ({counts[unit]})" for unit in unit_order(counts) if unit not in kept]
    less = f"shown by fewer than {recipe.min_positives} sequences, by one subject or by all"
    return LabelChoice(unit_order(kept), (f"action units left out, {less}: {', '.join(rare)}",) if rare else ())


def check_classes(recipe: Experiment, command: str) -> None:
    """Refuse an experiment on action units in a command that can only do classes.

    Raises
    ------
    CallError
        It is one.
    """
    if recipe.predicts_units:
        raise CallError(
            f"'ckseq {command}' works on classes, and the experiment {recipe.name} predicts action units",
            fix="use 'ckseq train', 'crossval', 'report' or 'predict', or name an experiment on classes",
        )


def _units(entry: Entry | Recording, labels: Sequence[str]) -> set[str]:
    return {one.unit for one in entry.action_units or ()}.intersection(labels)
