"""CK+'s landmark files: the 68 points of a face in one frame, x and y in pixels on each line."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError

Points = NDArray[np.float64]
"""(68, 2) float64: x and y in pixels."""


def read_points(content: bytes, where: str) -> Points:
    """Return the points of a landmark file, (68, 2) float64.

    Parameters
    ----------
    content : bytes
        The file.
    where : str
        Its name, for the message.

    Raises
    ------
    DataError
        It holds something else.
    """
    try:
        points = np.array(content.split(), np.float64)
    except ValueError:
        points = np.empty(0)
    if points.size != 136 or not np.isfinite(points).all():
        raise DataError("does not hold 68 points", where, "download Landmarks.zip again, or do without")
    return points.reshape(68, 2)
