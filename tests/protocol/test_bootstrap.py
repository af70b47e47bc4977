import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score
from sklearn.metrics import log_loss as reference_log_loss

from ckseq.errors import DataError
from ckseq.protocol.bootstrap import METRICS, by_subject, metrics
from ckseq.protocol.calibration import calibration_error, reliability

WITH_INTERVAL = [name for name in METRICS if name != "calibration_error"]
SETTING = {"n_bins": 10, "n_draws": 4000, "confidence": 0.95}


def made(n=120, k=4, n_subjects=20, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, k, n)
    p = rng.dirichlet(np.ones(k), n)
    p[np.arange(n), truth] += 0.4 * rng.random(n)
    p /= p.sum(axis=1, keepdims=True)
    subjects = [f"S{number:03}" for number in rng.integers(0, n_subjects, n)]
    return truth, p.argmax(axis=1), p, subjects


@pytest.mark.parametrize("seed", range(6))
def test_every_figure_equals_scikit_learns(seed):
    truth, predicted, p, _ = made(seed=seed)
    found = metrics(truth, predicted, p, n_bins=10)
    sure = p[np.arange(len(p)), predicted]
    theirs = {
        "accuracy": (truth == predicted).mean(),
        "balanced_accuracy": balanced_accuracy_score(truth, predicted),
        "macro_f1": f1_score(truth, predicted, average="macro"),
        "cohen_kappa": cohen_kappa_score(truth, predicted),
        "log_loss": reference_log_loss(truth, p),
        "calibration_error": calibration_error(reliability(sure, truth == predicted, n_bins=10)),
    }
    assert found == pytest.approx(theirs, abs=1e-12)
    assert tuple(found) == METRICS


def test_the_interval_of_the_accuracy_equals_scipys():
    """scipy draws people too when it is given each person's counts."""
    truth, predicted, p, subjects = made()
    names = sorted(set(subjects))
    right = np.array([sum(t == q for t, q, s in zip(truth, predicted, subjects, strict=True) if s == n) for n in names])
    count = np.array([subjects.count(name) for name in names])

    def ratio(right, count, axis=-1):
        return right.sum(axis) / count.sum(axis)

    theirs = stats.bootstrap(
        (right, count), ratio, paired=True, n_resamples=20000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    ours = by_subject(
        truth, predicted, p, subjects, n_bins=10, n_draws=20000, confidence=0.95, rng=np.random.default_rng(2)
    )
    assert ours["accuracy"] == pytest.approx(tuple(theirs), abs=0.005)


def test_a_draw_counts_a_person_as_often_as_drawn():
    """The weighted sums are what the figures of the drawn sequences would be."""
    truth, predicted, p, subjects = made(n=30, n_subjects=4)
    rng = np.random.default_rng(5)
    ours = by_subject(truth, predicted, p, subjects, n_bins=10, n_draws=1, confidence=0.95, rng=rng)
    times = np.random.default_rng(5).multinomial(4, np.full(4, 0.25), size=1)[0]
    names = sorted(set(subjects))
    rows = [i for i, s in enumerate(subjects) for _ in range(times[names.index(s)])]
    drawn = metrics(truth[rows], predicted[rows], p[rows], n_bins=10)
    for name in WITH_INTERVAL:
        assert ours[name].low == ours[name].high == pytest.approx(drawn[name], abs=1e-12)


def test_more_seeds_of_the_same_people_do_not_make_one_surer():
    truth, predicted, p, subjects = made()
    once = by_subject(truth, predicted, p, subjects, **SETTING, rng=np.random.default_rng(0))
    thrice = by_subject(
        np.tile(truth, 3), np.tile(predicted, 3), np.tile(p, (3, 1)), subjects * 3, **SETTING,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    for name in WITH_INTERVAL:
        assert thrice[name] == pytest.approx(once[name], abs=1e-12)


RARE = np.array([0.35, 0.35, 0.15, 0.1, 0.05])


def drawn_people(rng, n_subjects):
    """Draw people of different skill, each with some of five classes, two of them rare."""
    truth, predicted, subjects = [], [], []
    for subject in range(n_subjects):
        skill = np.clip(rng.normal(0.7, 0.2), 0.05, 1)
        for label in rng.choice(5, rng.integers(1, 5), replace=False, p=RARE):
            truth.append(label)
            predicted.append(label if rng.random() < skill else rng.choice(5, p=RARE))
            subjects.append(subject)
    truth, predicted = np.array(truth), np.array(predicted)
    return truth, predicted, np.eye(5)[predicted], subjects


def test_the_interval_of_macro_f1_misses_as_often_below_as_above():
    """With a missing class as F1 = 0, over 15 % of the intervals lie below the true value, and none above."""
    rng = np.random.default_rng(0)
    true = metrics(*drawn_people(rng, 5_000)[:3], n_bins=10)["macro_f1"]
    below, above, n = 0, 0, 150
    for _ in range(n):
        *made, subjects = drawn_people(rng, 12)
        low, high = by_subject(*made, subjects, n_bins=10, n_draws=300, confidence=0.95, rng=rng)["macro_f1"]
        below, above = below + (high < true), above + (low > true)
    assert below / n < 0.1
    assert above / n < 0.1


def test_a_draw_without_a_rare_class_is_scored_over_the_others():
    """All predictions are correct, so every draw is, also one without the class that one person alone shows."""
    truth = np.array([0, 1] * 10 + [2])
    subjects = [f"S{n // 2}" for n in range(20)] + ["S9"]
    found = by_subject(truth, truth, np.eye(3)[truth], subjects, **SETTING, rng=np.random.default_rng(0))
    assert found["macro_f1"] == found["balanced_accuracy"] == (1, 1)


def test_the_calibration_error_has_no_interval_since_resampling_only_raises_it():
    truth, predicted, p, subjects = made(n=60)
    found = by_subject(truth, predicted, p, subjects, **SETTING, rng=np.random.default_rng(0))
    assert np.isnan(found["calibration_error"]).all()
    rows = np.random.default_rng(0).integers(0, 60, (500, 60))
    drawn = [metrics(truth[row], predicted[row], p[row], n_bins=10)["calibration_error"] for row in rows]
    assert np.mean(drawn) > metrics(truth, predicted, p, n_bins=10)["calibration_error"]


def test_one_class_has_no_kappa_and_no_warning(recwarn):
    truth, p = np.zeros(4, int), np.tile([0.8, 0.2], (4, 1))
    found = by_subject(truth, truth, p, list("aabb"), **SETTING, rng=np.random.default_rng(0))
    assert np.isnan(found["cohen_kappa"]).all()
    assert found["accuracy"] == (1, 1)
    assert not recwarn.list


def test_no_predictions_are_refused():
    with pytest.raises(DataError, match="no predictions"):
        by_subject(np.array([], int), np.array([], int), np.empty((0, 2)), [], **SETTING, rng=np.random.default_rng(0))
