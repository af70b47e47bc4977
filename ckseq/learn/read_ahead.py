"""The next batch is read from the disk while the network computes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

# a batch in memory besides the one that is computed; larger ones are left to whoever reads them in parts
_MOST_BYTES = 2**27


def batches(x: Any, rows: Sequence[NDArray[np.int_]]) -> Iterator[Any]:
    """Yield the rows of each batch: of an array as they are, of what is on the disk read one batch ahead.

    Parameters
    ----------
    x : (n, ...) array, or an object that ``numpy.asarray`` reads and whose rows can be selected
    rows : sequence of (b,) int
        The rows of each batch.

    Raises
    ------
    DataError
        What is on the disk is gone, damaged, or was replaced.
    """
    largest = max(map(len, rows), default=0) * math.prod(x.shape[1:]) * 4
    if isinstance(x, np.ndarray) or len(rows) < 2 or largest > _MOST_BYTES:
        yield from (x[one] for one in rows)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="read ahead") as reader:
        ahead = reader.submit(np.asarray, x[rows[0]])
        for following in rows[1:]:
            batch = ahead.result()
            ahead = reader.submit(np.asarray, x[following])
            yield batch
        yield ahead.result()
