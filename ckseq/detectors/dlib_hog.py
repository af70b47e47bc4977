"""dlib's frontal face detector: histograms of oriented gradients, five linear filters, an image pyramid.

Source: King, "Max-Margin Object Detection", arXiv:1502.00046; Dalal and Triggs, CVPR 2005.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.signal.faces import Box, Detector


class DlibHogConfig(Config):
    """Resolution and threshold of the detector."""

    upsample: int = Field(
        1,
        ge=0,
        le=3,
        description="doublings of the image before detection; 0 finds faces from 80 px, 1 from 40 px; "
        "larger images than 4 megapixels are searched at that size",
    )
    min_score: float = Field(0.0, description="lowest score of a detection; the paper uses 0")


@cache
def _frontal() -> Any:
    """Construct the detector once per process; that takes about a third of a second."""
    import dlib

    return dlib.get_frontal_face_detector()


def make(config: DlibHogConfig) -> Detector:
    """Return a callable from a (h, w) uint8 image to boxes, highest score first."""

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        rectangles, scores, _ = _frontal().run(image, config.upsample, config.min_score)
        return [
            Box(r.left(), r.top(), r.right(), r.bottom(), float(score))
            for r, score in zip(rectangles, scores, strict=True)
        ]

    return detect


SPEC = DetectorSpec(DlibHogConfig, make, packages=("dlib-bin",))
