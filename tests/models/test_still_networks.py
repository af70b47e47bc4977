"""What the model cards of the networks for images promise."""

import pytest

from ckseq.errors import CallError
from ckseq.models import cnn_small

SHAPE = (48, 48, 1)


@pytest.mark.parametrize(("module", "n_parameters"), [(cnn_small, 318_407)])
def test_the_size_is_that_of_the_card(module, n_parameters):
    model = module.build(module.Config(), input_shape=SHAPE, n_classes=7)
    assert model.count_params() == n_parameters
    assert f"{n_parameters:,}" in module.__doc__
    assert module.export(model) is model


@pytest.mark.parametrize("module", [cnn_small])
def test_the_least_side_is_the_least(module):
    with pytest.raises(CallError, match="needs images of at least 18 pixels a side, not 40x17") as caught:
        module.build(module.Config(), input_shape=(17, 40, 1), n_classes=3)
    assert "faces.side_px" in caught.value.fix
    module.build(module.Config(), input_shape=(18, 18, 1), n_classes=3)
