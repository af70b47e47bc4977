import pytest
from made_runs import made_predictions, made_run
from matplotlib.text import Text

from ckseq.protocol.score import score
from ckseq.report import confusion, tables, wording
from ckseq.report.nouns import IMAGE, SEQUENCE, noun_of
from ckseq.report.page import render_page


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
def test_what_is_one_frame_is_an_image(kind, length, noun):
    assert noun_of(run_of(kind, length)) == noun


def test_a_run_that_does_not_say_is_of_sequences():
    assert noun_of(made_run(experiment={})) == SEQUENCE


def test_names_with_the_word_in_them_stay():
    assert IMAGE.told("1 sequence: sequence_12, of subsequences") == "1 image: sequence_12, of subsequences"


def test_the_words_of_a_run_of_images_speak_of_images():
    run, scores = run_of("crops", 1), made_scores()
    said = [
        wording.headline(run, scores),
        *wording.shows(scores, IMAGE),
        *wording.does_not_show(run, scores),
        *(rate.remark for rate in wording.rates(run, scores)),
        tables.report_text(scores, IMAGE),
    ]
    assert sum("image" in text for text in said) >= 5
    assert not any("sequence" in text for text in said)


def test_the_page_of_a_run_of_images_speaks_of_images():
    page = render_page(run_of("crops", 1), made_predictions(), made_scores(), {"confusion_matrix": b""}, faces=False)
    prose, recipe = page.split("<h2>How it was made</h2>")
    assert "42 test images" in prose
    assert "sequence" not in prose
    assert "[sequence]" in recipe  # the recipe's own words stay
    assert "42 test sequences" in render_page(
        made_run(), made_predictions(), made_scores(), {"confusion_matrix": b""}, faces=False
    )


def test_the_confusion_matrix_counts_images(monkeypatch):
    drawn = []
    monkeypatch.setattr(confusion, "png", lambda figure: drawn.append(figure) or b"")
    confusion.draw_confusion(made_scores(), IMAGE)
    (figure,) = drawn
    texts = [text.get_text() for text in figure.findobj(Text)]
    assert "Images" in texts
    assert any("test images" in text for text in texts)
    assert not any("equence" in text for text in texts)
