"""The matrices of Winograd's minimal filtering: convolution along a row with few multiplications."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Filtering(NamedTuple):
    """How neighboring outputs of a row follow from inputs and a kernel: ``a @ ((b @ inputs) * (g @ kernel))``.

    Parameters
    ----------
    a : float32 (outputs, products)
    b : float32 (products, outputs + width - 1)
    g : float32 (products, width)
    """

    a: NDArray[np.float32]
    b: NDArray[np.float32]
    g: NDArray[np.float32]

    @property
    def outputs(self) -> int:
        """Outputs at once."""
        return len(self.a)

    @property
    def products(self) -> int:
        """Multiplications for them."""
        return len(self.b)


def filtering(width: int) -> Filtering:
    """Return the filtering matrices for a kernel of this width.

    For three columns it is F(4, 3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016:
    6 multiplications for 4 outputs instead of 12. For other widths it is the plain sum.

    >>> way = filtering(3)
    >>> (way.a @ ((way.b @ [1, 0, 0, 2, 0, 0]) * (way.g @ [1, 10, 100]))).round(3)
    array([  1., 200.,  20.,   2.])
    """
    if width != 3:
        return Filtering(
            np.ones((1, width), np.float32), np.eye(width, dtype=np.float32), np.eye(width, dtype=np.float32)
        )
    a = [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
    b = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    g = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    return Filtering(np.array(a, np.float32), np.array(b, np.float32), np.array(g, np.float32) / np.float32(24))
