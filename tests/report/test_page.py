import base64
import hashlib
import io
import re
from importlib.resources import files
from urllib.parse import quote, unquote

import pytest
from made_html import Page
from made_runs import LABELS, made_predictions, made_run
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ckseq.protocol.intervals import wilson_interval
from ckseq.report.explorer import Explorer
from ckseq.report.face_rights import FaceRights
from ckseq.report.page import render_page
from ckseq.report.scores import scores_of
from ckseq.storage.predictions import Predictions

SVG_NAME = quote("http://www.w3.org/2000/svg", safe="/:")


def a_png(text):
    """The file of a black pixel that says something."""
    note = PngInfo()
    note.add_text("says", text)
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG", pnginfo=note)
    return file.getvalue()


def page_of(run=None, predictions=None, pictures=None, faces=True, **explorer):
    predictions = predictions or made_predictions()
    run = run or made_run(predictions)
    scores = scores_of(run, predictions, confidence=0.95)
    pictures = pictures or {name: a_png(name) for name in ("accuracy", "loss", "sequences")}
    html = render_page(run, predictions, scores, pictures, Explorer(FaceRights(faces), **explorer))
    return html, scores


def test_the_page_stands_alone():
    html, _ = page_of()
    page = Page(html)
    assert page.references
    assert all(re.match("data:image/|#", reference) for reference in page.references)
    assert not re.search(r"url\((?!#)|@import|<link|https?://|<script src", html.replace(SVG_NAME, ""))
    assert "default-src 'none'" in html


def test_only_the_reports_own_script_runs():
    html, _ = page_of()
    scripts = re.findall("<script>(.*?)</script>", html, re.DOTALL)
    own = ("page.js", "paper.js")
    assert scripts == ["".join(files("ckseq.report").joinpath(name).read_text(encoding="utf-8") for name in own)]
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html


def test_the_pictures_are_inside():
    html, _ = page_of()
    figures = [unquote(url) for url in re.findall('src="data:image/svg[+]xml,(.*?)"', html)]
    inside = [base64.b64decode(re.search("data:image/png;base64,([^']*)", one)[1]) for one in figures]
    assert inside == [a_png(name) for name in ("accuracy", "loss", "sequences")]


PRIOR = {"name": "class prior", "about": "the most frequent class in training", "accuracy": 0.25, "p_value": None}


def test_the_numbers_are_the_scores():
    html, scores = page_of(made_run(leakage={"rules": [PRIOR]}))
    page = Page(html)
    assert page.by_id["uar"] == f"{scores.balanced_accuracy:.2f}"
    assert page.by_id["macro-f1"] == f"{scores.macro_f1:.2f}"
    assert page.by_id["kappa"] == f"{scores.kappa:.2f}"
    assert page.by_id["majority"] == f"{scores.majority:.2f}" == "0.25"
    text = " ".join(page.text.split())
    assert (
        "0.88 accuracy on 42 test sequences, 37 of them correct 95 % confidence interval 0.75 to 0.95 "
        "(Wilson, of 42 sequences)" in text
    )
    assert (
        "To publish: accuracy 0.881, 95 % confidence interval 0.750 to 0.948 (Wilson, of 42 sequences), 37 of 42 test "
        "sequences." in text
    )
    assert "anger0.910.910.62 to 0.980.9111" in text
    assert "Misclassified sequences (5)" in text
    assert "published result, 0.88" in text


def test_of_many_errors_the_most_probable_are_listed():
    predictions = made_predictions(("a", "b"), [("a", "b", 120), ("b", "b", 3)])
    text = " ".join(Page(page_of(predictions=predictions)[0]).text.split())
    assert "Misclassified sequences (120)" in text
    assert (
        "Sorted by predicted probability, highest first; the first 100 are listed, all are in predictions.csv." in text
    )
    assert "S002_119" in text  # highest probability
    assert "S000_018" not in text  # the nineteenth from below
    assert "predictions.csv." not in " ".join(Page(page_of()[0]).text.split()).partition("Made by")[0]


def test_the_facts_of_the_run_are_listed():
    text = Page(page_of()[0]).text
    for fact in ("--experiment paper_phase4", "9f1c2ab37e5d4410", "0a31bb8e21f00c7d", "numpy 2.3.5", "8,912,404"):
        assert fact in text
    assert "20 min 4 s" in text
    assert 'kind = "conv_lstm"\nkernel = [1, 3]' in text


