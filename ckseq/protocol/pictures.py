"""A linear model of single pictures: how well a class is recognized without any motion."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

PICTURE_PX = 12
"""Side at which pictures are read: light, place and build of a face remain, and 118 folds take seconds."""
# added to the variance of standardized gray values: from hardly any to one that leaves the distances to the class means
_RIDGES = np.logspace(-3, 4, 8)
_N_GROUPS = 4


def as_vector(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the gray values of a picture, (h, w) uint8, at `PICTURE_PX`, (PICTURE_PX squared,) float64."""
    import cv2

    small = cv2.resize(picture, (PICTURE_PX, PICTURE_PX), interpolation=cv2.INTER_AREA)
    return small.ravel().astype(np.float64)


def predict_pictures(
    train: NDArray[np.float64], labels: Sequence[str], subjects: Sequence[str], test: NDArray[np.float64]
) -> list[str]:
    """Return the most probable class of pictures by `picture_probabilities`.

    Parameters
    ----------
    train : (n, p) float64
        At least one picture.
    labels, subjects : sequence of str
        Of the training pictures.
    test : (m, p) float64

    Returns
    -------
    list of str
        The labels of the test pictures.
    """
    classes = sorted(set(labels))
    codes = np.array([classes.index(label) for label in labels])
    found = picture_probabilities(train, codes, len(classes), subjects, test)
    return [classes[place] for place in found.argmax(axis=1)]


def picture_probabilities(
    train: NDArray[np.float64],
    codes: NDArray[np.int_],
    n_classes: int,
    subjects: Sequence[str],
    test: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return class probabilities of pictures: linear discriminant analysis of gray values, ridge on the covariance.

    The ridge is the best of a grid in cross-validation over up to four groups of the training subjects, by the squared
    error of the probabilities (Friedman 1989, JASA 84; Brier 1950). A regression on class indicators would miss classes
    that lie in a row, such as four strengths of a light (Hastie et al. 2009, section 4.2).

    Parameters
    ----------
    train : (n, p) float64
        Gray values, which are standardized; at least one picture.
    codes : (n,) int
        Class of each, 0 to ``n_classes`` - 1.
    n_classes : int
    subjects : sequence of str
        Of the training pictures.
    test : (m, p) float64

    Returns
    -------
    (m, n_classes) float64
    """
    from threadpoolctl import threadpool_limits

    names = sorted(set(subjects))
    # one subject cannot be divided, but its pictures can
    keys = [names.index(name) for name in subjects] if len(names) > 1 else range(len(train))
    groups = np.array([key % _N_GROUPS for key in keys])
    errors = np.zeros(len(_RIDGES))
    # threads that wait for each other make such small matrices many times slower on busy cores
    with threadpool_limits(limits=1, user_api="blas"):
        for group in np.unique(groups):
            held = groups == group
            if not held.all():
                probabilities = _fit(train[~held], codes[~held], n_classes)(train[held])
                errors += ((probabilities - np.eye(n_classes)[codes[held]]) ** 2).sum(axis=(1, 2))
        return np.asarray(_fit(train, codes, n_classes)(test)[int(errors.argmin())], np.float64)


def _fit(
    x: NDArray[np.float64], codes: NDArray[np.int_], n_classes: int
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Return a function from pictures to their class probabilities for every ridge, (ridges, pictures, classes)."""
    mean, deviation = x.mean(axis=0), x.std(axis=0)
    deviation[deviation == 0] = 1
    standard = (x - mean) / deviation
    counts = np.bincount(codes, minlength=n_classes)
    centers = np.stack([standard[codes == code].sum(axis=0) / max(n, 1) for code, n in enumerate(counts)])
    residuals = standard - centers[codes]
    # one decomposition serves every ridge
    values, vectors = np.linalg.eigh(residuals.T @ residuals / len(x))
    rotated = centers @ vectors
    with np.errstate(divide="ignore"):  # a class that is in no picture has the probability 0
        prior = np.log(counts / len(x))

    def probabilities(pictures: NDArray[np.float64]) -> NDArray[np.float64]:
        seen = (pictures - mean) / deviation @ vectors
        found = []
        for ridge in _RIDGES:
            scaled = rotated / (np.maximum(values, 0) + ridge)
            scores = seen @ scaled.T - (scaled * rotated).sum(axis=1) / 2 + prior
            odds = np.exp(scores - scores.max(axis=1, keepdims=True))
            found.append(odds / odds.sum(axis=1, keepdims=True))
        return np.stack(found)

    return probabilities
