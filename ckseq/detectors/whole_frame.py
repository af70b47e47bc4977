"""No detection: the whole frame, or its central square, is the face, for images that are already cropped."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.signal.faces import Box, Detector


class WholeFrameConfig(Config):
    """Which part of the image is used."""

    part: Literal["all", "central_square"] = Field(
        "all", description="the image is used whole, or its largest central square is (center crop)"
    )


def make(config: WholeFrameConfig) -> Detector:
    """Return a callable from a (h, w) uint8 image to one box, the image itself or its largest central square."""

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        height, width = image.shape[:2]
        if config.part == "all":
            return [Box(0, 0, width, height, 1.0)]
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        return [Box(left, top, left + side, top + side, 1.0)]

    return detect


SPEC = DetectorSpec(WholeFrameConfig, make)
