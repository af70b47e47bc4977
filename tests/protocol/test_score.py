import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from statsmodels.stats.proportion import proportion_confint

from ckseq.errors import DataError
from ckseq.protocol import score

LABELS = ("anger", "disgust", "fear", "surprise")
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=60)


def both(pairs):
    truth, predicted = zip(*pairs, strict=True)
    return truth, predicted


@given(pairs=PAIRS)
@settings(max_examples=60, deadline=None)
def test_every_score_equals_scikit_learns(pairs):
    truth, predicted = both(pairs)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours = score.score(truth, predicted, labels=LABELS, confidence=0.95)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        matrix = metrics.confusion_matrix(truth, predicted, labels=LABELS)
        precision, recall, f1, support = metrics.precision_recall_fscore_support(
            truth, predicted, labels=LABELS, zero_division=0
        )
        balanced = metrics.balanced_accuracy_score(truth, predicted)
        kappa = metrics.cohen_kappa_score(truth, predicted, labels=LABELS) if len({*truth, *predicted}) > 1 else None
        table = metrics.classification_report(truth, predicted, labels=LABELS, output_dict=True, zero_division=0)
    for average, name in zip(ours.averages, ("macro avg", "weighted avg"), strict=True):
        expected = [table[name][key] for key in ("precision", "recall", "f1-score")]
        assert [average.precision, average.recall, average.f1] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_array_equal(ours.matrix, matrix)
    np.testing.assert_allclose(ours.per_class.precision, precision, atol=1e-12, rtol=0)
    np.testing.assert_allclose(ours.per_class.recall, recall, atol=1e-12, rtol=0)
    np.testing.assert_allclose(ours.per_class.f1, f1, atol=1e-12, rtol=0)
    np.testing.assert_array_equal(ours.per_class.support, support)
    assert ours.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted), abs=1e-12)
    assert ours.macro_f1 == pytest.approx(f1.mean(), abs=1e-12)
    assert ours.balanced_accuracy == pytest.approx(balanced, abs=1e-12)
    assert ours.majority == pytest.approx(max(truth.count(label) for label in LABELS) / len(truth), abs=1e-12)
    if kappa is None:
        assert math.isnan(ours.kappa)
    else:
        assert ours.kappa == pytest.approx(kappa, abs=1e-12)


@given(
    counts=st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    confidence=st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
@settings(deadline=None)
def test_wilson_equals_statsmodels(counts, confidence):
    expected = proportion_confint(*counts, alpha=1 - confidence, method="wilson")
    assert score.wilson_interval(*counts, confidence=confidence) == pytest.approx(expected, abs=1e-12)


def test_the_papers_37_of_42():
    low, high = score.wilson_interval(37, 42, confidence=0.95)
    assert (round(low, 2), round(high, 2)) == (0.75, 0.95)


def test_a_hand_checked_matrix():
    #          anger fear
    # anger      3    1      accuracy 5/8; recalls 3/4 and 2/4; precisions 3/5 and 2/3
    # fear       2    2      chance agreement (5*4 + 3*4) / 64 = 1/2, so kappa (5/8 - 1/2) / (1/2) = 1/4
    truth = ["anger"] * 4 + ["fear"] * 4
    predicted = ["anger", "anger", "anger", "fear", "anger", "anger", "fear", "fear"]
    scores = score.score(truth, predicted, labels=["anger", "fear"], confidence=0.95)
    assert scores.matrix.tolist() == [[3, 1], [2, 2]]
    assert (scores.n, scores.n_correct, scores.accuracy) == (8, 5, 0.625)
    assert scores.per_class.precision.tolist() == [3 / 5, 2 / 3]
    assert scores.balanced_accuracy == 0.625
    assert scores.kappa == pytest.approx(0.25)
    assert scores.majority == 0.5
    assert scores.recall_intervals[0] == score.wilson_interval(3, 4, confidence=0.95)


def test_a_class_without_sequences_and_one_never_predicted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score.score(["anger", "fear"], ["anger", "anger"], labels=LABELS, confidence=0.95)
    assert scores.per_class.f1.tolist() == [2 / 3, 0, 0, 0]
    assert scores.balanced_accuracy == 0.5
    assert scores.recall_intervals[1] is None


def test_inputs_are_left_alone():
    matrix = np.array([[3, 1], [2, 2]])
    matrix.setflags(write=False)
    score.per_class(matrix)
    score.cohen_kappa(matrix)


@pytest.mark.parametrize(
    ("truth", "predicted", "message"),
    [
        ([], [], "no predictions to score"),
        (["anger"], [], "1 true labels but 0 predicted"),
        (["joy"], ["anger"], "'joy' is not one of the classes: anger, disgust"),
        (["anger"], ["joy"], "'joy' is not one of the classes"),
    ],
)
def test_labels_that_cannot_be_scored(truth, predicted, message):
    with pytest.raises(DataError, match=message):
        score.confusion_matrix(truth, predicted, labels=LABELS)


@pytest.mark.parametrize(("successes", "n", "confidence"), [(0, 0, 0.95), (3, 2, 0.95), (-1, 2, 0.95), (1, 2, 1.0)])
def test_rates_that_cannot_be(successes, n, confidence):
    with pytest.raises(DataError):
        score.wilson_interval(successes, n, confidence=confidence)
