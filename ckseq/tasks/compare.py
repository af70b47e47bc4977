"""``ckseq compare``: paired tests and confidence intervals for runs on the same test sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.errors import CallError
from ckseq.grammar import agreeing
from ckseq.report.compare_page import render_comparison
from ckseq.report.differences import draw_differences
from ckseq.report.paired_runs import Pair, Side, pairs_of, short_names
from ckseq.report.uncertainty import TEST_NAMES
from ckseq.report.wording import Noun, noun_of
from ckseq.storage.complete_run import read_complete_run
from ckseq.storage.files import write_bytes, write_text

PAGE = "comparison.html"


def compare(
    paths: Sequence[Path], *, anyway: bool, picture: Path | None, out: Path | None = None, console: Console
) -> dict[str, Any]:
    """Compare runs in pairs; one paired test decides on each pair.

    Parameters
    ----------
    paths : sequence of Path
        Two run folders or more.
    anyway : bool
        Compare runs of different protocols, too, on their common sequences, with a warning.
    picture : Path, optional
        PNG file to draw the differences into.
    out : Path, optional
        Folder to write ``comparison.html`` into.
    console : Console

    Returns
    -------
    dict
        ``runs`` with their ``accuracy`` on the common sequences, its ``interval`` and ``interval_method``; ``pairs``
        with ``difference``, ``interval`` (None where it has no width), ``test`` (the one that decides), ``p_value``,
        ``p_holm``, ``significant``, ``won``, ``lost``, ``mcnemar`` (secondary where it is not the test) and a
        ``sentence``; ``n``, ``n_subjects`` (None where unknown), ``notes``.

    Raises
    ------
    CallError
        There are fewer than two runs, or they are of different protocols or test sequences, or ``out`` is a file.
    DataError
        A run cannot be read or is not complete.
    """
    if len(paths) < 2:
        raise CallError("one run cannot be compared", fix="name two or more run folders")
    if len(set(paths)) < len(paths):
        raise CallError("a run is listed twice", fix="name different run folders")
    if out is not None and out.is_file():
        raise CallError("is a file", out, "name a folder")
    sides = [Side.of(name, *read_complete_run(path)) for name, path in zip(short_names(paths), paths, strict=True)]
    notes = _unlike(sides)
    if notes and not anyway:
        raise CallError(
            f"these runs cannot be compared: {'; '.join(notes)}", fix="--anyway compares them on their common sequences"
        )
    ids = sorted(set.intersection(*(set(side.answers) for side in sides)))
    ids = [id for id in ids if len({side.truth(id) for side in sides}) == 1]
    noun = noun_of(sides[0].record)
    if not ids:
        raise CallError(f"these runs have no common test {noun.one}", fix="compare runs of the same protocol")
    if notes:
        notes = [*notes, f"compared on their {len(ids)} common {noun.form(len(ids))}"]
        for note in notes:
            console.warn(note)
    pairs = pairs_of(sides, ids, confidence=CONFIDENCE)
    _say(console, sides, ids, pairs, noun)
    if picture is not None:
        write_bytes(picture, draw_differences(pairs))
    if out is not None:
        page = render_comparison(sides, ids, pairs, notes, dict(zip(short_names(paths), map(str, paths), strict=True)))
        write_text(out / PAGE, page)
        console.say(f"Comparison: {out / PAGE}")
    return {
        "schema": 2,
        "n": len(ids),
        "n_subjects": pairs[0].compared.difference.n_subjects,
        "notes": notes,
        "runs": [_run_tree(side, path, ids) for side, path in zip(sides, paths, strict=True)],
        "pairs": [_pair_tree(pair) for pair in pairs],
        **({"picture": str(picture)} if picture else {}),
        **({"page": str(out / PAGE)} if out else {}),
    }


def _unlike(sides: Sequence[Side]) -> list[str]:
    """Return the reasons why runs are not comparable with the first."""
    first = sides[0]
    notes = []
    for other in sides[1:]:
        mine, theirs = first.record.protocol, other.record.protocol
        if (other.record.value("calibration") or "none") != (first.record.value("calibration") or "none"):
            notes.append(f"one of {first.name} and {other.name} is calibrated by person, and the other is not")
        if other.record.labels != first.record.labels:
            notes.append(f"{first.name} and {other.name} have different classes")
        if mine.kind != theirs.kind:
            notes.append(f"{first.name} has the protocol {mine.kind}, {other.name} {theirs.kind}")
        elif mine.digest != theirs.digest:
            notes.append(f"{first.name} and {other.name} have different folds")
        noun = noun_of(first.record)
        if only := len(first.answers.keys() ^ other.answers.keys()):
            were = agreeing(only, "was", "were")
            notes.append(f"{noun.counted(only)} {were} tested in only one of {first.name} and {other.name}")
        if n := sum(first.truth(id) != other.truth(id) for id in first.answers.keys() & other.answers.keys()):
            have = agreeing(n, "has", "have")
            notes.append(f"{noun.counted(n)} {have} another true class in {other.name} than in {first.name}")
    return notes


def _run_tree(side: Side, path: Path, ids: Sequence[str]) -> dict[str, Any]:
    accuracy, interval, method = side.accuracy(ids, confidence=CONFIDENCE)
    return {
        "run": str(path),
        "name": side.name,
        "accuracy": accuracy,
        "interval": list(interval),
        "interval_method": method.kind,
    }


def _pair_tree(pair: Pair) -> dict[str, Any]:
    difference, p_holm = pair.compared
    return {
        "first": pair.first.name,
        "second": pair.second.name,
        "difference": difference.difference,
        "interval": None if difference.interval is None else list(difference.interval),
        "test": difference.test,
        "p_value": difference.p_value,
        "p_holm": p_holm,
        "significant": pair.significant,
        "won": difference.won,
        "lost": difference.lost,
        "mcnemar": None if math.isnan(difference.mcnemar) else difference.mcnemar,
        "sentence": pair.sentence,
    }


def _say(console: Console, sides: Sequence[Side], ids: Sequence[str], pairs: Sequence[Pair], noun: Noun) -> None:
    title = f"{len(ids)} test {noun.form(len(ids))}"
    table = Table(title=title, title_justify="left", title_style="dim", box=None)
    for name in ("run", "model", "protocol", "accuracy", "95 % interval", "by"):
        table.add_column(name, justify="right" if name == "accuracy" else "left")
    rows = [(side, *side.accuracy(ids, confidence=CONFIDENCE)) for side in sides]
    for side, accuracy, interval, method in sorted(rows, key=lambda row: -row[1]):
        ends = f"{interval.low:.2f} to {interval.high:.2f}"
        record = side.record
        table.add_row(Text(side.name), record.model_kind, record.protocol.kind, f"{accuracy:.3f}", ends, method.word)
    console.say(table)
    console.say(_pair_table(pairs))
    for pair in pairs:
        console.say(pair.sentence)
    if any(_has_secondary(pair) for pair in pairs):
        console.say(
            "McNemar's test is secondary here: it takes sequences of one person for independent, and decides nothing"
        )


def _pair_table(pairs: Sequence[Pair]) -> Table:
    decides = " and ".join(dict.fromkeys(TEST_NAMES[pair.compared.difference.test] for pair in pairs))
    table = Table(title=f"pairs; {decides}", title_justify="left", title_style="dim", box=None)
    columns = ["difference", "95 % interval", "won", "lost", "p"]
    columns += ["p (Holm)"] if len(pairs) > 1 else []
    columns += ["p (McNemar, secondary)"] if any(map(_has_secondary, pairs)) else []
    table.add_column("pair", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right")
    for pair in pairs:
        d, p_holm = pair.compared
        cells = {
            "difference": f"{d.difference:+.3f}",
            "95 % interval": f"{d.interval.low:+.3f} to {d.interval.high:+.3f}" if d.interval else "none",
            "won": str(d.won),
            "lost": str(d.lost),
            "p": f"{d.p_value:.2g}",
            "p (Holm)": f"{p_holm:.2g}",
            "p (McNemar, secondary)": f"{d.mcnemar:.2g}" if _has_secondary(pair) else "",
        }
        table.add_row(Text(pair.name), *(cells[name] for name in columns))
    return table


def _has_secondary(pair: Pair) -> bool:
    difference = pair.compared.difference
    return difference.test == "permutation" and not math.isnan(difference.mcnemar)
