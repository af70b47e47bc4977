import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as reference_log_loss

from ckseq.errors import DataError
from ckseq.protocol.calibration import calibration_error, log_loss, reliability


def predictions(n, k, seed, dtype=np.float64):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.4), n).astype(dtype).astype(np.float64)
    return p, rng.integers(0, k, n)


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 60), st.integers(2, 7), st.integers(0, 999), st.sampled_from([np.float32, np.float64]))
@pytest.mark.filterwarnings("ignore:The y_prob")
def test_log_loss_equals_scikit_learns(n, k, seed, dtype):
    p, truth = predictions(n, k, seed, dtype)
    assert log_loss(p, truth) == pytest.approx(reference_log_loss(truth, p, labels=range(k)), abs=1e-12)


def test_a_sure_mistake_costs_much_and_not_infinitely_much():
    assert log_loss(np.array([[1.0, 0.0]]), np.array([1])) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_the_bins_equal_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    p = rng.random(200)
    right = rng.random(200) < p
    found = reliability(p, right, n_bins=10)
    accuracy, confidence = calibration_curve(right, p, n_bins=10)
    some = found.counts > 0
    np.testing.assert_allclose(found.accuracy[some], accuracy, atol=1e-12)
    np.testing.assert_allclose(found.confidence[some], confidence, atol=1e-12)


def test_calibration_error_by_hand():
    p = np.array([0.95, 0.95, 0.55, 0.55, 0.55, 0.55])
    right = np.array([True, True, True, False, False, False])
    found = reliability(p, right, n_bins=10)
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 4, 0, 0, 0, 2]
    assert np.isnan(found.accuracy[0])
    assert calibration_error(found) == pytest.approx((4 * 0.3 + 2 * 0.05) / 6, abs=1e-12)


def test_perfect_confidence_has_no_error():
    assert calibration_error(reliability(np.ones(4), np.ones(4, bool), n_bins=10)) == 0


def test_nothing_has_no_reliability():
    with pytest.raises(DataError, match="0 probabilities"):
        reliability(np.array([]), np.array([], bool), n_bins=10)
