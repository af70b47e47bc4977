"""What the model cards of the light networks promise."""

import keras
import numpy as np
import pytest

from ckseq.errors import CallError
from ckseq.models import conv_lstm_light, conv_time_width, gru

SHAPE = (24, 2, 267, 2)


@pytest.mark.parametrize(
    ("module", "n_parameters"), [(conv_time_width, 45_695), (conv_lstm_light, 4_167), (gru, 24_615)]
)
def test_the_size_is_that_of_the_card(module, n_parameters):
    model = module.build(module.SPEC.config(), input_shape=SHAPE, n_classes=7)
    assert model.count_params() == n_parameters
    assert f"{n_parameters:,}" in module.__doc__
    assert module.SPEC.export(model) is model


@pytest.mark.parametrize("module", [conv_lstm_light, gru])
@pytest.mark.parametrize("before", [0, 2, 5])
def test_padding_is_passed_by(module, before):
    keras.utils.set_random_seed(2)
    x = np.random.default_rng(0).random((3, 6, 2, 20, 1), dtype=np.float32)
    padded = np.zeros((3, 11, 2, 20, 1), np.float32)
    padded[:, before : before + 6] = x
    short = module.build(module.SPEC.config(), input_shape=x.shape[1:], n_classes=3)
    long = module.build(module.SPEC.config(), input_shape=padded.shape[1:], n_classes=3)
    long.set_weights(short.get_weights())
    np.testing.assert_allclose(long(padded), short(x), atol=1e-6)


def test_where_something_moves_counts():
    keras.utils.set_random_seed(2)
    model = conv_time_width.build(conv_time_width.ConvTimeWidthConfig(), input_shape=(8, 2, 60, 1), n_classes=3)
    x = np.zeros((2, 8, 2, 60, 1), np.float32)
    x[0, :, 0, 6:12] = x[1, :, 0, 36:42] = 0.5
    one, other = model(x).numpy()
    assert np.abs(one - other).max() > 1e-3


def test_without_convolutions_it_is_linear_in_the_root():
    keras.utils.set_random_seed(2)
    model = conv_time_width.build(
        conv_time_width.ConvTimeWidthConfig(filters=0), input_shape=(8, 2, 60, 1), n_classes=3
    )
    x = np.random.default_rng(1).random((1, 8, 2, 60, 1), dtype=np.float32)
    rows = np.log(model(np.concatenate([0 * x, x, 4 * x])))
    # four times the motion is twice its root, and so twice the score
    scores = rows - rows.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(scores[2] - scores[0], 2 * (scores[1] - scores[0]), atol=1e-5)


@pytest.mark.parametrize("module", [conv_time_width, conv_lstm_light, gru])
def test_negative_values_count_where_no_root_is_taken(module):
    """Landmarks are negative as well."""
    for root in (True, False):
        keras.utils.set_random_seed(2)
        model = module.build(module.SPEC.config(root=root), input_shape=(8, 2, 60, 1), n_classes=3)
        x = -np.random.default_rng(1).random((1, 8, 2, 60, 1), dtype=np.float32)
        one, twice = (model(values).numpy() for values in (x, x * np.linspace(1, 2, 60)[:, None]))
        assert (np.abs(one - twice).max() > 1e-3) is not root


def test_nothing_to_read_is_refused():
    config = conv_time_width.ConvTimeWidthConfig(filters=0, plain=False)
    with pytest.raises(CallError, match="leave no input"):
        conv_time_width.build(config, input_shape=SHAPE, n_classes=7)
