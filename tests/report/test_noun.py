import pytest
from made_runs import made_predictions, made_run
from matplotlib.text import Text

from ckseq.protocol.score import score
from ckseq.report import confusion, tables, wording
from ckseq.report.explorer import Explorer
from ckseq.report.face_rights import FaceRights
from ckseq.report.page import render_page
from ckseq.report.wording import IMAGE, SEQUENCE, noun_of


def made_scores():
    predictions = made_predictions()
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    return score(truth, predicted, labels=predictions.labels, confidence=0.95)


def run_of(kind, length):
    experiment = made_run().experiment | {"input": kind, "sequence": {"length_frames": length}}
    return made_run(experiment=experiment)


@pytest.mark.parametrize(
    ("kind", "length", "noun"),
    [
        ("crops", 1, IMAGE),
        ("features", 1, IMAGE),
        ("crops", 20, SEQUENCE),
        ("features", "longest", SEQUENCE),
        ("projections", 1, SEQUENCE),
    ],
)
def test_a_sample_of_one_frame_is_an_image(kind, length, noun):
    assert noun_of(run_of(kind, length)) == noun


def test_a_run_without_an_input_is_of_sequences():
    assert noun_of(made_run(experiment={})) == SEQUENCE


def test_names_that_contain_the_word_are_unchanged():
    assert IMAGE.reworded("1 sequence: sequence_12, of subsequences") == "1 image: sequence_12, of subsequences"


def test_the_wording_of_a_run_of_images_says_images():
    run, scores = run_of("crops", 1), made_scores()
    texts = [
        wording.headline(run, scores),
        *wording.shows(scores, IMAGE),
        *wording.does_not_show(run, scores),
        *(rate.remark for rate in wording.rates(run, scores)),
        tables.report_text(scores, IMAGE),
    ]
    assert sum("image" in text for text in texts) >= 5
    assert not any("sequence" in text for text in texts)


def test_the_page_of_a_run_of_images_says_images():
    explorer = Explorer(FaceRights(faces=False))
    page = render_page(run_of("crops", 1), made_predictions(), made_scores(), {}, explorer)
    prose, recipe = page.split("<h2>Reproducibility</h2>")
    assert "42 test images" in prose
    assert "sequence" not in prose.replace("video sequences of faces", "")  # the title of ckseq itself
    assert "[sequence]" in recipe  # the recipe's own words stay
    assert "42 test sequences" in render_page(made_run(), made_predictions(), made_scores(), {}, explorer)


def test_the_confusion_matrix_counts_images(monkeypatch):
    drawn = []
    monkeypatch.setattr(confusion, "png", lambda figure: drawn.append(figure) or b"")
    confusion.draw_confusion(made_scores(), IMAGE)
    (figure,) = drawn
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert "Confusion matrix, images" in texts
    assert any("test images" in text for text in texts)
    assert not any("equence" in text for text in texts)
