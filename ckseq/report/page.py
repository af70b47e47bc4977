"""The report as one HTML file: the figures are embedded, nothing is loaded from elsewhere."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ckseq.config import toml_text
from ckseq.protocol.intervals import METHOD_WORDS, N_DRAWS, Interval, accuracy_interval
from ckseq.protocol.score import Scores
from ckseq.report import tables, wording
from ckseq.report.against_baselines import all_kinds, banner, judged
from ckseq.report.data_parts import swapped_parts
from ckseq.report.explanations import Explained, how_to_explain, why_unexplained
from ckseq.report.explorer import Explorer, embedded, picture_blocks, script_json
from ckseq.report.matrix import matrix_rows, subject_rows
from ckseq.report.paper import paper_of, section_html
from ckseq.report.paper import script as paper_script
from ckseq.report.replication import card_html, replication_card
from ckseq.report.templates import packaged, template
from ckseq.report.themed import data_url
from ckseq.report.trust import NAMES, Trust, trust
from ckseq.report.uncertainty import interval_method, to_publish
from ckseq.storage.predictions import Predictions
from ckseq.storage.run_record import RunRecord

_NOTHING = Markup("")
MOST_LISTED = 100
"""The page lists at most this many misclassified or doubtful sequences; predictions.csv and run.json hold all."""


def render_page(
    run: RunRecord,
    predictions: Predictions,
    scores: Scores,
    pictures: Mapping[str, bytes],
    explorer: Explorer,
    *,
    early: Sequence[str] = (),
    explained: Explained | None = None,
    facs: Markup = _NOTHING,
) -> str:
    """Return the report of a run as one HTML page that stands alone.

    Parameters
    ----------
    run : RunRecord
    predictions : Predictions
        The source of every number.
    scores : Scores
        Those of the predictions.
    pictures : mapping of str to bytes
        PNG files by name: ``reliability``, and where there are such ``accuracy``, ``loss``, ``sequences``,
        ``folds``, ``classes``, ``answers``, ``mistakes``, ``early``.
    explorer : Explorer
        Whose faces are shown, and the pictures of single sequences.
    early : sequence of str
        Sentences below the figure ``early``.
    explained : Explained, optional
        What 'ckseq explain' found; its figure is the picture ``explanations``.
    facs : Markup
        The section of `ckseq.report.facs_section`.

    Returns
    -------
    str
        HTML; all text from the run is escaped.
    """
    found = trust(predictions, confidence=scores.confidence)
    verdict = judged(run, predictions, scores)
    card = replication_card(run, scores)
    html = template(
        "page.html",
        ends=_ends,
        fine=_fine,
        rate=_rate,
        between=wording.between,
        percent=wording.percent,
        sentence=wording.as_sentence,
    )
    script = packaged("page.js") + paper_script()
    noun = wording.noun_of(run)
    page: str = html.render(
        noun=noun,
        name=run.experiment_name or "a run",
        question=run.value("question") or "",
        created=_minute(run.created),
        version=run.ckseq_version,
        scores=scores,
        classes=_class_rows(run, scores),
        rates=wording.rates(run, scores),
        warnings=wording.warnings(run),
        shared=wording.shares_subjects(run),
        independent=wording.subject_independent(run),
        sentence=run.protocol.sentence,
        n_train=run.protocol.n_train,
        balance_notes=run.balance_notes,
        banner=banner(verdict, scores, noun),
        shows=wording.shows(
            scores,
            noun,
            ready_made=run.ready_made,
            against=verdict and verdict.outcome,
            baselines=all_kinds(noun),
        ),
        baselines=all_kinds(noun),
        method=noun.reworded(scores.method.name),
        to_publish=to_publish(scores, noun),
        why_method=interval_method(scores, noun),
        ready_made=run.ready_made,
        does_not_show=wording.does_not_show(run, scores),
        headline=wording.headline(run, scores),
        leaks=wording.leak_sentences(run.leakage, noun) if run.leakage else [],
        rules=[*run.leakage.rules, *run.leakage.pictures] if run.leakage else [],
        metrics=_metric_rows(found),
        seeds=found.seeds,
        method_words=METHOD_WORDS,
        resampled=noun.reworded(found.resampled),
        n_draws=N_DRAWS,
        n_sequences=scores.n // scores.repeats,
        confusions=tables.confusions(predictions),
        most_listed=MOST_LISTED,
        folds=_fold_rows(predictions, scores.confidence),
        pictures={name: data_url(picture) for name, picture in pictures.items()},
        explorer=explorer,
        matrix=matrix_rows(scores),
        subjects=() if predictions.subjects is None else subject_rows(predictions.rows),
        data=script_json(embedded(predictions, explorer.pictures, noun)),
        picture_blocks=picture_blocks(explorer.pictures),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        early=early,
        explained=explained,
        unexplained=_unexplained(run) if explained is None else "",
        all_explained=how_to_explain(run, "RUN") if explained is not None and explained.is_sample else "",
        replication=card_html(card, run, scores) if card else "",
        facs=facs,
        paper=section_html(paper_of(run, predictions, scores, found)),
        experiment=toml_text(run.experiment),
        pipeline=toml_text(run.store.pipeline if run.store else {}),
        facts=_facts(run),
        layers=run.model.layers if run.model else (),
        train_counts=bool(run.protocol.train_counts),
        validation_counts=bool(run.protocol.validation_counts),
        swapped=swapped_parts(run),
        doubts=run.doubts,
    )
    return page


def _rate(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.2f}"


def _fine(value: float) -> str:
    return "not defined" if math.isnan(value) else f"{value:.3f}"


def _ends(interval: Interval) -> str:
    return "none" if math.isnan(interval.low) else f"{interval.low:.3f} to {interval.high:.3f}"


def _unexplained(run: RunRecord) -> str:
    """Return why the page has no explanations; empty of images, which do not move."""
    if wording.noun_of(run) == wording.IMAGE or not run.folds:
        return ""
    return f"nothing is explained: {why_unexplained(run) or how_to_explain(run, 'RUN') + ' explains the run'}"


def _minute(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _class_rows(run: RunRecord, scores: Scores) -> list[dict[str, Any]]:
    train, validation = run.protocol.train_counts, run.protocol.validation_counts
    return [
        {
            "label": label,
            "precision": scores.per_class.precision[i],
            "recall": scores.per_class.recall[i],
            "interval": scores.recall_intervals[i],
            "f1": scores.per_class.f1[i],
            "test": int(scores.per_class.support[i]),
            "train": train.get(label, 0),
            "validation": validation.get(label, 0),
        }
        for i, label in enumerate(scores.labels)
    ]


def _metric_rows(found: Trust) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "mean": found.mean[key],
            "interval": found.interval[key],
            "deviation": found.deviation[key],
            "by_seed": found.by_seed[key],
        }
        for key, name in NAMES.items()
    ]


def _fold_rows(predictions: Predictions, confidence: float) -> list[dict[str, Any]]:
    folds = tables.fold_accuracies(predictions.rows)
    repeats = len(predictions.seeds)
    found = []
    for fold, (n_correct, n) in folds.items():
        own = Predictions(predictions.labels, tuple(row for row in predictions.rows if row.fold == fold))
        right = [row.truth == row.predicted for row in own.rows]
        interval, method = accuracy_interval(right, own.subjects, repeats=repeats, confidence=confidence)
        found.append(
            {
                "fold": fold,
                "n_correct": n_correct,
                "n": n,
                "accuracy": n_correct / n,
                "interval": interval,
                "method": method.word,
                "subjects": "unknown" if own.subjects is None else len(set(own.subjects)),
            }
        )
    return found if len(found) > 1 else []


def _facts(run: RunRecord) -> list[tuple[str, str]]:
    """Return the facts that reproduce the run, as pairs of a name and a value; unknown ones are left out."""
    parameters = None if run.model is None else run.model.n_parameters
    facts = {
        "Command": run.command,
        "Created": run.created,
        "Seed": ", ".join(map(str, run.seeds)),
        "Model": f"{run.model_kind}, ready-made" if run.ready_made else run.model_kind,
        "Parameters": f"{parameters:,}" if parameters is not None else None,
        "Input": " × ".join(map(str, run.model.input_shape)) if run.model else None,
        "Calibration by person": "with a neutral recording" if run.value("calibration") == "neutral" else "none",
        "Epochs": run.epochs_done or None,
        "Training time": _duration(run.seconds) if run.trainings and not run.ready_made else None,
        "Device": run.device,
        "Store": run.store.path if run.store else None,
        "Store digest": run.store_digest,
        "Folds digest": run.protocol.digest,
        "Versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
