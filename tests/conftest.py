"""Fixtures for every test: small synthetic recordings, and the folder of real photographs where there is one."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# matrices of this size take a fraction of the time on one core, above all where other tests use the others
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# MiniRocket's functions take longer to compile than all that the tests compute with them
os.environ.setdefault("NUMBA_OPT", "0")
sys.path.insert(0, str(Path(__file__).parent))

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from ckseq.console import Console

# how long an example takes says something of the machine and nothing of the code
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

TESTS = Path(__file__).parent
SLOW = (
    "api/test_runs.py",
    "learn",
    "models",
    "executors/test_cluster.py",
    "experiment/test_features.py",
    "search/test_finalists.py",
    "tasks/test_bench_stills.py",
    "tasks/test_check_plugin.py",
    "tasks/test_crossval.py",
    "tasks/test_explain.py",
    "tasks/test_export.py",
    "tasks/test_live.py",
    "tasks/test_on_cluster.py",
    "tasks/test_peer_fer.py",
    "tasks/test_predict.py",
    "tasks/test_reproduce.py",
    "tasks/test_still_experiments.py",
    "tasks/test_stills.py",
    "tasks/test_strictness.py",
    "tasks/test_train.py",
    "tasks/test_tune.py",
    "test_cli.py",
    "test_plugins.py",
)
"""Folders and files whose tests import TensorFlow, train, or start the command line; single tests carry the mark."""


def pytest_collection_modifyitems(items):
    """Mark the tests of the slow folders and files as slow, and begin with them; one that is gone is an error."""
    slow = [TESTS / place for place in SLOW]
    for path in slow:
        if not path.exists():
            raise pytest.UsageError(f"{path} in tests/conftest.py's list of slow tests does not exist")
    for item in items:
        if any(path == item.path or path in item.path.parents for path in slow):
            item.add_marker(pytest.mark.slow)
    # so that no process has a long file left when the others have none
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory):
    """No test reads or fills the cache of whoever runs the tests."""
    os.environ["CKSEQ_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def console():
    return Console(quiet=True)


@pytest.fixture(scope="session")
def cluster():
    """The client of a Dask cluster of two worker processes on loopback."""
    distributed = pytest.importorskip("distributed")
    import made_cluster

    with made_cluster.cluster() as cluster, distributed.Client(cluster, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="session")
def real_photographs():
    """Photographs of real faces; they are not part of the product."""
    folder = Path(__file__).parents[2] / "shared" / "data" / "realwarp" / "faces"
    paths = sorted(folder.glob("*.jpg"))
    if not paths:
        pytest.skip("photographs of real faces stand beside the checkout only where it is developed")
    return [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]


@pytest.fixture(scope="session")
def moving_texture():
    """Twelve gray frames of 120x160 with a square that moves and changes its light: for the whole_frame detector."""
    generator = np.random.default_rng(5)
    ground = cv2.GaussianBlur(generator.integers(0, 256, (120, 160), dtype=np.uint8), (0, 0), 3)
    frames = []
    for step in range(12):
        frame = ground.copy()
        frame[30 + step : 70 + step, 40 + 2 * step : 90 + 2 * step] = 40 + 15 * step
        frames.append(frame)
    return np.stack(frames)
