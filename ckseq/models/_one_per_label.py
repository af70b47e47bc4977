"""The estimator that fits another one for each of several labels that do not exclude each other.

Saved estimators name the class by its module, so it may not be renamed. scikit-learn's ``MultiOutputClassifier`` has
probabilities only where the estimator has, and passes nothing on that is not one number per sequence.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone


class OnePerLabel(BaseEstimator):
    """One binary estimator for each label.

    Parameters
    ----------
    estimator : sklearn estimator
        A classifier with ``predict_proba`` or ``decision_function``.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of the estimator, where it reads sequences itself."""
        shape: tuple[int, ...] = self.estimator.input_shape
        return shape

    def fit(self, X: NDArray[Any], y: NDArray[np.int_], **more: Any) -> Self:  # noqa: N803
        """Fit to inputs (n, ...) and labels y (n, n_labels) of 0 and 1; ``more`` is passed on."""
        self.classifiers_ = [clone(self.estimator).fit(X, column, **more) for column in y.T]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each label, (n, n_labels).

        Of an estimator without probabilities it is the sigmoid of its decision function: its order is meaningful, and
        0.5 is where the estimator decides, but it is not calibrated.
        """
        return np.stack([_of_one(one, X) for one in self.classifiers_], axis=1)


def _of_one(classifier: Any, x: NDArray[Any]) -> NDArray[np.float64]:
    if hasattr(classifier, "predict_proba"):
        return np.asarray(classifier.predict_proba(x)[:, 1], np.float64)
    return np.asarray(1 / (1 + np.exp(-classifier.decision_function(x))), np.float64)
