"""The contract of a detector: every file of this room ends in a `DetectorSpec`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.config import Config
from ckseq.signal.faces import Box, Detector

MOST_PIXELS = 4_000_000
"""A larger image is searched at this size: the time is proportional to the pixels, and a face in it is large, too."""


@dataclass(frozen=True)
class DetectorSpec:
    """What a file of detectors offers.

    Parameters
    ----------
    config : type
        The detector's own config class; without arguments it is ready to use.
    make : callable
        Takes such a config and returns a callable from a (h, w) uint8 image to a list of ``Box``, in the detector's
        own order. It does not change the image, and the same image gives the same boxes.
    packages : tuple of str
        What it needs beside numpy and OpenCV, as pip names it.

    Examples
    --------
    >>> def make(config):
    ...     return lambda image: [ckseq.Box(0, 0, image.shape[1], image.shape[0], 1.0)]
    >>> spec = ckseq.DetectorSpec(ckseq.Config, make)
    >>> spec.load(ckseq.Config())(np.zeros((480, 640), np.uint8))
    [Box(left=0, top=0, right=640, bottom=480, score=1.0, points=())]
    """

    config: type[Config]
    make: Callable[[Any], Detector]
    packages: tuple[str, ...] = ()

    def load(self, config: Config) -> Detector:
        """Return the detector of a config; it shrinks images of more than `MOST_PIXELS` before it searches them."""
        return at_most(MOST_PIXELS, self.make(config))


def at_most(n_pixels: int, detect: Detector) -> Detector:
    """Return a detector that shrinks images of more pixels before it searches them."""

    def detect_shrunk(image: NDArray[np.uint8]) -> list[Box]:
        height, width = image.shape[:2]
        if height * width <= n_pixels:
            return detect(image)
        share = (n_pixels / (height * width)) ** 0.5
        size = max(int(width * share), 1), max(int(height * share), 1)
        shrunk = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        across, down = width / size[0], height / size[1]
        return [
            Box(
                round(box.left * across),
                round(box.top * down),
                round(box.right * across),
                round(box.bottom * down),
                box.score,
                tuple((x * across, y * down) for x, y in box.points),
            )
            for box in detect(shrunk)
        ]

    return detect_shrunk
