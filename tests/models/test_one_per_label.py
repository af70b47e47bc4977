"""One estimator for each label: as if each were fitted alone, also after saving."""

import numpy as np
import pytest

from ckseq.learn.multi_label import one_per_label
from ckseq.learn.predict import load_trained_model, probabilities, save_estimator
from ckseq.models import gradient_boosting, minirocket, random_forest, ridge

SHAPE = (9, 2, 12, 1)


@pytest.fixture(scope="module")
def material():
    rng = np.random.default_rng(0)
    y = (rng.random((50, 3)) < 0.4).astype(int)
    x = rng.random((50, *SHAPE), dtype=np.float32) / 4
    for k in range(3):
        x[:, :, :, 4 * k : 4 * k + 4] += 0.1 * y[:, k, None, None, None, None]
    return x, y


SMALL = {random_forest: {"trees": 30}, gradient_boosting: {"rounds": 40}, minirocket: {"kernels": 84, "pool": 4}}


def built(module):
    values = SMALL.get(module, {})
    model = module.build(module.SPEC.config(**values), input_shape=SHAPE, n_classes=3)
    model.set_params(**{name: 0 for name in model.get_params() if name.endswith("random_state")})
    return model


KINDS = [ridge, random_forest, gradient_boosting, minirocket]


@pytest.mark.parametrize("module", KINDS, ids=lambda module: module.SPEC.name)
def test_each_label_is_learned_as_if_it_were_alone(module, material, tmp_path):
    x, y = material
    together = one_per_label(built(module)).fit(x, y)
    found = probabilities(together, x)
    for k in range(3):
        alone = probabilities(built(module).fit(x, y[:, k]), x)[:, 1]
        if module in (ridge, minirocket):  # of classes a softmax of -s and s, here the sigmoid of s
            alone = 1 / (1 + np.sqrt(1 / alone - 1))
        np.testing.assert_allclose(found[:, k], alone, atol=1e-5)
        assert ((found[:, k] >= 0.5) == y[:, k]).mean() > 0.9
    save_estimator(tmp_path, together)
    np.testing.assert_array_equal(probabilities(load_trained_model(tmp_path), x), found)


def test_an_estimator_that_learns_from_people_is_given_them_for_each_label():
    from ckseq.learn.fit import Labeled
    from ckseq.learn.trainer import build_trainer
    from ckseq.learn.training_config import TrainingConfig
    from ckseq.models import fusion
    from ckseq.signal.augment import AugmentConfig
    from ckseq.signal.face_shape import face_shape
    from ckseq.signal.gradients import N_COLUMNS

    rng = np.random.default_rng(0)
    n_others = len(face_shape("face_mesh").points) + 3 + N_COLUMNS
    y = (rng.random((24, 2)) < 0.5).astype(int)
    x = np.zeros((24, 6, 2, 12 + n_others, 1), np.float32)
    x[..., :12, :] = rng.random((24, 6, 2, 12, 1)) / 4
    for k in range(2):
        x[:, :, :, 6 * k : 6 * k + 6] += 0.3 * y[:, k, None, None, None, None]
    trainer = build_trainer(
        fusion.SPEC, fusion.FusionConfig(parts=2, versions=1), TrainingConfig(), augmentation=AugmentConfig(mirror=0.5),
        input_shape=x.shape[1:], n_classes=2, seed=7, multi_label=True,
    )  # fmt: skip
    trained = trainer.fit(train=Labeled(x, y, tuple(f"S{n // 4}" for n in range(24))), validation=None)
    assert ((trained.probabilities(x) >= 0.5) == y).mean() > 0.9
    assert all(one.random_state == 7 for one in trained.model[-1].classifiers_)
