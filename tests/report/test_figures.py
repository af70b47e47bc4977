import warnings
from dataclasses import replace

import cv2
import matplotlib
import numpy as np
import pytest
from made_runs import LABELS, made_crops, made_examples, made_history, made_predictions, made_run
from matplotlib.figure import Figure

from ckseq.protocol.comparison import Compared, Difference
from ckseq.protocol.intervals import Interval, IntervalMethod
from ckseq.protocol.ranking import rank
from ckseq.protocol.score import score
from ckseq.report import curves, ranking
from ckseq.report.answers import draw_answers, draw_mistakes, one_answer_per_class
from ckseq.report.classes import draw_classes, sample_counts
from ckseq.report.confusion import draw_confusion
from ckseq.report.curves import SECOND_CURVE, draw_accuracy, draw_loss, plot_curves
from ckseq.report.differences import draw_differences
from ckseq.report.folds import draw_folds
from ckseq.report.paired_runs import Pair, Side
from ckseq.report.reliability import draw_reliability
from ckseq.report.sequences import blob_parts, draw_sequences, one_per_class
from ckseq.report.strictness import Level, draw_strictness
from ckseq.report.tables import confusions
from ckseq.report.trust import trust
from ckseq.storage.history import Epoch


def made_scores(labels=LABELS, outcomes=None):
    predictions = made_predictions(labels, outcomes) if outcomes else made_predictions()
    truth, predicted = zip(*((row.truth, row.predicted) for row in predictions.rows), strict=True)
    return score(truth, predicted, labels=predictions.labels, confidence=0.95)


def pixels(png):
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return image


LEVELS = (
    Level("random split, best epoch", 0.9, None, None, 0.45, 42),
    Level("subject k-fold", 0.7, Interval(0.6, 0.8), IntervalMethod("bootstrap_by_subject", 140, 20), 0.25, 140),
    Level("leave one subject out", 0.72, Interval(0.61, 0.81), IntervalMethod("wilson", 140, 20), 0.24, 140),
)


def made_pair(first, p_holm, interval=None):
    difference = Difference(0.1, interval, "permutation", p_holm, 9, 4, 0.2, 42, 9)
    sides = [Side(name, made_run(), LABELS, {}) for name in (first, "b")]
    return Pair(*sides, Compared(difference, p_holm), 3, 0.95)


PAIRS = [made_pair("a", 0.3, Interval(-0.02, 0.2)), made_pair("c", 0.3), made_pair("d", 0.01, Interval(0.01, 0.2))]
PREDICTIONS = made_predictions()
MISTAKEN = made_predictions(LABELS, [("anger", "surprise", 8)])
DRAWN = {
    "answers": lambda: draw_answers(one_answer_per_class(PREDICTIONS), LABELS, made_crops(PREDICTIONS)),
    "mistakes": lambda: draw_mistakes(confusions(MISTAKEN), made_crops(MISTAKEN, k=1)),
    "classes": lambda: draw_classes(LABELS, {"training": {"anger": 3}, "test": dict.fromkeys(LABELS, 2)}),
    "confusion": lambda: draw_confusion(made_scores()),
    "accuracy": lambda: draw_accuracy(made_history(), validation="test", scores=made_scores()),
    "loss": lambda: draw_loss(made_history(), validation="test"),
    "sequences": lambda: draw_sequences(made_examples(), faces=True),
    "reliability": lambda: draw_reliability(
        trust(made_predictions(), confidence=0.95).reliability, confidence=0.95, repeats=1
    ),
    "folds": lambda: draw_folds(made_predictions(folds=7)),
    "strictness": lambda: draw_strictness(LEVELS, confidence=0.95),
    "differences": lambda: draw_differences(PAIRS),
}


@pytest.mark.parametrize("draw", DRAWN.values(), ids=DRAWN)
def test_the_same_figure_gives_the_same_bytes_whatever_matplotlib_is_set_to(draw):
    first = draw()
    with matplotlib.rc_context({"font.size": 20, "axes.facecolor": "red", "savefig.dpi": 40}):
        before = dict(matplotlib.rcParams)
        assert draw() == first
        assert dict(matplotlib.rcParams) == before
    assert b"Software" not in first
    assert b"tIME" not in first
    assert min(pixels(first).shape[:2]) > 300


