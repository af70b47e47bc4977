"""Minimal filtering against the sum that it stands for."""

import numpy as np
import pytest

from ckseq.models._filtering import filtering


@pytest.mark.parametrize("width", [1, 2, 3, 4, 9])
def test_equals_the_plain_correlation(width):
    way = filtering(width)
    rng = np.random.default_rng(width)
    kernel, row = rng.normal(size=width), rng.normal(size=way.outputs + width - 1)
    outputs = way.a @ ((way.b @ row) * (way.g @ kernel))
    np.testing.assert_allclose(outputs, np.correlate(row, kernel, "valid"), atol=1e-6)


def test_three_columns_take_half_the_multiplications():
    way = filtering(3)
    assert (way.outputs, way.products) == (4, 6)
