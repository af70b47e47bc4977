"""What every network must do, whatever it is: one test over all files of the room."""

import keras
import numpy as np
import pytest

from ckseq import choices

INPUT_SHAPE = (5, 2, 12, 1)
N_CLASSES = 3
MODELS = choices.names("models")


@pytest.fixture
def sequences():
    """Three classes, each with its light at another place, twelve of each."""
    generator = np.random.default_rng(3)
    codes = np.repeat(np.arange(N_CLASSES), 12)
    x = generator.random((len(codes), *INPUT_SHAPE), dtype=np.float32) * 0.2
    for code in range(N_CLASSES):
        x[codes == code, :, :, 4 * code : 4 * code + 4] += 1
    return x, codes


def built(name, seed=1):
    keras.utils.set_random_seed(seed)
    module = choices.load("models", name)
    return module, module.build(module.Config(), input_shape=INPUT_SHAPE, n_classes=N_CLASSES)


@pytest.mark.parametrize("name", MODELS)
class TestModel:
    def test_every_field_of_the_config_is_explained(self, name):
        for field in choices.load("models", name).Config.model_fields.values():
            assert field.description

    def test_gives_probabilities(self, name, sequences):
        _, model = built(name)
        probabilities = model.predict(sequences[0], verbose=0)
        assert probabilities.shape == (36, N_CLASSES)
        assert (probabilities >= 0).all()
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)

    def test_learns_and_saves_what_it_learned(self, name, sequences, tmp_path):
        x, codes = sequences
        module, model = built(name)
        model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
        model.fit(x, codes, batch_size=12, epochs=12, verbose=0)
        probabilities = model.predict(x, verbose=0)
        assert (probabilities.argmax(1) == codes).mean() > 0.6

        module.export(model).save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        np.testing.assert_allclose(loaded.predict(x, verbose=0), probabilities, atol=1e-5)

    def test_same_seed_same_network(self, name):
        first, second = built(name)[1], built(name)[1]
        for one, other in zip(first.get_weights(), second.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