@pytest.mark.parametrize(
    ("labels", "outcomes"),
    [
        (("only",), [("only", "only", 3)]),
        (("a", "never tested", "never named"), [("a", "a", 2), ("never named", "a", 1)]),
        (("$x_1$", "<b>", "怒り", "a very long name of a class"), [("$x_1$", "<b>", 1), ("怒り", "怒り", 120)]),
        (tuple(f"class {i}" for i in range(12)), [(f"class {i}", f"class {i // 2}", 2) for i in range(12)]),
    ],
)
def test_odd_matrices_are_drawn_without_a_warning(labels, outcomes):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(draw_confusion(made_scores(labels, outcomes))).size


def test_the_diagonal_of_a_perfect_matrix_is_dark_and_the_rest_is_not():
    outcomes = [(label, label, 5) for label in LABELS]
    image = cv2.cvtColor(pixels(draw_confusion(made_scores(LABELS, outcomes))), cv2.COLOR_BGR2GRAY)
    dark = (image < 110).mean()
    cells = 2 * len(LABELS) * (0.72 * 160) ** 2
    assert dark * image.size == pytest.approx(cells, rel=0.2)


@pytest.mark.parametrize(
    "epochs",
    [
        [Epoch(1, 1.0, 0.2, 1.1, 0.2, 1.0)],
        made_history(validated=False),
        [*made_history(5), *made_history(7)],
        [Epoch(1, float("inf"), 0.2, float("nan"), float("nan"), 1.0), Epoch(2, float("nan"), 0.2, 0.1, 0.1, 1.0)],
    ],
    ids=["one epoch", "no validation", "two folds", "diverged"],
)
def test_odd_histories_are_drawn_without_a_warning(epochs):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(draw_accuracy(epochs, validation="none", scores=made_scores())).size
        assert pixels(draw_loss(epochs, validation="none")).size


def test_the_second_curve_is_drawn_only_where_it_was_measured():
    second = np.array([0x0E, 0x57, 0xC4], np.uint8)  # blue, green, red
    alone = draw_loss(made_history(validated=False), validation="none")
    assert not (pixels(alone) == second).all(axis=2).any()
    assert (pixels(draw_loss(made_history(), validation="test")) == second).all(axis=2).any()
    assert draw_loss(made_history(), validation="test") != draw_loss(made_history(), validation="inner")


def test_a_weighted_training_loss_is_called_so():
    axes = Figure().subplots()
    plot_curves(axes, made_history(), "loss", "val_loss", "given", weighted=True)
    assert axes.get_legend_handles_labels()[1] == ["training (weighted by class)", SECOND_CURVE["given"]]


def test_without_faces_the_picture_does_not_depend_on_them():
    examples = made_examples()
    others = [example._replace(faces=255 - example.faces) for example in examples]
    assert draw_sequences(examples, faces=False) == draw_sequences(others, faces=False)
    assert draw_sequences(examples, faces=True) != draw_sequences(others, faces=True)


def test_a_difference_is_colored_where_the_test_that_decides_says_so():
    blue = np.array([0x8F, 0x5C, 0x0B], np.uint8)  # blue, green, red
    apart = made_pair("a", 0.2, Interval(0.01, 0.2))  # such an interval does not come from that test
    assert not (pixels(draw_differences([apart])) == blue).all(axis=2).any()
    assert (pixels(draw_differences([made_pair("a", 0.01, Interval(0.01, 0.2))])) == blue).all(axis=2).any()


def test_sequences_without_motion_and_of_one_step_are_drawn():
    example = made_examples()[0]
    still = example._replace(blobs=np.zeros((1, 24, 24), bool), projections=np.zeros((1, 2, 24), np.float32))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(draw_sequences([still], faces=True)).size


def test_one_example_of_each_class_in_the_order_of_the_labels():
    anger, disgust, _, surprise = made_examples()
    second = anger._replace(recording="S099_001")
    assert one_per_class([surprise, anger, second, disgust], ("disgust", "anger", "fear")) == (disgust, anger)


