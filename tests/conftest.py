"""What every test may use: small made recordings, and the folder of real material where it stands."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent))

import cv2
import numpy as np
import pytest

from ckseq.console import Console


@pytest.fixture
def console():
    return Console(quiet=True)


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
