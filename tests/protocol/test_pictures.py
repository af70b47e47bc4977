import numpy as np
import pytest
from scipy.stats import multivariate_normal

from ckseq.protocol import pictures
from ckseq.protocol.pictures import PICTURE_PX, as_vector, predict_pictures


def samples(n_subjects=9, effect=1.0, seed=0, classes=("anger", "fear", "joy")):
    """Two or three classes of each subject, which differ in some of 30 gray values; the rest is the subject's own."""
    rng = np.random.default_rng(seed)
    labels, subjects, rows = [], [], []
    for subject in range(n_subjects):
        own = rng.normal(0, 20, 30)
        for code, label in enumerate(classes[: 2 + subject % 2]):
            row = 100 + own + rng.normal(0, 5, 30)
            row[8 * code : 8 * code + 8] += 20 * effect
            rows.append(row)
            labels.append(label)
            subjects.append(f"S{subject:03}")
    return np.array(rows), np.array(labels), np.array(subjects)


def normal_probabilities(train, labels, test, ridge):
    """Bayes' rule with normal densities of one covariance."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    train, test = (train - mean) / deviation, (test - mean) / deviation
    classes = np.unique(labels)
    centers = {label: train[labels == label].mean(axis=0) for label in classes}
    residuals = train - np.array([centers[label] for label in labels])
    covariance = residuals.T @ residuals / len(train) + ridge * np.eye(train.shape[1])
    weighted = np.array(
        [multivariate_normal(centers[one], covariance).logpdf(test) + np.log(np.mean(labels == one)) for one in classes]
    )
    weighted = np.exp(weighted - weighted.max(axis=0))
    return (weighted / weighted.sum(axis=0)).T


@pytest.mark.parametrize("n_subjects", [6, 15])
def test_probabilities_are_those_of_normal_densities(n_subjects):
    train, labels, _ = samples(n_subjects)
    test, *_ = samples(4, seed=1)
    codes = np.unique(labels, return_inverse=True)[1]
    found = pictures._fit(train, codes, 3)(test)
    for ridge, probabilities in zip(pictures._RIDGES, found, strict=True):
        np.testing.assert_allclose(probabilities, normal_probabilities(train, labels, test, ridge), atol=1e-6)


@pytest.mark.parametrize("effect", [0.2, 1.0])
def test_the_ridge_is_chosen_between_subjects_and_the_class_predicted_with_it(effect):
    train, labels, subjects = samples(15, effect)
    test, *_ = samples(9, effect, seed=1)
    groups = np.array([int(subject[1:]) % 4 for subject in subjects])
    classes = np.unique(labels)
    errors = [
        sum(
            ((normal_probabilities(train[groups != one], labels[groups != one], train[groups == one], ridge)
              - (labels[groups == one][:, np.newaxis] == classes)) ** 2).sum()
            for one in range(4)
        )
        for ridge in pictures._RIDGES
    ]  # fmt: skip
    best = pictures._RIDGES[int(np.argmin(errors))]
    expected = classes[normal_probabilities(train, labels, test, best).argmax(axis=1)]
    assert predict_pictures(train, labels, subjects, test) == expected.tolist()
    assert len(set(expected)) > 1


def test_classes_in_a_row_are_all_found():
    rng = np.random.default_rng(0)
    levels = np.tile(np.arange(5), 12)
    light = np.linspace(0, 1, 40)
    rows = 60 + rng.normal(0, 3, (60, 40)) + 20 * levels[:, np.newaxis] * light
    subjects = np.repeat([f"S{number}" for number in range(12)], 5)
    predicted = predict_pictures(rows[:40], levels[:40].astype(str), subjects[:40], rows[40:])
    assert np.mean(np.array(predicted) == levels[40:].astype(str)) > 0.9


def test_one_subject_one_picture_and_a_constant_pixel_are_enough():
    train, labels, subjects = samples(1)
    train[:, 3] = 7
    assert len(predict_pictures(train, labels, subjects, train)) == 2
    assert predict_pictures(train[:1], labels[:1], subjects[:1], train) == ["anger"] * 2


def test_a_picture_is_read_as_the_means_of_its_parts():
    picture = np.arange(PICTURE_PX**2, dtype=np.uint8).reshape(PICTURE_PX, PICTURE_PX)
    np.testing.assert_array_equal(as_vector(np.kron(picture, np.ones((4, 4), np.uint8))), picture.ravel())