def test_a_blob_parts_gathers_all_motion():
    blobs = np.zeros((13, 8, 80), bool)
    for step in range(13):
        blobs[step, step % 8, step] = True
    sheet = blob_parts(blobs)
    assert sheet.shape == (8, 6 * 80 + 5 * 2)
    assert (sheet == 1).sum() == 13
    assert not blobs[0, 1:].any()  # left as it was


@pytest.mark.parametrize(
    ("labels", "k", "channels"),
    [
        (("only",), 1, (3,)),
        (("$x_1$", "<b>", "怒り", "a very long name of a class"), 1, ()),
        (tuple(f"class {i}" for i in range(12)), 2, (3,)),
    ],
)
def test_odd_classes_and_crops_are_drawn_without_a_warning(labels, k, channels):
    predictions = made_predictions(labels, [(label, labels[0], 1) for label in labels])
    crops = made_crops(predictions, k=k, channels=channels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pixels(draw_answers(one_answer_per_class(predictions), labels, crops)).size
        assert pixels(draw_answers(one_answer_per_class(predictions), labels, {})).size
        assert pixels(draw_classes(labels, {"test": dict.fromkeys(labels, 0)})).size
        if mistakes := confusions(predictions):
            assert pixels(draw_mistakes(mistakes, crops)).size


def test_the_colors_of_a_crop_are_drawn_as_they_are():
    predictions = made_predictions(("a", "b"), [("a", "b", 1)])
    red = {row.recording: np.full((1, 24, 24, 3), (200, 10, 30), np.uint8) for row in predictions.rows}
    for picture in (draw_mistakes(confusions(predictions), red), draw_answers(predictions.rows, ("a", "b"), red)):
        share = (pixels(picture) == (30, 10, 200)).all(axis=2).mean()  # read as blue, green, red
        assert share * pixels(picture)[..., 0].size == pytest.approx(160**2, rel=0.1)


def test_the_bars_are_as_long_as_the_probabilities_and_colored_by_correctness():
    blue, orange = np.array([0x8F, 0x5C, 0x0B]), np.array([0x0E, 0x57, 0xC4])  # blue, green, red
    row = made_predictions(("a", "b"), [("a", "a", 1)]).rows[0]

    def length(p, color, predicted):
        answer = row._replace(predicted=predicted, probabilities=(p, 1 - p) if predicted == "a" else (1 - p, p))
        found = (pixels(draw_answers([answer], ("a", "b"), {})) == color).all(axis=2).any(axis=0).sum()
        return int(found)

    assert length(0.9, blue, "a") == pytest.approx(1.5 * length(0.6, blue, "a"), rel=0.03)
    assert length(0.9, orange, "b") == pytest.approx(length(0.9, blue, "a"), abs=2)
    assert length(0.9, orange, "a") == length(0.9, blue, "b") == 0


def test_the_samples_of_each_part_are_those_the_run_records():
    counts = {"anger": 24, "disgust": 25}
    parts = sample_counts(made_run(protocol={"train_counts": counts, "n_test": 42}), made_scores())
    assert parts == {"training": counts, "test": {"anger": 11, "disgust": 10, "happiness": 10, "surprise": 11}}
    assert list(sample_counts(made_run(), made_scores())) == ["test"]


@pytest.mark.parametrize("epochs", [1, 8, 100])
def test_learning_curves_name_no_epoch_after_the_last_and_nothing_hides_them(monkeypatch, epochs):
    monkeypatch.setattr(curves, "png", lambda figure: figure)
    scores = replace(made_scores(), majority=0.26)
    figure = draw_accuracy(made_history(epochs), validation="test", scores=scores)
    (axes,) = figure.axes
    assert 1 <= max(axes.get_xticks()) <= epochs
    assert not axes.texts
    assert "majority-class baseline: 0.26" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_bar_of_the_critical_difference_is_as_long_as_it_says(monkeypatch):
    monkeypatch.setattr(ranking, "png", lambda figure: figure)
    found = rank(np.random.default_rng(0).random((2, 3)), confidence=0.95)
    assert round(found.critical_difference, 2) == 2.34  # more than the ranks of three models differ at most
    (axes,) = ranking.draw_ranks("abc", found, confidence=0.95).axes
    (bar,) = [line for line in axes.lines if set(line.get_ydata()) == {1.1}]
    assert np.ptp(bar.get_xdata()) == pytest.approx(found.critical_difference)