def test_a_subject_dependent_split_is_marked_at_the_top():
    shared = {"shared_subjects": 4, "sentence": "21 of 42 test sequences show people who are also in training"}
    html, _ = page_of(made_run(protocol=shared))
    head = html[: html.index('class="hero"')]
    assert "Subject-dependent split: some people are in the training and in the test set" in head
    assert "21 of 42 test sequences show people who are also in training." in head
    assert 'class="note"' not in page_of()[0]
    assert "Subject-independent split." in page_of()[0]


def test_notes_are_shown_and_a_run_that_was_stopped():
    html, _ = page_of(made_run(notes=["the data are synthetic"], state="interrupted"))
    head = html[: html.index('class="hero"')]
    assert "The data are synthetic." in head
    assert "The run was interrupted" in head


def test_the_headings_are_the_terms_of_the_field():
    pictures = dict.fromkeys(
        ("confusion_matrix", "reliability", "accuracy", "loss", "folds", "early", "classes"), a_png("1")
    )
    html, _ = page_of(predictions=made_predictions(folds=3), pictures=pictures)
    assert re.findall("<h2.*?>(.*?)</h2>", html) == [
        "Interpretation",
        "Confusion matrix",
        "Per-class precision, recall, F1 and support",
        "Metrics with confidence intervals",
        "Reliability diagram",
        "Early classification",
        "Where and when the model looks",
        "Cross-validation folds",
        "Misclassified sequences (5)",
        "Test sequences",
        "Per subject",
        "Learning curves",
        "Class distribution",
        "For your paper",
        "Reproducibility",
    ]


@pytest.mark.parametrize("faces", [True, False])
def test_faces_come_with_a_reminder_of_the_license(faces):
    assert ("license before you publish" in page_of(faces=faces)[0]) is faces


def test_training_counts_where_the_run_records_them():
    counts = {"anger": 24, "disgust": 25, "happiness": 25, "surprise": 24}
    text = Page(page_of(made_run(protocol={"train_counts": counts}))[0]).text
    assert "anger2411" in text
    assert "total9842" in text


def test_folds_have_a_table_where_there_are_several():
    assert "Cross-validation folds" in page_of(predictions=made_predictions(folds=3))[0]
    assert "Cross-validation folds" not in page_of()[0]


def test_whatever_comes_from_a_file_is_escaped():
    evil = '</pre></style><script>alert(1)</script><img src="http://x.example/a.png" onerror="x">'
    labels = ("<b>", evil)
    predictions = made_predictions(labels, [("<b>", evil, 2), (evil, evil, 1)])
    row = predictions.rows[0]._replace(recording=evil, subject="<i>&")
    predictions = type(predictions)(labels, (row, *predictions.rows[1:]))
    run = made_run(
        predictions,
        experiment_name=evil,
        notes=[evil],
        balance_notes=[evil],
        command=evil,
        created=evil,
        device=evil,
        ckseq_version=evil,
        versions={evil: evil},
        experiment={"question": evil, evil: evil, "published": {"accuracy": 0.5, "source": evil}},
        protocol={"shared_subjects": 1, "sentence": evil, "n_train": 3},
        store={"path": evil, "digest": evil, "pipeline": {evil: {evil: evil}}},
        model={"kind": evil, "input_shape": [3]},
    )
    html, _ = page_of(run, predictions)
    page = Page(html)
    assert not {tag for tag, _ in page.tags} & {"iframe", "object", "link"}
    scripts = [attributes for tag, attributes in page.tags if tag == "script"]
    assert scripts == [{"type": "application/json", "id": "data"}, {}]
    assert all(re.match("data:|#", reference) for reference in page.references)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.text.count("alert(1)") > 10
    assert len([tag for tag, _ in page.tags if tag == "style"]) == 1


@pytest.mark.parametrize(("calibration", "said"), [("none", "none"), ("neutral", "with a neutral recording")])
def test_every_report_says_whether_it_was_calibrated_by_person(calibration, said):
    html, _ = page_of(made_run(experiment={"calibration": calibration}))
    assert f"<th>Calibration by person</th><td>{said}</td>" in html


def test_a_run_with_few_facts_still_has_a_page():
    html, _ = page_of(
        made_run(experiment={}, experiment_name="", command="", trainings=[], seeds=[], versions={}, device="")
    )
    assert "0.88" in Page(html).text


def test_doubtful_sequences_are_listed_with_what_to_do():
    doubt = {"recording": "S001_<1>", "what": "its box jumps by 0.75 of its side", "remedy": "divide it"}
    assert "Doubtful" not in Page(page_of()[0]).text
    text = Page(page_of(made_run(doubts=[doubt]))[0]).text
    table = text[text.index("Doubtful sequences") :]
    assert [table.index(doubt[name]) for name in ("recording", "what", "remedy")] == sorted(
        table.index(doubt[name]) for name in ("recording", "what", "remedy")
    )
    assert "1 sequence is doubtful, such as S001_<1> (its box jumps by 0.75 of its side)" in text


