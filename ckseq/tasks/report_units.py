"""``ckseq report`` for a run on action units: tables, figures and an HTML page."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from rich.table import Table

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.protocol.unit_scores import UnitScores
from ckseq.report.curves import draw_loss
from ckseq.report.paper import FOLDER, paper_of_units
from ckseq.report.unit_page import render_unit_page
from ckseq.report.units import (
    draw_units,
    intensity_scores,
    unit_baseline_sentences,
    unit_name,
    unit_scores,
    units_banner,
    units_csv,
    units_headline,
    units_json,
    units_tree,
    unmeasured_sentence,
)
from ckseq.report.wording import between
from ckseq.storage.complete_run import checked_history, read_complete_run
from ckseq.storage.facs_codes import read_checked_codes
from ckseq.storage.files import write_bytes


def report_units(run: Path, *, console: Console) -> dict[str, Any]:
    """Write table, figures and page of a run on action units into its folder.

    Parameters
    ----------
    run : path
    console : Console
        Prints the headline and the table.

    Returns
    -------
    dict
        The scores, and under ``files`` the path of every file that was written.

    Raises
    ------
    DataError
        The folder is no run on action units, or a file in it is incomplete or of another version.
    """
    facts, predictions = read_complete_run(run, of_units=True)
    scores = unit_scores(predictions, confidence=CONFIDENCE)
    intensities = intensity_scores(predictions, read_checked_codes(run, facts), confidence=CONFIDENCE)
    pictures = {"units": draw_units(scores)}
    if epochs := checked_history(run, facts):
        pictures["loss"] = draw_loss(epochs, validation=facts.value("training.validation") or "none")
    paper = paper_of_units(facts, predictions, scores)
    texts = {
        "unit_scores.csv": units_csv(scores),
        "unit_scores.json": units_json(scores, intensities, facts.unit_baselines),
        "report.html": render_unit_page(facts, scores, intensities, pictures, paper=paper),
        **{f"{FOLDER}/{name}": text for name, text in paper.files.items()},
    }
    written = {f"{name}.png": data for name, data in pictures.items()} | {name: t.encode() for name, t in texts.items()}
    for name, data in written.items():
        write_bytes(run / name, data)
    console.say(units_headline(scores, facts.unit_baselines))
    if nothing_yet := units_banner(scores, facts.unit_baselines):
        console.warn(nothing_yet)
    console.say(_table(scores))
    if unmeasured := unmeasured_sentence(scores):
        console.say(unmeasured)
    for sentence in unit_baseline_sentences(facts.unit_baselines):
        console.say(sentence)
    if facts.protocol.shared_subjects:
        console.warn(facts.protocol.sentence)
    console.say(f"Report: {run / 'report.html'}")
    return {
        "run": str(run),
        "nothing_yet": nothing_yet,
        **units_tree(scores, intensities, facts.unit_baselines),
        "report": str(run / "report.html"),
        "files": {name: str(run / name) for name in sorted(written)},
    }


def _table(scores: UnitScores) -> Table:
    table = Table(title="action units", title_justify="left", title_style="dim", box=None)
    for name in ("AU", "name"):
        table.add_column(name)
    for name in ("sequences with it", "AUC", f"95 % interval by {scores.resampled}", "F1", "F1, always predicted"):
        table.add_column(name, justify="right")
    for one in scores.units:
        values = (
            "–" if math.isnan(one.auc) else f"{one.auc:.2f}",
            between(one.interval),
            f"{one.f1:.2f}",
            f"{one.f1_always:.2f}",
        )
        table.add_row(one.unit, unit_name(one.unit), str(one.n_positives), *values)
    return table
