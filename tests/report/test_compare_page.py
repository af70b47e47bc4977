import re

import pytest
from made_html import Page
from made_runs import LABELS, answering, made_predictions, made_run

from ckseq.report.compare_page import render_comparison
from ckseq.report.paired_runs import Side, changed, pairs_of
from ckseq.storage.predictions import Predictions


def side(name, predictions, **changes):
    return Side.of(name, made_run(predictions, **changes), predictions)


def answered(predictions, answers):
    """The same sequences, of which those at some places are answered otherwise."""
    rows = list(predictions.rows)
    for place, label in answers.items():
        rows[place] = answering(rows[place], label, predictions.labels)
    return Predictions(predictions.labels, tuple(rows))


@pytest.fixture
def two():
    """The second loses the first two sequences and wins the sequence that the first takes for surprise."""
    first = made_predictions()
    return side("a", first), side("b", answered(first, {0: "disgust", 1: "surprise", 10: "anger"}))


def page_of(sides, notes=()):
    ids = sorted(set.intersection(*(set(one.answers) for one in sides)))
    pairs = pairs_of(sides, ids, confidence=0.95)
    html = render_comparison(sides, ids, pairs, notes, {one.name: f"/runs/{one.name}" for one in sides})
    return html, " ".join(Page(html).text.split()), pairs, ids


def test_the_page_stands_alone(two):
    html, _, _, _ = page_of(two)
    assert Page(html).references == []
    assert not re.search(r"url\(|@import|<script|<link|https?://", html)
    assert "default-src 'none'" in html


def test_the_sequences_that_changed_with_the_predictions_of_both(two):
    _, text, (pair,), ids = page_of(two)
    found = {one.recording: one for one in changed(pair, ids)}
    assert set(found) == {"S000_000", "S001_001", "S001_010"}
    assert (found["S000_000"].first, found["S000_000"].second) == ("anger 0.60", "disgust 0.60")
    assert found["S001_010"].better == "second"
    assert "3 sequences changed: 2 right → wrong, 1 wrong → right." in text
    row = text[text.index("S001_010") :]
    assert row.startswith("S001_010S001angersurprise 0.67anger 0.67wrong → right")


def test_every_class_with_the_counts_of_every_run(two):
    html, _, _, _ = page_of(two)
    row = html[html.index('<th class="text">anger</th>') :].partition("</tr>")[0]
    # of 11 sequences of anger the first names 10; the second loses two of them and wins the last one
    assert re.findall(r"(\d+) of 11", row) == ["10", "9"]
    assert re.findall(r">(0\.\d\d)\b", row) == ["0.91", "0.82", "0.09"]


def test_the_verdict_is_that_of_the_test_and_mcnemars_is_secondary(two):
    html, text, (pair,), _ = page_of(two)
    assert pair.sentence.startswith("a and b do not differ significantly: b − a = -0.024")
    assert text.count(pair.sentence) == 1
    assert 'class="verdict"' in html
    assert "McNemar’s test, secondary here since it takes sequences of one person for independent, would give" in text
    better = side("c", made_predictions(LABELS, [(label, label, 11) for label in LABELS]))
    worse = side("d", answered(better_predictions(better), dict.fromkeys(range(0, 42, 2), "happiness")))
    assert 'class="verdict found"' in page_of((better, worse))[0]


def better_predictions(one):
    return Predictions(one.labels, tuple(row for rows in one.answers.values() for row in rows))


def test_of_several_seeds_the_page_tells_how_often(two):
    once = better_predictions(two[0])
    rows = [row._replace(seed=1) for row in once.rows]
    rows += [answering(row, "disgust", LABELS)._replace(seed=2) for row in once.rows]
    seeded = side("c", Predictions(LABELS, tuple(rows)), kind="cross_validation", seeds=[1, 2])
    _, text, _, _ = page_of((two[0], seeded))
    assert "anger ×1, disgust ×1less often right" in text
    assert "right → wrong" not in text


def test_runs_that_answer_alike_have_no_interval_and_no_change(two):
    _, text, (pair,), ids = page_of((two[0], side("b", better_predictions(two[0]))))
    assert changed(pair, ids) == []
    assert "Both are correct on the same sequences." in text
    assert "no interval: the data give it no width" in text


def test_what_differs_in_the_recipes_is_named(two):
    other = side("b", better_predictions(two[0]), experiment={**made_run().experiment, "training": {"epochs": 9}})
    _, text, _, _ = page_of((two[0], other))
    assert "training.epochs: 12 in a, 9 in b" in text
    assert "training.validation: 'test' in a, not set in b" in text


def test_whatever_comes_from_a_file_is_escaped(two):
    evil = '"><script>alert(1)</script>'
    first = answered(better_predictions(two[0]), {})
    rows = tuple(row._replace(recording=f"{evil}{n}", subject=evil) for n, row in enumerate(first.rows))
    sides = [side(f"{name}{evil}", Predictions(LABELS, rows), experiment_name=evil) for name in "ab"]
    sides[1] = side(f"b{evil}", answered(Predictions(LABELS, rows), {0: "disgust"}), experiment_name=evil)
    html, text, _, _ = page_of(sides, notes=[evil])
    assert "<script" not in html
    assert "alert(1)" in text
