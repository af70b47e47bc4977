import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from ckseq.errors import DataError
from ckseq.protocol import score
from ckseq.protocol.intervals import wilson_interval

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
        # the averages are over the classes that have test sequences
        tested = sorted(set(truth))
        table = metrics.classification_report(truth, predicted, labels=tested, output_dict=True, zero_division=0)
        macro_f1 = metrics.f1_score(truth, predicted, labels=tested, average="macro")
    for average, name in zip(ours.averages, ("macro avg", "weighted avg"), strict=True):
        expected = [table[name][key] for key in ("precision", "recall", "f1-score")]
        assert [average.precision, average.recall, average.f1] == pytest.approx(expected, abs=1e-12)
    np.testing.assert_array_equal(ours.matrix, matrix)
    np.testing.assert_allclose(ours.per_class.precision, precision, atol=1e-12, rtol=0)
    np.testing.assert_allclose(ours.per_class.recall, recall, atol=1e-12, rtol=0)
    np.testing.assert_allclose(ours.per_class.f1, f1, atol=1e-12, rtol=0)
    np.testing.assert_array_equal(ours.per_class.support, support)
    assert ours.accuracy == pytest.approx(metrics.accuracy_score(truth, predicted), abs=1e-12)
    assert ours.macro_f1 == pytest.approx(macro_f1, abs=1e-12)
    assert ours.balanced_accuracy == pytest.approx(balanced, abs=1e-12)
    if kappa is None:
        assert math.isnan(ours.kappa)
    else:
        assert ours.kappa == pytest.approx(kappa, abs=1e-12)


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
    assert (scores.interval, scores.method.kind) == (wilson_interval(5, 8, confidence=0.95), "wilson")
    assert scores.majority is None  # only the training part says what is most frequent
    assert scores.recall_intervals[0] == wilson_interval(3, 4, confidence=0.95)


def test_a_class_without_sequences_and_one_never_predicted():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scores = score.score(["anger", "fear"], ["anger", "anger"], labels=LABELS, confidence=0.95)
    assert scores.per_class.f1.tolist() == [2 / 3, 0, 0, 0]
    assert scores.balanced_accuracy == 0.5
    assert scores.macro_f1 == scores.averages[0].f1 == pytest.approx((2 / 3 + 0) / 2)
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
