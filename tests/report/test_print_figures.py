"""Figures for print: one column wide, fonts inside, the same bytes every time."""

import re
import zlib

import matplotlib
import pytest
from made_runs import LABELS, made_history, made_predictions

from ckseq.protocol.score import score
from ckseq.report.print_figures import draw_for_print
from ckseq.report.trust import trust

HISTORY = made_history()


def drawn(predictions=None, epochs=HISTORY):
    predictions = predictions or made_predictions()
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    scores = score(truth, predicted, labels=predictions.labels, confidence=0.95)
    found = trust(predictions, confidence=0.95)
    return draw_for_print(scores, found, epochs, validation="test", confidence=0.95)


@pytest.fixture(scope="module")
def figures():
    return drawn()


def test_every_figure_is_there_as_pdf_and_svg(figures):
    names = ["confusion_matrix", "learning_curves", "per_class", "reliability"]
    assert sorted(figures) == sorted(f"{name}.{kind}" for name in names for kind in ("pdf", "svg"))


def test_they_are_one_column_wide(figures):
    for name, data in figures.items():
        if name.endswith("pdf"):
            (width,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) [\d.]+ ?\]", data)
        else:
            (width,) = re.findall(rb'<svg [^>]*width="([\d.]+)pt"', data)
        assert float(width) == pytest.approx(3.5 * 72, abs=0.01)


def test_their_fonts_are_inside(figures):
    for name, data in figures.items():
        if name.endswith("pdf"):
            streams = [zlib.decompress(part) for part in re.findall(rb"stream\n(x.*?)\nendstream", data, re.DOTALL)]
            objects = data + b"".join(streams)
            assert b"/FontFile2" in objects  # TrueType
            assert b"/Type3" not in objects
        else:
            assert b"<text" not in data  # letters are outlines
            assert b"font-family" not in data


def test_the_same_predictions_give_the_same_bytes(figures):
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "pdf.fonttype": 3}):
        assert drawn() == figures


def test_odd_classes_are_drawn_and_no_curves_without_epochs():
    labels = ("$x_1$", "<b>", "a very long name of a class", *LABELS)
    figures = drawn(made_predictions(labels, [("$x_1$", "<b>", 2), ("<b>", "<b>", 1)]), epochs=())
    assert sorted({name.partition(".")[0] for name in figures}) == ["confusion_matrix", "per_class", "reliability"]