def test_baselines_of_a_single_picture_are_in_the_table_of_baselines():
    rule = {"about": "a model", "n_correct": 39, "n": 42, "accuracy": 0.929, "interval": [0.8, 0.98], "p_value": 1e-9}
    leakage = {"rules": [PRIOR], "pictures": [{"name": "first frame", **rule}], "unmeasured": ["mean picture: why"]}
    text = Page(page_of(made_run(leakage=leakage))[0]).text
    table = text[text.index("Data leakage") :]
    row = " ".join(table[table.index("first frame39") :][:60].split())
    assert row.startswith("first frame39 of 420.9290.80 to 0.98Wilson1e-09")
    assert "The first frame alone, without any motion, reaches 0.929: the class is tied to the recording" in text
    assert "Not measured: mean picture: why; prepare it again to measure it." in text


def wide(n_subjects=20, n_each=3):
    """Predictions of many people, so that the interval is that of a bootstrap over subjects."""
    rows = made_predictions(LABELS, [(label, label, 13) for label in LABELS] + [("anger", "disgust", 8)]).rows
    assert len(rows) == n_subjects * n_each
    return Predictions(LABELS, tuple(row._replace(subject=f"S{n // n_each}") for n, row in enumerate(rows)))


def test_one_accuracy_has_one_interval():
    predictions = wide()
    html, scores = page_of(predictions=predictions)
    assert scores.method.name == "bootstrap over 20 subjects"
    ends = f"{scores.interval.low:.3f} to {scores.interval.high:.3f}"
    wilson = wilson_interval(52, 60, confidence=0.95)
    text = " ".join(Page(html).text.split())
    assert f"{scores.interval.low:.2f} to {scores.interval.high:.2f} (bootstrap over 20 subjects)" in text
    assert f"accuracy0.867{ends}" in text
    assert f"{wilson.low:.3f} to {wilson.high:.3f}" not in text
    assert f"{scores.interval.low:.2f} to {scores.interval.high:.2f}, bootstrap by subject" in text  # head line
    assert "the 20 test subjects were drawn anew 2,000 times" in text
    assert "20 subjects resampled 2,000 times" in text


def test_a_perfect_result_of_equal_people_has_an_interval_with_width():
    perfect = made_predictions(LABELS, [(label, label, 15) for label in LABELS])
    rows = tuple(row._replace(subject=f"S{n // 3}") for n, row in enumerate(perfect.rows))
    text = " ".join(Page(page_of(predictions=Predictions(LABELS, rows))[0]).text.split())
    assert "1.000 to 1.000" not in text
    assert "0.94 to 1.00 (Wilson, of 60 sequences)" in text
    assert "macro F11.000none" in text
    assert "drawing the subjects anew gives no width" in text


def with_rule(hits, name="sequence length", **changes):
    n = len(hits)
    rule = {"name": name, "about": "a tree", "n_correct": hits.count("1"), "n": n, "accuracy": hits.count("1") / n}
    rules = [{**PRIOR, "hits": "1" + "0" * (n - 1)}, {**rule, "p_value": 0.001, "hits": hits}]
    return made_run(leakage={"n_test": n, "rules": rules, "best_rule": name}, **changes)


def test_a_baseline_that_is_as_good_is_in_a_banner_at_the_top():
    html, _ = page_of(with_rule("1" * 42))
    head = html[: html.index('class="hero"')]
    assert (
        "This result shows nothing yet: a pixel-free baseline, sequence length (a tree), reaches 1.000 "
        "on the same test sequences, the model 0.881: the model is not better." in head
    )
    assert "learned something" not in html
    html, _ = page_of(with_rule("10" * 21))
    assert "shows nothing yet" not in html
    assert "significantly better than every baseline without motion: it learned something" in html


def test_of_two_people_the_page_says_that_it_cannot_be_told():
    once = made_predictions()
    two = Predictions(once.labels, tuple(row._replace(subject=f"S{n % 2}") for n, row in enumerate(once.rows)))
    for hits in ("10" * 21, "1" * 42):
        run = with_rule(hits)
        html, _ = page_of(run, predictions=two)
        assert "cannot be told: 2 people were tested, and with fewer than 6 no paired test reaches p &lt; 0.05" in html
        assert "too few were tested." in html
        assert "learned something" not in html
        assert "as good" not in html
