"""The tables of a report, as text, CSV and JSON-ready values; every number comes from the scores."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from ckseq.protocol.score import Scores
from ckseq.report.uncertainty import interval_method
from ckseq.report.wording import SEQUENCE, Noun, between, n_correct, percent
from ckseq.storage.files import csv_text
from ckseq.storage.predictions import Prediction, Predictions


class Confusion(NamedTuple):
    """A misclassified test sequence, with the predicted probabilities of its predicted and of its true class."""

    recording: str
    subject: str
    truth: str
    predicted: str
    p_predicted: float
    p_truth: float


_UNTESTED = "A class without test sequences has neither recall nor F1, and is in no mean."


def headline(scores: Scores, noun: Noun = SEQUENCE) -> str:
    """Return the accuracy in one line.

    For example ``Accuracy 0.88 (95 % interval 0.75 to 0.95, Wilson): 37 of 42 test sequences``.
    """
    return (
        f"Accuracy {scores.accuracy:.2f} ({percent(scores.confidence)} interval {between(scores.interval)}, "
        f"{scores.method.short}): {n_correct(scores, noun)}"
    )


def confusions(predictions: Predictions) -> tuple[Confusion, ...]:
    """Return the misclassified test sequences, those with the highest predicted probability first."""
    place = {label: i for i, label in enumerate(predictions.labels)}
    mistakes = [
        Confusion(
            row.recording,
            row.subject,
            row.truth,
            row.predicted,
            row.probabilities[place[row.predicted]],
            row.probabilities[place[row.truth]],
        )
        for row in predictions.rows
        if row.truth != row.predicted
    ]
    return tuple(sorted(mistakes, key=lambda mistake: (-mistake.p_predicted, mistake.recording)))


def fold_accuracies(rows: Sequence[Prediction]) -> dict[int, tuple[int, int]]:
    """Return, for every fold, the number of correct predictions and of test sequences."""
    counts: dict[int, tuple[int, int]] = {}
    for row in sorted(rows, key=lambda row: row.fold):
        n_correct, n = counts.get(row.fold, (0, 0))
        counts[row.fold] = (n_correct + (row.truth == row.predicted), n + 1)
    return counts


def classification_report(scores: Scores) -> dict[str, Any]:
    """Return every score as plain values, ready for JSON; an undefined score is None."""
    classes = scores.per_class
    return {
        "n_test": scores.n,
        "n_correct": scores.n_correct,
        "answers_per_sequence": scores.repeats,
        "accuracy": scores.accuracy,
        "accuracy_interval": interval_tree(scores),
        "balanced_accuracy": scores.balanced_accuracy,
        "macro_f1": scores.macro_f1,
        "cohen_kappa": None if math.isnan(scores.kappa) else scores.kappa,
        "majority_class_accuracy": scores.majority,
        "classes": {
            label: {
                "precision": float(classes.precision[i]),
                "recall": float(classes.recall[i]) if classes.support[i] else None,
                "recall_interval": None if (interval := scores.recall_intervals[i]) is None else interval._asdict(),
                "f1": float(classes.f1[i]) if classes.support[i] else None,
                "support": int(classes.support[i]),
            }
            for i, label in enumerate(scores.labels)
        },
        "averages": {
            name: {"precision": precision, "recall": recall, "f1": f1}
            for name, precision, recall, f1 in scores.averages
        },
        "zero_division": "a class that was never predicted has precision 0, one without test sequences has no recall "
        "and no F1, and is in no macro average",
    }


def interval_tree(scores: Scores) -> dict[str, Any]:
    """Return the interval of the accuracy and how it was computed, as plain values."""
    return {
        "confidence": scores.confidence,
        "method": scores.method.kind,
        "n_subjects": scores.method.n_subjects,
        **scores.interval._asdict(),
    }


def told(rate: float, support: int) -> str:
    """Return a recall or F1 of a class as text: none where the class has no test sequences.

    >>> told(0.5, 2), told(0.0, 0)
    ('0.50', '-')
    """
    return f"{rate:.2f}" if support else "-"


def report_json(scores: Scores) -> str:
    """Return `classification_report` as the text of a JSON file."""
    return json.dumps(classification_report(scores), indent=2, ensure_ascii=False) + "\n"


def report_text(scores: Scores, noun: Noun = SEQUENCE) -> str:
    """Return the classification report as a table for a terminal or a text file."""
    classes = scores.per_class
    over = f"{percent(scores.confidence)} interval"
    averages = scores.averages
    wide = max(len("class"), *map(len, scores.labels), *(len(average.name) for average in averages))
    lines = [headline(scores, noun), "", f"{'class':<{wide}}  precision  recall  {over:<14}  {'f1':>5}  support"]
    for i, label in enumerate(scores.labels):
        interval = scores.recall_intervals[i]
        ends = f"no {noun.many}" if interval is None else between(interval)
        recall, f1 = told(classes.recall[i], classes.support[i]), told(classes.f1[i], classes.support[i])
        lines.append(
            f"{label:<{wide}}  {classes.precision[i]:9.2f}  {recall:>6}  {ends:<14}  {f1:>5}  {classes.support[i]}"
        )
    lines += [
        "",
        *(
            f"{name:<{wide}}  {precision:9.2f}  {recall:6.2f}  {'':<14}  {f1:5.2f}  {scores.n}"
            for name, precision, recall, f1 in averages
        ),
    ]
    kappa = "not defined" if math.isnan(scores.kappa) else f"{scores.kappa:.2f}"
    majority = "not recorded" if scores.majority is None else f"{scores.majority:.2f}"
    lines += [
        "",
        f"balanced accuracy (mean recall of the classes, UAR)   {scores.balanced_accuracy:.2f}",
        f"macro F1 (mean F1 of the classes)                     {scores.macro_f1:.2f}",
        f"Cohen's kappa (agreement beyond chance)               {kappa}",
        f"majority-class baseline (most frequent in training)   {majority}",
        "",
        f"The interval of the accuracy: {interval_method(scores, noun)}.",
        "Intervals of recall are Wilson's. A class that was never predicted has precision 0.",
        *([_UNTESTED] if not classes.support.all() else []),
    ]
    return "\n".join(lines) + "\n"


def confusion_csv(scores: Scores) -> str:
    """Return the confusion matrix as the text of a CSV file; rows are true, columns predicted classes."""
    rows = ([label, *row] for label, row in zip(scores.labels, scores.matrix.tolist(), strict=True))
    return csv_text(["truth", *scores.labels], rows)
