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
    stages : sklearn pipeline or None
        What turns sequences into what the estimator reads, fitted once and without labels; None where nothing does.
    estimator : sklearn estimator
        A classifier with ``predict_proba`` or ``decision_function``.
    """

    def __init__(self, stages: Any, estimator: Any) -> None:
        self.stages = stages
        self.estimator = estimator

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of the sequences."""
        shape: tuple[int, ...] = (self.estimator if self.stages is None else self.stages[0]).input_shape
        return shape

    def fit(self, X: NDArray[Any], y: NDArray[np.int_], **more: Any) -> Self:  # noqa: N803
        """Fit to inputs (n, ...) and labels y (n, n_labels) of 0 and 1; ``more`` is passed on to the estimator."""
        self.stages_ = None if self.stages is None else clone(self.stages).fit(X)
        x = X if self.stages_ is None else self.stages_.transform(X)
        self.classifiers_ = [clone(self.estimator).fit(x, column, **more) for column in y.T]
        return self

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:  # noqa: N803
        """Return the probability of each label, (n, n_labels).

        Of an estimator without probabilities it is the sigmoid of its decision function: its order is meaningful, and
        0.5 is where the estimator decides, but it is not calibrated.
        """
        x = X if self.stages_ is None else self.stages_.transform(X)
        return np.stack([_of_one(one, x) for one in self.classifiers_], axis=1)


def _of_one(classifier: Any, x: NDArray[Any]) -> NDArray[np.float64]:
    if hasattr(classifier, "predict_proba"):
        return np.asarray(classifier.predict_proba(x)[:, 1], np.float64)
    return np.asarray(1 / (1 + np.exp(-classifier.decision_function(x))), np.float64)
