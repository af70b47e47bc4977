import json

import numpy as np
import pytest
from made_runs import made_predictions
from sklearn.metrics import balanced_accuracy_score, cohen_kappa_score, f1_score, log_loss

from ckseq.report.trust import trust, trust_tree
from ckseq.storage.predictions import Predictions


def seeded(seeds=(1, 2, 3)):
    """Each seed misclassifies one more sequence."""
    once = made_predictions(folds=3)
    rows = []
    for extra, seed in enumerate(seeds):
        for place, row in enumerate(once.rows):
            rows.append(row._replace(seed=seed, predicted="disgust" if place < extra else row.predicted))
    return Predictions(once.labels, tuple(rows))


def test_figures_of_one_training_equal_scikit_learns():
    predictions = made_predictions()
    found = trust(predictions, confidence=0.95)
    truth, predicted = [row.truth for row in predictions.rows], [row.predicted for row in predictions.rows]
    p = np.array([row.probabilities for row in predictions.rows])
    assert found.mean["accuracy"] == pytest.approx(37 / 42, abs=1e-12)
    assert found.mean["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, predicted), abs=1e-12)
    assert found.mean["macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"), abs=1e-12)
    assert found.mean["cohen_kappa"] == pytest.approx(cohen_kappa_score(truth, predicted), abs=1e-12)
    assert found.mean["log_loss"] == pytest.approx(log_loss(truth, p, labels=predictions.labels), abs=1e-12)
    assert np.isnan(found.interval.pop("calibration_error")).all()
    assert all(ends.low <= found.mean[name] <= ends.high for name, ends in found.interval.items())
    assert np.isnan(list(found.deviation.values())).all()
    assert (found.seeds, found.n_subjects) == ((None,), 9)


def test_mean_and_deviation_are_over_seeds():
    found = trust(seeded(), confidence=0.95)
    each = np.array([37, 36, 35]) / 42
    assert found.by_seed["accuracy"] == pytest.approx(tuple(each), abs=1e-12)
    assert found.mean["accuracy"] == pytest.approx(each.mean(), abs=1e-12)
    assert found.deviation["accuracy"] == pytest.approx(each.std(ddof=1), abs=1e-12)
    assert found.reliability.counts.sum() == 3 * 42


def test_the_same_predictions_give_the_same_figures_as_json():
    first, second = (json.dumps(trust_tree(trust(made_predictions(), confidence=0.95))) for _ in range(2))
    assert first == second
    assert "NaN" not in first
    assert json.loads(first)["figures"]["accuracy"]["deviation_over_seeds"] is None
