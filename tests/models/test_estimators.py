import sys

import numpy as np
import pytest

from ckseq.errors import CallError, DataError
from ckseq.learn.fit import Labeled
from ckseq.learn.predict import ESTIMATOR, load_trained_model, probabilities, save_estimator
from ckseq.learn.trainer import build_trainer
from ckseq.learn.training_config import TrainingConfig
from ckseq.models import gradient_boosting, minirocket, nearest_neighbors, random_forest, ridge, svm
from ckseq.models._features import Series, Vectors
from ckseq.signal.augment import AugmentConfig

SHAPE = (9, 2, 12, 1)


def material(n_classes):
    rng = np.random.default_rng(0)
    codes = np.arange(24) % n_classes
    x = rng.random((24, *SHAPE), dtype=np.float32) * 0.3
    for code in range(n_classes):
        x[codes == code, :, :, 4 * code : 4 * code + 4] += 0.4
    return Labeled(x, codes, ("S1",) * 24)


FEW = {random_forest: {"trees": 10}, gradient_boosting: {"rounds": 10}}


def trained(module, n_classes=3):
    built = build_trainer(
        module.SPEC,
        module.SPEC.config(**FEW.get(module, {})),
        TrainingConfig(),
        augmentation=AugmentConfig(),
        input_shape=SHAPE,
        n_classes=n_classes,
        seed=1,
    )
    return built.fit(train=material(n_classes), validation=None)


def test_vectors_are_the_means_of_roots():
    x = np.random.default_rng(3).random((2, 9, 2, 7, 2), dtype=np.float32)
    made = Vectors(x.shape[1:], pool=3, root=True, parts=3).transform(x)
    assert made.shape == (2, 3 * 2 * 2 * 2)
    expected = np.sqrt(x[1, 3:6, 0, 3:6, 1]).mean()  # second third, column means, second place, second channel
    assert made[1].reshape(3, 2, 2, 2)[1, 0, 1, 1] == pytest.approx(expected, rel=1e-5)


def test_series_have_a_channel_for_every_place():
    x = np.random.default_rng(3).random((2, 9, 2, 6, 2), dtype=np.float32)
    made = Series(x.shape[1:], pool=2, root=False).transform(x)
    assert made.shape == (2, 2 * 3 * 2, 9)
    np.testing.assert_allclose(made[0].reshape(2, 3, 2, 9)[1, 2, 0], x[0, :, 1, 4:6, 0].mean(axis=1), rtol=1e-6)


@pytest.mark.parametrize("module", [ridge, svm, nearest_neighbors, random_forest, gradient_boosting])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_most_probable_class_is_the_predicted_one(module, n_classes):
    made, data = trained(module, n_classes), material(n_classes)
    rows = made.probabilities(data.x)
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-6)
    np.testing.assert_array_equal(rows.argmax(1), made.model.predict(data.x))


def test_another_shape_is_refused(tmp_path):
    trained(ridge).save(tmp_path)
    with pytest.raises(DataError, match=r"\(8, 2, 12, 1\) do not fit a model that reads \(9, 2, 12, 1\)"):
        probabilities(load_trained_model(tmp_path), np.zeros((1, 8, 2, 12), np.float32))


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"PK" * 99])
def test_a_damaged_estimator_is_told_in_one_line(tmp_path, damage):
    trained(ridge).save(tmp_path)
    (tmp_path / ESTIMATOR).write_bytes(damage((tmp_path / ESTIMATOR).read_bytes()))
    with pytest.raises(DataError, match="cannot be loaded") as caught:
        load_trained_model(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("module", [random_forest, gradient_boosting])
def test_a_tree_that_points_to_nowhere_is_not_loaded(module, tmp_path):
    made = trained(module)
    tree = np.ravel(made.model[-1].estimators_)[0].tree_
    state = tree.__getstate__()
    state["nodes"]["left_child"][0] = 10**6
    tree.__setstate__(state)
    made.save(tmp_path)
    with pytest.raises(DataError, match="cannot be loaded: a decision tree in it is damaged"):
        load_trained_model(tmp_path)


@pytest.mark.parametrize("module", [random_forest, gradient_boosting])
def test_a_tree_of_more_features_than_there_are_is_not_loaded(module, tmp_path):
    made = trained(module)
    member = np.ravel(made.model[-1].estimators_)[0]
    tree = member.tree_
    wider = type(tree)(tree.n_features + 10**6, np.asarray(tree.n_classes, np.intp), tree.n_outputs)
    state = tree.__getstate__()
    state["nodes"]["feature"][0] = tree.n_features + 10
    wider.__setstate__(state)
    member.tree_ = wider
    made.save(tmp_path)
    with pytest.raises(DataError, match="cannot be loaded: a decision tree in it is damaged"):
        load_trained_model(tmp_path)


def test_an_estimator_of_types_nobody_trusts_is_not_loaded(tmp_path):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    save_estimator(tmp_path, make_pipeline(FunctionTransformer(np.load)))
    with pytest.raises(DataError, match="cannot be loaded"):
        load_trained_model(tmp_path)


def test_minirocket_without_aeon_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "aeon.transformations.collection.convolution_based", None)
    with pytest.raises(CallError, match=r"needs the package aeon; pip install 'ckseq\[minirocket\]'"):
        minirocket.build(minirocket.MiniRocketConfig(), input_shape=SHAPE, n_classes=3)


def test_minirocket_refuses_short_sequences():
    with pytest.raises(CallError, match="at least 9 steps, not 8"):
        minirocket.build(minirocket.MiniRocketConfig(), input_shape=(8, 2, 12, 1), n_classes=3)
