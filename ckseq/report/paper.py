"""What a paper needs of a run: a methods paragraph, references, and tables as LaTeX and CSV."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from ckseq.facs import UNITS
from ckseq.protocol.intervals import Interval, is_known
from ckseq.protocol.score import Scores
from ckseq.protocol.unit_scores import UnitScores
from ckseq.report import latex
from ckseq.report.bibliography import bibtex, cited, plain
from ckseq.report.bibliography import latex as as_latex
from ckseq.report.methods import MethodsText, written_methods
from ckseq.report.replication import replication_card
from ckseq.report.tables import told
from ckseq.report.templates import packaged, template
from ckseq.report.trust import NAMES, Trust
from ckseq.report.wording import between, noun_of, percent
from ckseq.storage.files import csv_text
from ckseq.storage.predictions import Predictions
from ckseq.storage.run_record import RunRecord

FOLDER = "paper"
"""The folder in a run that holds the files for a paper."""


class Table(NamedTuple):
    """A table with its caption: headings and cells of print, and those of the CSV, which has all digits."""

    name: str
    caption: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    columns: tuple[str, ...]
    values: Sequence[Sequence[object]]


class Paper(NamedTuple):
    """The files for a paper by name, and the lines of what only its authors can add."""

    files: Mapping[str, str]
    to_add: tuple[str, ...]


def paper_of(run: RunRecord, predictions: Predictions, scores: Scores, found: Trust) -> Paper:
    """Return what a paper needs of a run on classes; the same run gives the same bytes."""
    card = replication_card(run, scores)
    written = written_methods(
        run,
        predictions,
        interval_method=scores.method.kind,
        confidence=scores.confidence,
        follows=card.sentence if card else "",
    )
    test = f"{scores.n // scores.repeats} test {noun_of(run).many}"
    tables = (_metrics(found, scores, test), _classes(scores, test), _confusion(scores, test))
    # the captions speak of sequences until here
    worded = tuple(one._replace(caption=noun_of(run).reworded(one.caption)) for one in tables)
    return _paper(run, written, worded)


def paper_of_units(run: RunRecord, predictions: Predictions, scores: UnitScores) -> Paper:
    """Return what a paper needs of a run on action units; the same run gives the same bytes."""
    written = written_methods(
        run, predictions, interval_method=f"bootstrap_by_{scores.resampled}", confidence=scores.confidence, follows=""
    )
    return _paper(run, written, (_units(scores),))


def section_html(paper: Paper) -> Markup:
    """Return the section of the page; all text is escaped."""
    shown = {name: text for name, text in paper.files.items() if not name.endswith(".csv")}
    csv = sorted(set(paper.files) - set(shown))
    html = template("paper.html").render(shown=shown, csv=csv, folder=FOLDER, to_add=paper.to_add)
    return Markup(html)


def script() -> str:
    """Return the script of its copy buttons."""
    return packaged("paper.js")


def _paper(run: RunRecord, written: MethodsText, tables: Sequence[Table]) -> Paper:
    version = run.ckseq_version
    files = {
        "methods.txt": plain(written.text, version=version) + "\n",
        "methods.tex": as_latex(written.text) + "\n",
        "references.bib": bibtex(cited(written.text), version=version),
        "tables.tex": "% needs \\usepackage{booktabs}\n" + "\n".join(map(_as_latex, tables)),
    }
    return Paper(files | {f"{one.name}.csv": csv_text(one.columns, one.values) for one in tables}, written.to_add)


def _as_latex(one: Table) -> str:
    return latex.table(one.headings, one.rows, caption=one.caption, label=one.name.replace("_", "-"))


def _metrics(found: Trust, scores: Scores, test: str) -> Table:
    rows, values = [], []
    for key, name in NAMES.items():
        mean, ends = found.mean[key], found.interval[key]
        none = math.isnan(ends.low)
        rows.append((name, _rate(mean, 3), "" if none else f"{ends.low:.3f} to {ends.high:.3f}"))
        values.append((key, _known(mean), _known(ends.low), _known(ends.high)))
    level = percent(scores.confidence)
    caption = (
        f"Scores on {test} with {level} confidence intervals: of the accuracy by {scores.method.short}, of the others, "
        f"except the calibration error, by a bootstrap over {found.resampled}."
    )
    headings = ("metric", "value", f"{level} interval")
    return Table("metrics", caption, headings, rows, ("metric", "value", "low", "high"), values)


def _classes(scores: Scores, test: str) -> Table:
    per_class = scores.per_class
    rows, values = [], []
    for i, label in enumerate(scores.labels):
        numbers = [float(column[i]) for column in (per_class.precision, per_class.recall, per_class.f1)]
        interval, support = scores.recall_intervals[i], int(per_class.support[i])
        ends = "" if interval is None else between(interval)
        printed = (f"{numbers[0]:.2f}", told(numbers[1], support), ends, told(numbers[2], support))
        rows.append((label, *printed, str(support)))
        known = (*numbers[:2], *interval, numbers[2]) if interval is not None else (numbers[0], "", "", "", "")
        values.append((label, *known, support))
    caption = f"Precision, recall with Wilson's {percent(scores.confidence)} interval, F1 and support on {test}."
    headings = ("class", "precision", "recall", "interval", "F1", "support")
    columns = ("class", "precision", "recall", "recall_low", "recall_high", "f1", "support")
    return Table("classes", caption, headings, rows, columns, values)


def _confusion(scores: Scores, test: str) -> Table:
    rows = [(label, *row) for label, row in zip(scores.labels, scores.matrix.tolist(), strict=True)]
    several = f", {scores.repeats} predictions of each" if scores.repeats > 1 else ""
    caption = f"Confusion matrix of {test}{several}: rows are true, columns predicted classes."
    printed = [list(map(str, row)) for row in rows]
    return Table("confusion", caption, ("true class", *scores.labels), printed, ("truth", *scores.labels), rows)


def _units(scores: UnitScores) -> Table:
    rows, values = [], []
    for one in scores.units:
        name = UNITS[one.unit].name if one.unit in UNITS else ""
        printed = (_rate(one.auc, 2), _ends(one.interval), f"{one.f1:.2f}", f"{one.f1_always:.2f}")
        rows.append((f"{one.unit} {name}".strip(), str(one.n_positives), *printed))
        values.append(
            (one.unit, name, one.n_positives, _known(one.auc), *map(_known, one.interval), one.f1, one.f1_always)
        )
    rows.append(("mean", "", _rate(scores.mean_auc, 2), _ends(scores.interval), _rate(scores.mean_f1, 2), ""))
    caption = (
        f"Action units on {scores.n} test sequences of {scores.n_subjects} subjects: area under the ROC curve with "
        f"{percent(scores.confidence)} interval (bootstrap over {scores.resampled}s), F1, and F1 of always predicting "
        "the unit."
    )
    headings = ("action unit", "positives", "AUC", "interval", "F1", "F1, always")
    columns = ("unit", "name", "positives", "auc", "low", "high", "f1", "f1_always")
    return Table("units", caption, headings, rows, columns, values)


def _ends(interval: Interval) -> str:
    return between(interval) if is_known(interval) else ""


def _rate(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _known(value: float) -> float | str:
    return "" if math.isnan(value) else value
