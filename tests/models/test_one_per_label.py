"""One estimator for each label: as if each were fitted alone, also after saving."""

import numpy as np
import pytest

from ckseq.learn.multi_label import one_per_label
from ckseq.learn.predict import load_trained_model, probabilities, save_estimator
from ckseq.models import gradient_boosting, random_forest, ridge

SHAPE = (6, 2, 12, 1)


@pytest.fixture(scope="module")
def material():
    rng = np.random.default_rng(0)
    y = (rng.random((50, 3)) < 0.4).astype(int)
    x = rng.random((50, *SHAPE), dtype=np.float32) / 4
    for k in range(3):
        x[:, :, :, 4 * k : 4 * k + 4] += 0.1 * y[:, k, None, None, None, None]
    return x, y


def built(module, **values):
    model = module.build(module.SPEC.config(**values), input_shape=SHAPE, n_classes=3)
    model.set_params(**{name: 0 for name in model.get_params() if name.endswith("random_state")})
    return model


@pytest.mark.parametrize("module", [ridge, random_forest, gradient_boosting], ids=lambda module: module.SPEC.name)
def test_each_label_is_learned_as_if_it_were_alone(module, material, tmp_path):
    x, y = material
    together = one_per_label(built(module)).fit(x, y)
    found = probabilities(together, x)
    for k in range(3):
        alone = probabilities(built(module).fit(x, y[:, k]), x)[:, 1]
        if module is ridge:  # of classes a softmax of -s and s, here the sigmoid of s
            alone = 1 / (1 + np.sqrt(1 / alone - 1))
        np.testing.assert_allclose(found[:, k], alone, atol=1e-5)
        assert ((found[:, k] >= 0.5) == y[:, k]).mean() > 0.9
    save_estimator(tmp_path, together)
    np.testing.assert_array_equal(probabilities(load_trained_model(tmp_path), x), found)
