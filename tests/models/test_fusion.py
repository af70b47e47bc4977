"""Ridge regressions of projections and landmarks: against scikit-learn's, and against leaving people out one by one."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ckseq.errors import CallError
from ckseq.models import _fused_ridges as fused
from ckseq.models.fusion import FusionConfig, build
from ckseq.signal.augment import AugmentConfig
from ckseq.signal.face_shape import face_shape
from ckseq.signal.landmarks import mirror_landmarks

N_LANDMARKS = len(face_shape("face_mesh").points) + 3
CLASSES = 3


def sequences(*, people=6, motion=0.0, shape=0.0, seed=0):
    """Return sequences whose class shows in the motion, in the landmarks, or in neither."""
    rng = np.random.default_rng(seed)
    codes = np.tile(np.arange(CLASSES), 2 * people)
    subjects = tuple(f"S{i // (2 * CLASSES)}" for i in range(len(codes)))
    x = np.zeros((len(codes), 8, 2, 12 + N_LANDMARKS, 2), np.float32)
    x[..., :12, :] = rng.random((*x.shape[:3], 12, 2)) * 0.2
    x[..., 12:, 0] = rng.normal(0, 0.02, (*x.shape[:3], N_LANDMARKS))
    for code in range(CLASSES):
        x[codes == code, :, :, 4 * code : 4 * code + 4] += motion
        x[codes == code, :, 1, 12 + 10 * code : 22 + 10 * code, 0] += shape
    return x, codes, subjects


def fitted(x, codes, subjects, augmentation=None, versions=2):
    model = fused.FusedRidges(x.shape[1:], n_landmarks=N_LANDMARKS, pool=3, parts=2, versions=versions)
    return model.fit(x, codes, subjects=subjects, augmentation=augmentation)


def test_a_ridge_is_scikit_learns_and_its_left_out_scores_are_those_of_leaving_people_out():
    rng = np.random.default_rng(1)
    x, codes = rng.normal(size=(20, 40)) * rng.uniform(0.1, 5, 40) + 3, np.tile([0, 1, 2, 1], 5)
    people = np.repeat(np.arange(5), 4)
    view, left_out = fused._fit_ridge(x, codes, people, 3)
    z, targets = (x - x.mean(0)) / x.std(0), 2.0 * np.eye(3)[codes] - 1
    offsets = targets.mean(0)

    def predicted(penalty, rows, at):
        return (
            Ridge(alpha=penalty, fit_intercept=False).fit(z[rows], (targets - offsets)[rows]).predict(z[at]) + offsets
        )

    errors = {}
    for penalty in fused._PENALTIES:
        out = np.concatenate([predicted(penalty, people != one, people == one) for one in range(5)])
        errors[penalty] = (((out - targets) ** 2).mean(), out)
    best = min(errors, key=lambda penalty: errors[penalty][0])
    np.testing.assert_allclose(left_out, errors[best][1], atol=1e-8)
    np.testing.assert_allclose(view.scores(x), predicted(best, slice(None), slice(None)), atol=1e-8)


def test_views_that_do_not_carry_over_weigh_nothing_and_equal_ones_the_same():
    from_motion = fitted(*sequences(motion=0.3))
    assert from_motion.shares_[0] == 1
    assert from_motion.shares_[1] < 0.5
    from_shape = fitted(*sequences(shape=0.1))
    assert from_shape.shares_[0] < from_shape.shares_[1]
    assert fitted(*sequences()).shares_.tolist() == [1, 1, 1]  # nothing to choose by


def test_people_who_were_not_learned_from_are_named():
    x, codes, subjects = sequences(people=9, motion=0.1, shape=0.03)
    new = np.array([subject in ("S0", "S5") for subject in subjects])
    model = fitted(x[~new], codes[~new], tuple(np.array(subjects)[~new]), AugmentConfig(mirror=0.0, gain=0.2))
    assert (model.predict(x[new]) == codes[new]).mean() > 0.9
    rows = model.predict_proba(x[new])
    np.testing.assert_allclose(rows.sum(axis=1), 1)
    np.testing.assert_array_equal(rows.argmax(axis=1), model.predict(x[new]))


def test_versions_are_mirrored_in_both_and_the_landmarks_are_not_shifted():
    x, _, _ = sequences(motion=0.3, shape=0.1)
    model = fused.FusedRidges(x.shape[1:], n_landmarks=N_LANDMARKS, pool=3, parts=2, versions=1)
    (version,) = model._augmented(x, AugmentConfig(mirror=1.0))
    np.testing.assert_array_equal(version[:, :, 0, :12], x[:, :, 0, 11::-1])
    np.testing.assert_array_equal(version[:, :, 1, :12], x[:, :, 1, :12])
    np.testing.assert_array_equal(version[..., 12:, 0], mirror_landmarks(x[..., 12:, 0], face_shape("face_mesh")))
    (version,) = model._augmented(x, AugmentConfig(shift_px=3.0, gain=0.3))
    np.testing.assert_array_equal(version[..., 12:, :], x[..., 12:, :])
    assert not np.array_equal(version[..., :12, :], x[..., :12, :])
    assert model._augmented(x, AugmentConfig()) == model._augmented(x, None) == []


def test_statistics_are_mean_deviation_speed_and_change():
    values = np.array([[[0.0], [1], [2], [3], [4], [8]]], np.float32)
    np.testing.assert_allclose(fused._statistics(values), [[3, values.std(), 8 / 5, 8]])
    assert np.isfinite(fused._statistics(values[:, :1])).all()


def test_sequences_without_landmarks_are_refused():
    with pytest.raises(CallError, match='set input = "fused"'):
        build(FusionConfig(), input_shape=(24, 2, 100, 3), n_classes=3)
