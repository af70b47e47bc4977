"""The page that compares runs: one HTML file that loads nothing, with the tests, every class and what changed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ckseq.config import differences
from ckseq.grammar import counted
from ckseq.report.paired_runs import Pair, Side, changed
from ckseq.report.templates import template
from ckseq.report.uncertainty import named_test
from ckseq.report.wording import Noun, between, noun_of, percent

MOST_LISTED = 200
"""Of each pair, the page lists at most this many changed sequences; the two predictions.csv hold all."""


def render_comparison(
    sides: Sequence[Side], ids: Sequence[str], pairs: Sequence[Pair], notes: Sequence[str], paths: Mapping[str, str]
) -> str:
    """Return the comparison of runs as one HTML page that stands alone.

    Parameters
    ----------
    sides : sequence of Side
        Two or more.
    ids : sequence of str
        The recordings that all of them tested.
    pairs : sequence of Pair
        Of these sides, on these recordings.
    notes : sequence of str
        What makes the runs unlike each other.
    paths : mapping of str to str
        The folder of each side by its name.

    Returns
    -------
    str
        HTML; all text from the runs is escaped.
    """
    noun, confidence = noun_of(sides[0].record), pairs[0].confidence
    page: str = template("compare_page.html").render(
        noun=noun,
        n=len(ids),
        names=[side.name for side in sides],
        confidence=percent(confidence),
        notes=notes,
        runs=[_run_row(side, ids, confidence, noun, paths[side.name]) for side in sides],
        reach=_reach(pairs),
        pairs=[_pair(pair, ids, noun) for pair in pairs],
        classes=_class_rows(sides, ids),
        most_listed=MOST_LISTED,
    )
    return page


def _run_row(side: Side, ids: Sequence[str], confidence: float, noun: Noun, path: str) -> dict[str, Any]:
    accuracy, interval, method = side.accuracy(ids, confidence=confidence)
    record = side.record
    return {
        "name": side.name,
        "path": path,
        "accuracy": accuracy,
        "interval": interval,
        "between": between(interval),
        "method": noun.reworded(method.name),
        "experiment": record.experiment_name,
        "model": record.model_kind,
        "protocol": record.protocol.kind,
        "seeds": counted(len(record.seeds), "seed") if len(record.seeds) != 1 else f"seed {record.seeds[0]}",
    }


def _reach(pairs: Sequence[Pair]) -> float:
    """Return the largest difference on the common scale of all pairs, at least a tenth."""
    ends = [abs(end) for pair in pairs for end in pair.compared.difference.interval or ()]
    return max([0.1, *ends, *(abs(pair.compared.difference.difference) for pair in pairs)])


def _pair(pair: Pair, ids: Sequence[str], noun: Noun) -> dict[str, Any]:
    difference, p_holm = pair.compared
    found = changed(pair, ids)
    lost = sum(one.better == "first" for one in found)
    secondary = difference.test == "permutation" and not math.isnan(difference.mcnemar)
    seeds = max(len(side.record.seeds) for side in (pair.first, pair.second))
    settings = differences(pair.first.record.experiment, pair.second.record.experiment, "")
    return {
        "pair": pair,
        "difference": difference,
        "p_holm": p_holm,
        "tested": named_test(difference),
        "secondary": f"{difference.mcnemar:.2g}" if secondary else "",
        "changed": found[:MOST_LISTED],
        "n_changed": noun.counted(len(found)),
        "n_lost": lost,
        "n_won": len(found) - lost,
        "lost": "less often right" if seeds > 1 else "right → wrong",
        "won": "more often right" if seeds > 1 else "wrong → right",
        "settings": [_setting(line, pair) for line in settings if not line.startswith((".name ", ".question "))],
    }


def _setting(line: str, pair: Pair) -> str:
    """Return a line of `ckseq.config.differences` with the names of the runs."""
    found = re.fullmatch(r"\.(\S+) is (.*) there and (.*) here", line)
    if found is None:
        return line.lstrip(".")
    first, second = ("not set" if value == "None" else value for value in found.groups()[1:])
    return f"{found[1]}: {first} in {pair.first.name}, {second} in {pair.second.name}"


def _class_rows(sides: Sequence[Side], ids: Sequence[str]) -> list[dict[str, Any]]:
    truth = [sides[0].truth(id) for id in ids]
    rows = []
    for label in (label for label in sides[0].labels if label in truth):
        own = [id for id, its in zip(ids, truth, strict=True) if its == label]
        recalls = [float(side.right(own).mean()) for side in sides]
        best = max(recalls)
        cells = [{"recall": recall, "right": recall * len(own), "best": recall == best} for recall in recalls]
        rows.append({"label": label, "n": len(own), "cells": cells, "apart": best - min(recalls)})
    return rows
