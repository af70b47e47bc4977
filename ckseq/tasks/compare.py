"""``ckseq compare``: paired tests and confidence intervals for runs on the same test sequences."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.errors import CallError
from ckseq.protocol.comparison import Difference, holm
from ckseq.protocol.comparison import compare as compare_answers
from ckseq.report.differences import draw_differences
from ckseq.report.wording import noun_of
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import write_bytes
from ckseq.storage.run_record import RunRecord

_DRAWS = 10_000


@dataclass(frozen=True)
class Side:
    """A run to compare: its name, its record, and the share of correct predictions of each recording over seeds."""

    name: str
    facts: RunRecord
    right: Mapping[str, float]
    truth: Mapping[str, str]
    subject: Mapping[str, str]


def compare(paths: Sequence[Path], *, anyway: bool, picture: Path | None, console: Console) -> dict[str, Any]:
    """Compare runs in pairs: exact McNemar test, permutation test over subjects, interval of the difference.

    Parameters
    ----------
    paths : sequence of Path
        Two run folders or more.
    anyway : bool
        Compare runs of different protocols, too, on their common sequences, with a warning.
    picture : Path, optional
        PNG file to draw the differences into.
    console : Console

    Returns
    -------
    dict
        ``runs`` with their ``accuracy`` on the common sequences, ``pairs`` with ``difference``, ``interval``, ``won``,
        ``lost``, ``mcnemar``, ``permutation``, ``permutation_holm`` and a ``sentence``; ``n``, ``n_subjects``,
        ``notes``.

    Raises
    ------
    CallError
        There are fewer than two runs, or they are of different protocols or test sequences.
    DataError
        A run cannot be read or is not complete.
    """
    if len(paths) < 2:
        raise CallError("one run cannot be compared", fix="name two or more run folders")
    if len(set(paths)) < len(paths):
        raise CallError("a run is listed twice", fix="name different run folders")
    sides = [_side(path) for path in paths]
    notes = _unlike(sides)
    if notes and not anyway:
        raise CallError(
            f"these runs cannot be compared: {'; '.join(notes)}", fix="--anyway compares them on their common sequences"
        )
    common = sorted(set.intersection(*(set(side.right) for side in sides)))
    common = [id for id in common if len({side.truth[id] for side in sides}) == 1]
    if not common:
        raise CallError("these runs have no common test sequence", fix="compare runs of the same protocol")
    if notes:
        notes = [*notes, f"compared on their {len(common)} common {noun_of(sides[0].facts).many}"]
        for note in notes:
            console.warn(note)
    pairs = _pairs(sides, common)
    said = [_sentence(one, sure) for one, sure in pairs]
    _say(console, sides, common, pairs)
    for sentence in said:
        console.say(sentence)
    if picture is not None:
        labeled = [(f"{two.name} − {one.name}", difference) for (one, two, difference), _ in pairs]
        write_bytes(picture, draw_differences(labeled, confidence=CONFIDENCE))
    return {
        "schema": 1,
        "n": len(common),
        "n_subjects": pairs[0][0][2].n_subjects,
        "notes": notes,
        "runs": [{"run": side.name, "accuracy": _accuracy(side, common)} for side in sides],
        "pairs": [
            {**_tree(one), "permutation_holm": sure, "sentence": sentence}
            for (one, sure), sentence in zip(pairs, said, strict=True)
        ],
        **({"picture": str(picture)} if picture else {}),
    }


Pair = tuple[Side, Side, Difference]


def _side(path: Path) -> Side:
    facts, predictions = read_complete_run(path)
    answers: dict[str, list[bool]] = {}
    truth, subject = {}, {}
    for row in predictions.rows:
        answers.setdefault(row.recording, []).append(row.truth == row.predicted)
        truth[row.recording], subject[row.recording] = row.truth, row.subject
    return Side(str(path), facts, {id: float(np.mean(right)) for id, right in answers.items()}, truth, subject)


def _unlike(sides: Sequence[Side]) -> list[str]:
    """Return the reasons why runs are not comparable with the first."""
    first = sides[0]
    notes = []
    for other in sides[1:]:
        mine, theirs = first.facts.protocol, other.facts.protocol
        if (other.facts.value("calibration") or "none") != (first.facts.value("calibration") or "none"):
            notes.append(f"one of {first.name} and {other.name} is calibrated by person, and the other is not")
        if other.facts.labels != first.facts.labels:
            notes.append(f"{first.name} and {other.name} have different classes")
        if mine.kind != theirs.kind:
            notes.append(f"{first.name} has the protocol {mine.kind}, {other.name} {theirs.kind}")
        elif mine.digest != theirs.digest:
            notes.append(f"{first.name} and {other.name} have different folds")
        if set(other.right) != set(first.right):
            only = len(set(first.right) ^ set(other.right))
            notes.append(f"{only} sequences were tested in only one of {first.name} and {other.name}")
        if other_truth := sum(other.truth[id] != label for id, label in first.truth.items() if id in other.truth):
            notes.append(f"{other_truth} sequences have another true class in {other.name} than in {first.name}")
    return notes


def _pairs(sides: Sequence[Side], common: Sequence[str]) -> list[tuple[Pair, float]]:
    found: list[Pair] = []
    for one, two in itertools.combinations(sides, 2):
        right = [np.array([side.right[id] for id in common]) for side in (one, two)]
        people = [one.subject[id] for id in common]
        difference = compare_answers(
            right[0], right[1], people, n_draws=_DRAWS, confidence=CONFIDENCE, rng=np.random.default_rng(0)
        )
        found.append((one, two, difference))
    return list(zip(found, holm([difference.permutation for _, _, difference in found]), strict=True))


def _sentence(pair: Pair, sure: float) -> str:
    one, two, d = pair
    low, high = d.interval
    between = f"{d.difference:+.3f} ({low:+.3f} to {high:+.3f}, 95 % bootstrap interval over {d.n_subjects} subjects)"
    if sure < 1 - CONFIDENCE and (low > 0 or high < 0):
        better, worse = (two, one) if d.difference > 0 else (one, two)
        return f"{better.name} is better than {worse.name}: {between}, p = {sure:.2g} (permutation test)"
    return f"{one.name} and {two.name} do not differ significantly: {between}, p = {sure:.2g}"


def _tree(pair: Pair) -> dict[str, Any]:
    one, two, d = pair
    return {
        "first": one.name,
        "second": two.name,
        "difference": d.difference,
        "interval": list(d.interval),
        "won": d.won,
        "lost": d.lost,
        "mcnemar": None if math.isnan(d.mcnemar) else d.mcnemar,
        "permutation": d.permutation,
    }


def _accuracy(side: Side, common: Sequence[str]) -> float:
    return float(np.mean([side.right[id] for id in common]))


def _say(console: Console, sides: Sequence[Side], common: Sequence[str], pairs: list[tuple[Pair, float]]) -> None:
    many = noun_of(sides[0].facts).many
    table = Table(title=f"{len(common)} test {many}", title_justify="left", title_style="dim", box=None)
    for name in ("run", "model", "protocol", "accuracy"):
        table.add_column(name, justify="right" if name == "accuracy" else "left")
    for side in sorted(sides, key=lambda side: -_accuracy(side, common)):
        table.add_row(
            Text(side.name), side.facts.model_kind, side.facts.protocol.kind, f"{_accuracy(side, common):.3f}"
        )
    console.say(table)
    table = Table(title="pairs", title_justify="left", title_style="dim", box=None)
    for name in ("second − first", "95 % interval", "won", "lost", "p (McNemar)", "p (permutation)", "p (Holm)"):
        table.add_column(name, justify="right")
    for (_, _, d), sure in pairs:
        known = "several seeds" if math.isnan(d.mcnemar) else f"{d.mcnemar:.2g}"
        ends = f"{d.interval.low:+.3f} to {d.interval.high:+.3f}"
        table.add_row(
            f"{d.difference:+.3f}", ends, str(d.won), str(d.lost), known, f"{d.permutation:.2g}", f"{sure:.2g}"
        )
    console.say(table)
