"""OpenCV's Haar cascades: fast, upright frontal faces.

Source: Viola and Jones, CVPR 2001; Lienhart and Maydt, ICIP 2002.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.signal.faces import Box, Detector


class OpenCVHaarConfig(Config):
    """Cascade, scales and threshold of the detector."""

    cascade: Literal["frontalface_default", "frontalface_alt", "frontalface_alt2"] = Field(
        "frontalface_alt2", description="trained cascade of OpenCV: haarcascade_<name>.xml"
    )
    scale_step: float = Field(1.1, gt=1.0, le=2.0, description="ratio between successive search scales")
    min_neighbors: int = Field(5, ge=0, description="overlapping detections required for a face")
    min_face_px: int = Field(80, ge=20, description="side of the smallest face, pixels")


@cache
def _cascade(name: str) -> cv2.CascadeClassifier:
    folder = Path(cv2.data.haarcascades)  # type: ignore[attr-defined]
    return cv2.CascadeClassifier(str(folder / f"haarcascade_{name}.xml"))


def make(config: OpenCVHaarConfig) -> Detector:
    """Return a callable from a (h, w) uint8 image to boxes in the cascade's order."""

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        rectangles, _, scores = _cascade(config.cascade).detectMultiScale3(
            image,
            scaleFactor=config.scale_step,
            minNeighbors=config.min_neighbors,
            minSize=(config.min_face_px, config.min_face_px),
            outputRejectLevels=True,
        )
        return [
            Box(int(x), int(y), int(x + w), int(y + h), float(score))
            for (x, y, w, h), score in zip(rectangles, np.ravel(scores), strict=True)
        ]

    return detect


SPEC = DetectorSpec(OpenCVHaarConfig, make)
