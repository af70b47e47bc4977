"""No detection: the whole frame is the face, for images that are already cropped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.signal.faces import Box, Detector


class WholeFrameConfig(Config):
    """Without fields."""


def make(config: WholeFrameConfig) -> Detector:  # noqa: ARG001  (one contract for all detectors)
    """Return a callable from a (h, w) uint8 image to one box, the image itself."""

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        height, width = image.shape[:2]
        return [Box(0, 0, width, height, 1.0)]

    return detect


SPEC = DetectorSpec(WholeFrameConfig, make)
