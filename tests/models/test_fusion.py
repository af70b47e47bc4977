"""Stacked ridge regressions: against scikit-learn's, and against leaving people out one by one."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss

from ckseq.errors import CallError
from ckseq.models import _fused_ridges as fused
from ckseq.models.fusion import FusionConfig, build
from ckseq.signal.augment import AugmentConfig
from ckseq.signal.face_shape import face_shape
from ckseq.signal.gradients import mirror_gradients
from ckseq.signal.landmarks import mirror_landmarks

N_LANDMARKS = len(face_shape("face_mesh").points) + 3
CLASSES = 3


END = 12 + N_LANDMARKS


def sequences(*, people=6, motion=0.0, shape=0.0, texture=0.0, seed=0):
    """Return sequences whose class shows in the motion, in the landmarks, in moving gradients, or in none of these."""
    rng = np.random.default_rng(seed)
    codes = np.tile(np.arange(CLASSES), 2 * people)
    subjects = tuple(f"S{i // (2 * CLASSES)}" for i in range(len(codes)))
    x = np.zeros((len(codes), 8, 2, END + 256, 2), np.float32)
    x[..., :12, :] = rng.random((*x.shape[:3], 12, 2)) * 0.2
    x[..., 12:END, 0] = rng.normal(0, 0.02, (*x.shape[:3], N_LANDMARKS))
    x[..., END:, 0] = rng.random((*x.shape[:3], 256)) * 0.1
    for code in range(CLASSES):
        x[codes == code, :, :, 4 * code : 4 * code + 4] += motion
        x[codes == code, :, 1, 12 + 10 * code : 22 + 10 * code, 0] += shape
        x[codes == code, ::2, 1, END + 20 * code : END + 20 * code + 20, 0] += texture
    return x, codes, subjects


def estimator(x, versions=2, **settings):
    return fused.FusedRidges(x.shape[1:], n_landmarks=N_LANDMARKS, pool=3, parts=2, versions=versions, **settings)


def fitted(x, codes, subjects, augmentation=None, **settings):
    return estimator(x, **settings).fit(x, codes, subjects=subjects, augmentation=augmentation)


def test_a_ridge_is_scikit_learns_and_its_left_out_scores_are_those_of_leaving_people_out():
    rng = np.random.default_rng(1)
    x, codes = rng.normal(size=(20, 40)), np.tile([0, 1, 2, 1], 5)
    people = np.repeat(np.arange(5), 4)
    found = fused._fit_ridge(x, codes, people, 3)
    targets = 2.0 * np.eye(3)[codes] - 1
    offsets = targets.mean(0)

    def predicted(penalty, rows, at):
        ridge = Ridge(alpha=penalty, fit_intercept=False).fit(x[rows], (targets - offsets)[rows])
        return ridge.predict(x[at]) + offsets

    errors = {}
    for penalty in fused._PENALTIES * (x**2).sum():
        out = np.concatenate([predicted(penalty, people != one, people == one) for one in range(5)])
        errors[penalty] = (((out - targets) ** 2).mean(), out)
    best = min(errors, key=lambda penalty: errors[penalty][0])
    np.testing.assert_allclose(found.left_out, errors[best][1], atol=1e-8)
    np.testing.assert_allclose(
        x @ found.coefficients + found.offsets, predicted(best, slice(None), slice(None)), atol=1e-8
    )


def test_every_view_of_a_sequence_has_length_one_and_all_count_the_same():
    x, _, _ = sequences(motion=0.3)
    views = estimator(x, mean_gradients=True)._views(x)
    vectors = fused._scaling(views).vectors(views)
    assert len(vectors) == 7
    for vector in vectors:
        np.testing.assert_allclose(np.linalg.norm(vector, axis=1), 1)
    both = fused._beside(vectors)
    np.testing.assert_allclose(both @ both.T, np.mean([vector @ vector.T for vector in vectors], axis=0))
    # a face unlike all others: its view points where it is, and is no longer than the rest
    views[2][0] = 1e6
    assert np.linalg.norm(fused._scaling(views).vectors(views)[2][0]) == pytest.approx(1)


def test_only_the_means_of_parts_of_the_time_keep_their_unit():
    x, _, _ = sequences(motion=0.3)
    views = estimator(x)._views(x)
    means, scales = fused._scaling(views)
    for place, (view, mean, scale) in enumerate(zip(views, means, scales, strict=True)):
        deviation = ((view - mean) * scale).std(axis=0)
        moving = view.std(axis=0) > 1e-8
        assert moving.any()
        expected = view.std(axis=0)[moving] if place == 0 else 1
        np.testing.assert_allclose(deviation[moving], expected, rtol=1e-4)


def test_weights_have_the_lowest_cross_entropy():
    rng = np.random.default_rng(2)
    codes = rng.integers(0, CLASSES, 60)
    good = 2.0 * np.eye(CLASSES)[codes] - 1 + rng.normal(0, 0.8, (60, CLASSES))
    noise = rng.normal(0, 1, (60, CLASSES))
    weights = fused._choose_weights([good, noise], codes)

    def cost(first, second):
        return log_loss(codes, softmax(first * good + second * noise, axis=1)) + 1e-3 * (first + second)

    grid = [(a, b) for a in np.geomspace(0.02, 50, 15) for b in np.geomspace(0.02, 50, 15)]
    assert cost(*weights) <= min(cost(*one) for one in grid) + 1e-4
    assert weights[0] > 5 * weights[1]


def test_motion_alone_is_trusted_where_it_carries_over_and_all_views_where_they_do():
    motion, together = fitted(*sequences(motion=0.3)).weights_
    assert motion > together
    for view in ({"shape": 0.1}, {"texture": 0.2}):
        motion, together = fitted(*sequences(**view)).weights_
        assert together > 10 * motion


def test_scores_are_the_weighted_sum_of_both_regressions():
    x, codes, subjects = sequences(motion=0.1, shape=0.03)
    model = fitted(x, codes, subjects)
    people = np.unique(subjects, return_inverse=True)[1]
    views = model._views(x)
    vectors = fused._scaling(views).vectors(views)
    total = 0
    for weight, some in zip(model.weights_, (vectors[:2], vectors), strict=True):
        ridge = fused._fit_ridge(fused._beside(some), codes, people, CLASSES)
        total = total + weight * (fused._beside(some) @ ridge.coefficients + ridge.offsets)
    np.testing.assert_allclose(model.decision_function(x), total, atol=1e-9)


def test_people_who_were_not_learned_from_are_named():
    x, codes, subjects = sequences(people=9, motion=0.1, shape=0.03, texture=0.05)
    new = np.array([subject in ("S0", "S5") for subject in subjects])
    model = fitted(x[~new], codes[~new], tuple(np.array(subjects)[~new]), AugmentConfig(mirror=0.0, gain=0.2))
    assert (model.predict(x[new]) == codes[new]).mean() > 0.9
    rows = model.predict_proba(x[new])
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    np.testing.assert_array_equal(rows.argmax(axis=1), model.predict(x[new]))


def test_versions_are_mirrored_in_all_parts_and_only_the_projections_are_shifted():
    x, _, _ = sequences(motion=0.3, shape=0.1)
    (version,) = estimator(x, versions=1)._augmented(x, AugmentConfig(mirror=1.0))
    np.testing.assert_array_equal(version[:, :, 0, :12], x[:, :, 0, 11::-1])
    np.testing.assert_array_equal(version[:, :, 1, :12], x[:, :, 1, :12])
    np.testing.assert_array_equal(version[..., 12:END, 0], mirror_landmarks(x[..., 12:END, 0], face_shape("face_mesh")))
    np.testing.assert_array_equal(version[..., END:, 0], mirror_gradients(x[..., END:, 0]))
    (version,) = estimator(x, versions=1)._augmented(x, AugmentConfig(shift_px=3.0, gain=0.3))
    np.testing.assert_array_equal(version[..., 12:, :], x[..., 12:, :])
    assert not np.array_equal(version[..., :12, :], x[..., :12, :])
    assert not list(estimator(x)._augmented(x, AugmentConfig()))
    assert not list(estimator(x)._augmented(x, None))


def test_statistics_are_mean_deviation_tenths_speed_and_change():
    values = np.array([[[0.0], [1], [2], [3], [4], [8]]], np.float32)
    np.testing.assert_allclose(fused._shape_views(values)[0][..., 0], [[3, values.std(), 0.5, 6, 8 / 5, 8]])
    assert np.isfinite(fused._shape_views(values[:, :1])).all()


def test_sequences_without_landmarks_are_refused():
    with pytest.raises(CallError, match='set input = "fused"'):
        build(FusionConfig(), input_shape=(24, 2, 100, 3), n_classes=3)


@pytest.mark.parametrize("mean_gradients", [False, True])
def test_versions_of_a_sequence_are_answered_as_whole_sequences_are(mean_gradients):
    x, codes, subjects = sequences(motion=0.2, shape=0.05, texture=0.1)
    model = fitted(x, codes, subjects, mean_gradients=mean_gradients)
    whole, rng = x[0], np.random.default_rng(3)
    versions = np.repeat(whole[np.newaxis], 5, axis=0)
    versions[1, :, 0, 2, 1] = rng.random(8)  # a column of the motion; its neighbors in the pool stay
    versions[2, :, :, 12:20, 0] = 0  # landmarks, and with them distances
    versions[3, :, 1, END + 30 : END + 40, 0] = rng.random((8, 10))
    versions[4] = x[1]
    places = np.nonzero((versions != whole).any(axis=1))
    values = np.moveaxis(versions, 1, -1)[places]
    found = model.predict_proba_of_versions(whole, places, values, len(versions))
    np.testing.assert_allclose(found, model.predict_proba(versions), rtol=1e-5, atol=1e-9)
    nothing = tuple(np.empty(0, int) for _ in range(4))
    unchanged = model.predict_proba_of_versions(whole, nothing, np.empty((0, 8), np.float32), 2)
    np.testing.assert_allclose(unchanged, model.predict_proba(x[[0, 0]]), rtol=1e-5)
