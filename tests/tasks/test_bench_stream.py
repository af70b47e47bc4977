import os

import numpy as np
import pytest

from ckseq.console import Console
from ckseq.tasks import bench_stream


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not bind processes to cores")
def test_one_core_is_given_back():
    before = os.sched_getaffinity(0)
    with bench_stream._one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before


def test_the_histogram_counts_every_frame():
    counted = bench_stream._histogram(np.array([1.0, 2.0, 3.9, 50.0, 900.0]))
    assert sum(counted.values()) == 5
    assert (counted["under 2"], counted["under 4"], counted["under 64"], counted["128 and more"]) == (1, 2, 1, 1)
    Console(quiet=False).say(bench_stream._histogram_table(counted))
