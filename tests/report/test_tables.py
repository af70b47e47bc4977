import csv
import io
import json

import pytest
from made_runs import LABELS, OUTCOMES, made_predictions

from ckseq.protocol.score import score
from ckseq.report import tables
from ckseq.storage.predictions import Prediction, Predictions


def scores_of(predictions):
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    return score(truth, predicted, labels=predictions.labels, confidence=0.95, majority=11 / 42)


def test_headline():
    assert tables.headline(scores_of(made_predictions())) == (
        "Accuracy 0.88 (95 % interval 0.75 to 0.95, Wilson): 37 of 42 test sequences"
    )


def test_text_holds_every_class_and_score():
    text = tables.report_text(scores_of(made_predictions()))
    lines = {line.split("  ")[0].strip(): line for line in text.splitlines()}
    assert lines["anger"].split() == ["anger", "0.91", "0.91", "0.62", "to", "0.98", "0.91", "11"]
    assert lines["happiness"].split() == ["happiness", "0.82", "0.90", "0.60", "to", "0.98", "0.86", "10"]
    assert lines["macro average"].split() == ["macro", "average", "0.89", "0.88", "0.88", "42"]
    assert lines["weighted average"].split() == ["weighted", "average", "0.89", "0.88", "0.88", "42"]
    assert lines["Cohen's kappa (agreement beyond chance)"].endswith(" 0.84")
    assert lines["majority-class baseline (most frequent in training)"].endswith(" 0.26")
    assert all(line == line.rstrip() for line in text.splitlines())


def test_json_holds_the_same_to_the_last_digit():
    scores = scores_of(made_predictions())
    report = json.loads(tables.report_json(scores))
    assert (report["n_test"], report["n_correct"], report["accuracy"]) == (42, 37, 37 / 42)
    assert report["accuracy_interval"] == {
        "confidence": 0.95,
        "method": "wilson",
        "n_subjects": None,
        "low": scores.interval.low,
        "high": scores.interval.high,
    }
    assert report["majority_class_accuracy"] == 11 / 42
    assert report["classes"]["surprise"]["support"] == 11
    assert report["macro_f1"] == scores.macro_f1 == pytest.approx(report["averages"]["macro average"]["f1"])
    assert report["averages"]["weighted average"]["recall"] == pytest.approx(37 / 42)
    assert "precision 0" in report["zero_division"]


def test_undefined_scores_are_null_in_json():
    report = json.loads(tables.report_json(score(["a"], ["a"], labels=["a", "b"], confidence=0.95)))
    assert report["cohen_kappa"] is None
    assert report["majority_class_accuracy"] is None
    assert report["classes"]["b"]["recall_interval"] is None
    assert report["classes"]["b"]["recall"] is None
    assert report["classes"]["b"]["f1"] is None


def test_a_class_without_test_sequences_has_no_recall_and_is_in_no_mean():
    scores = score(["a", "a", "b"], ["a", "c", "b"], labels=["a", "b", "c"], confidence=0.95)
    lines = {line.split("  ")[0].strip(): line for line in tables.report_text(scores).splitlines()}
    assert lines["c"].split() == ["c", "0.00", "-", "no", "sequences", "-", "0"]
    # recall 1/2 and 1, F1 2/3 and 1
    assert lines["macro average"].split()[2:5] == ["1.00", "0.75", "0.83"]
    assert lines["macro F1 (mean F1 of the classes)"].endswith(" 0.83")
    assert "in no mean" in tables.report_text(scores)
    assert "in no mean" not in tables.report_text(scores_of(made_predictions()))


@pytest.mark.parametrize("labels", [LABELS, ("a,b", 'c"', "怒り", "d")])
def test_the_csv_is_the_matrix(labels):
    names = dict(zip(LABELS, labels, strict=True))
    outcomes = [(names[truth], names[predicted], n) for truth, predicted, n in OUTCOMES]
    header, *rows = csv.reader(io.StringIO(tables.confusion_csv(scores_of(made_predictions(labels, outcomes)))))
    assert header == ["truth", *labels]
    counts = {(row[0], column): int(n) for row in rows for column, n in zip(header[1:], row[1:], strict=True)}
    assert {key: n for key, n in counts.items() if n} == {(truth, predicted): n for truth, predicted, n in outcomes}


def test_confusions_are_sorted_by_probability():
    rows = (
        Prediction("r1", "s1", 0, "a", "b", (0.4, 0.6)),
        Prediction("r2", "s1", 0, "a", "a", (0.9, 0.1)),
        Prediction("r3", "s2", 0, "b", "a", (0.8, 0.2)),
    )
    assert tables.confusions(Predictions(("a", "b"), rows)) == (
        tables.Confusion("r3", "s2", "b", "a", 0.8, 0.2),
        tables.Confusion("r1", "s1", "a", "b", 0.6, 0.4),
    )


def test_folds_are_counted_separately():
    folds = tables.fold_accuracies(made_predictions(folds=3).rows)
    assert list(folds) == [0, 1, 2]
    assert [sum(column) for column in zip(*folds.values(), strict=True)] == [37, 42]
