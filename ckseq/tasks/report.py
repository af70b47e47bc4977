"""``ckseq report``: write tables, figures and an HTML page from a run folder."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from ckseq.console import Console
from ckseq.defaults import CONFIDENCE
from ckseq.errors import CallError, DataError
from ckseq.protocol.score import Scores
from ckseq.report import tables, wording
from ckseq.report.against_baselines import banner, judged, no_doubts
from ckseq.report.answers import draw_answers, draw_mistakes, one_answer_per_class
from ckseq.report.classes import draw_classes, sample_counts
from ckseq.report.confusion import draw_confusion
from ckseq.report.curves import draw_accuracy, draw_loss
from ckseq.report.early_classification import draw_early, rules_of, sentences
from ckseq.report.explanations import draw_explained_classes, explained_of
from ckseq.report.face_rights import FaceRights, rights_of
from ckseq.report.facs_section import (
    FacsFindings,
    facs_findings,
    facs_section,
    facs_tree,
    units_of_codes,
    units_of_predictions,
)
from ckseq.report.folds import MOST as MOST_FOLDS
from ckseq.report.folds import draw_folds
from ckseq.report.page import render_page
from ckseq.report.paper import FOLDER as PAPER
from ckseq.report.paper import paper_of
from ckseq.report.print_figures import draw_for_print
from ckseq.report.reliability import draw_reliability
from ckseq.report.replication import Card, card_tree, replication_card
from ckseq.report.scores import scores_of
from ckseq.report.sequences import draw_sequences, one_per_class, without_face
from ckseq.report.store_pictures import explorer_of
from ckseq.report.trust import Trust, trust, trust_tree
from ckseq.report.uncertainty import to_publish
from ckseq.report.wording import noun_of
from ckseq.storage.complete_run import checked_history, read_complete_run
from ckseq.storage.examples import read_examples
from ckseq.storage.explanations import read_explanations
from ckseq.storage.facs_codes import read_checked_codes
from ckseq.storage.files import write_bytes
from ckseq.storage.predictions import Predictions
from ckseq.storage.prefix_predictions import prefix_probabilities_of
from ckseq.storage.report_crops import read_crops
from ckseq.storage.run_record import RunRecord, read_run
from ckseq.tasks.report_units import report_units


def report(
    run: Path,
    *,
    faces: bool,
    all_faces: bool = False,
    store: Path | None = None,
    units: Path | None = None,
    figures: Path | None = None,
    console: Console,
) -> dict[str, Any]:
    """Write all tables, figures and the page of a run into its folder; all are computed from its predictions.

    Parameters
    ----------
    run : path
        A run folder.
    faces : bool
        Whether the figures show faces.
    all_faces : bool
        Whether they also show faces of CK+ that may not be published.
    store : path, optional
        The store of the run, where it was moved.
    units : path, optional
        A run on action units, whose predictions are compared with the emotions instead of the FACS codes of the data.
    figures : path, optional
        A folder for figures in print quality.
    console : Console
        Prints the headline and the confusion matrix.

    Returns
    -------
    dict
        The main scores; under ``files`` the path of every file in the run folder that was written, and under
        ``print_figures`` those of the figures for print.

    Raises
    ------
    CallError
        The store is not that of the run, or all faces are asked for and none.
    DataError
        The folder is no run, a file in it is incomplete or of another version, or there are no predictions yet.
    """
    if read_run(run).predicts_units:
        if units is not None:
            raise CallError("--units is for a report on emotions, and the run predicts action units", run, "drop it")
        return report_units(run, console=console)
    if all_faces and not faces:
        raise CallError("all faces and no faces contradict each other", fix="drop --no-faces or --all-faces")
    facts, predictions = read_complete_run(run)
    scores = scores_of(facts, predictions, confidence=CONFIDENCE)
    verdict = judged(facts, predictions, scores)
    found = trust(predictions, confidence=CONFIDENCE)
    rights = rights_of(facts, faces=faces, everybody=all_faces)
    found_explanations = read_explanations(run)
    explorer = explorer_of(
        run, facts, predictions, rights, store=store, explanations=found_explanations, console=console
    )
    pictures = _pictures(run, facts, predictions, scores, found, rights)
    early = []
    if prefix_predictions := prefix_probabilities_of(run, facts):
        rules, known_subjects = rules_of(prefix_predictions), predictions.subjects is not None
        pictures["early"] = draw_early(
            prefix_predictions,
            rules,
            confidence=CONFIDENCE,
            repeats=scores.repeats,
            known_subjects=known_subjects,
        )
        early = sentences(prefix_predictions, rules, known_subjects=known_subjects)
    facs = _facs(run, facts, predictions, units, no_doubts(verdict))
    if found_explanations is not None:
        pictures["explanations"] = draw_explained_classes(found_explanations)
    explained = None if found_explanations is None else explained_of(found_explanations, n_tested=len(facts.tested))
    paper = paper_of(facts, predictions, scores, found)
    texts = {
        "classification_report.txt": tables.report_text(scores, noun_of(facts)),
        "classification_report.json": tables.report_json(scores),
        "confusion_matrix.csv": tables.confusion_csv(scores),
        "figures.json": json.dumps(trust_tree(found), indent=2) + "\n",
        "facs.json": json.dumps(facs_tree(facs), indent=2) + "\n",
        "report.html": render_page(
            facts,
            predictions,
            scores,
            pictures,
            explorer,
            early=early,
            explained=explained,
            facs=facs_section(facs, confidence=CONFIDENCE),
        ),
        **{f"{PAPER}/{name}": text for name, text in paper.files.items()},
    }
    written = {f"{name}.png": data for name, data in pictures.items()} | {name: t.encode() for name, t in texts.items()}
    for name, data in written.items():
        write_bytes(run / name, data)
    for_print = {} if figures is None else _write_figures(figures, run, facts, scores, found)
    if "mistakes.png" not in written:  # an earlier report with faces may have written one
        (run / "mistakes.png").unlink(missing_ok=True)
    nothing_yet = banner(verdict, scores, noun_of(facts))
    card = replication_card(facts, scores)
    _say(console, run, facts, scores, nothing_yet, card)
    return {
        "run": str(run),
        "n_test": scores.n,
        "n_correct": scores.n_correct,
        "accuracy": scores.accuracy,
        "accuracy_interval": list(scores.interval),
        "accuracy_interval_method": scores.method.kind,
        "balanced_accuracy": scores.balanced_accuracy,
        "macro_f1": scores.macro_f1,
        "cohen_kappa": None if math.isnan(scores.kappa) else scores.kappa,
        "majority_class_accuracy": scores.majority,
        "headline": wording.headline(facts, scores),
        "to_publish": to_publish(scores, noun_of(facts)),
        "nothing_yet": nothing_yet,
        "replication": None if card is None else card_tree(card),
        "against_baselines": None if verdict is None else verdict.outcome,
        "as_good_baselines": [] if verdict is None else list(verdict.as_good),
        "figures": trust_tree(found)["figures"],
        "report": str(run / "report.html"),
        "facs": facs_tree(facs),
        "files": {name: str(run / name) for name in sorted(written)},
        "print_figures": for_print,
    }


def _facs(
    run: Path, facts: RunRecord, predictions: Predictions, units: Path | None, without_doubts: str
) -> FacsFindings:
    if units is not None:
        found = units_of_predictions(read_complete_run(units, of_units=True).predictions)
        if not found.keys() & {row.recording for row in predictions.rows}:
            raise DataError("predicts none of the recordings of the run", units, "name a run on the same store")
        source = f"the action units that the run {units.resolve().name} predicts"
    else:
        found, source = units_of_codes(read_checked_codes(run, facts)), "the FACS codes of the data"
    return facs_findings(predictions, found, source=source, confidence=CONFIDENCE, no_doubts=without_doubts)


def _write_figures(out: Path, run: Path, facts: RunRecord, scores: Scores, found: Trust) -> dict[str, str]:
    validation = facts.value("training.validation") or "none"
    epochs = checked_history(run, facts)
    weighted = _weighted_loss(facts)
    drawn = draw_for_print(scores, found, epochs, validation=validation, confidence=CONFIDENCE, weighted=weighted)
    for name, data in drawn.items():
        write_bytes(out / name, data)
    return {name: str(out / name) for name in sorted(drawn)}


def _pictures(
    run: Path, facts: RunRecord, predictions: Predictions, scores: Scores, found: Trust, rights: FaceRights
) -> dict[str, bytes]:
    pictures = {
        "confusion_matrix": draw_confusion(scores, noun_of(facts)),
        "reliability": draw_reliability(found.reliability, confidence=CONFIDENCE, repeats=scores.repeats),
    }
    if 1 < len({row.fold for row in predictions.rows}) <= MOST_FOLDS:
        pictures["folds"] = draw_folds(predictions)
    epochs = checked_history(run, facts)
    if epochs:
        validation = facts.value("training.validation") or "none"
        pictures["accuracy"] = draw_accuracy(epochs, validation=validation, scores=scores)
        pictures["loss"] = draw_loss(epochs, validation=validation, weighted=_weighted_loss(facts))
    subjects = {row.recording: row.subject for row in predictions.rows}
    crops = {id: crop for id, crop in read_crops(run).items() if rights.shows(subjects.get(id, ""))}
    pictures["classes"] = draw_classes(predictions.labels, sample_counts(facts, scores))
    pictures["answers"] = draw_answers(one_answer_per_class(predictions), predictions.labels, crops)
    # of several seeds' errors on a recording, the one with the highest probability
    mistakes = {mistake.recording: mistake for mistake in reversed(tables.confusions(predictions))}
    shown = [mistake for mistake in reversed(mistakes.values()) if mistake.recording in crops]
    if shown:
        pictures["mistakes"] = draw_mistakes(shown, crops)
    examples = [
        one if rights.shows(subjects.get(one.recording, "")) else without_face(one)
        for one in one_per_class(read_examples(run), predictions.labels)
    ]
    if examples:
        pictures["sequences"] = draw_sequences(examples, faces=rights.faces)
    return pictures


def _say(console: Console, run: Path, facts: RunRecord, scores: Scores, nothing_yet: str, card: Card | None) -> None:
    noun = noun_of(facts)
    console.say(tables.headline(scores, noun))
    console.say(wording.headline(facts, scores))
    if nothing_yet:
        console.warn(nothing_yet)
    for rate in wording.rates(facts, scores)[1:]:
        console.say(f"  {rate.name}: {rate.value:.2f} ({rate.remark})")
    if card is not None:
        result = f"{card.accuracy.value:.2f} ({card.accuracy.remark})" if card.accuracy else card.said
        console.say(f"  published result: {result}")
        console.say(f"  {card.sentence}")
    console.say(_matrix_table(scores))
    for remark in wording.warnings(facts):
        console.say(remark)
    if wording.shares_subjects(facts):
        console.warn(facts.protocol.sentence)
    console.say(f"Report: {run / 'report.html'}")


def _matrix_table(scores: Scores) -> Table:
    table = Table(
        title="confusion matrix: predicted class (→) by true class",
        title_justify="left",
        title_style="dim",
        box=None,
    )
    table.add_column("true class")
    for label in scores.labels:
        table.add_column(Text(f"→ {label}", no_wrap=True), justify="right")  # brackets in a name are not markup
    table.add_column("recall", justify="right", style="dim")
    for i, label in enumerate(scores.labels):
        styles = ["bold" if i == j else "" if count else "dim" for j, count in enumerate(scores.matrix[i])]
        cells = [Text(str(count), style) for count, style in zip(scores.matrix[i], styles, strict=True)]
        table.add_row(Text(label), *cells, tables.told(scores.per_class.recall[i], scores.per_class.support[i]))
    return table


def _weighted_loss(facts: RunRecord) -> bool:
    """Return whether class weights are in the training loss."""
    return facts.value("training.class_weights") in ("balanced", "frequency")
