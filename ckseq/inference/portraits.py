"""Every face of a photo, cropped as the one face of a training image was."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.faces import Box, Detector, FacesConfig, cut_face, detect_at_scale, to_gray
from ckseq.tracking.box_tracker import FaceSearch

MAX_SEARCHED_PX = 1600
"""Longer side at which a photo is searched at most: a face that can be classified is larger than a fortieth of it.

Crops are cut out of the photo at its full size.
"""


class Portraits(NamedTuple):
    """The faces of a photo, the largest first.

    ``boxes`` lie within the photo; ``crops`` is (n, side, side) uint8, or (n, side, side, 3) red, green, blue.
    """

    boxes: tuple[Box, ...]
    crops: NDArray[np.uint8]


def cut_portraits(photo: NDArray[np.uint8], detector: Detector, config: FacesConfig) -> Portraits:
    """Detect and crop every face, as `box_tracker.track_face` does with the one face of a recording of one frame.

    Parameters
    ----------
    photo : (h, w) uint8 gray, or (h, w, 3) uint8 red, green, blue
        As the config's color says.
    detector : callable
        From a gray image to boxes.
    config : FacesConfig
        Of the pipeline that prepared the training images.

    Raises
    ------
    CallError
        The config crops by the eyes, and the detector gives none.
    """
    gray = photo if config.color == "gray" else to_gray(photo)
    scale = min(1.0, MAX_SEARCHED_PX / max(gray.shape))
    search = FaceSearch(config, lambda image: detect_at_scale(image, detector, scale=scale))
    height, width = gray.shape
    found = [box for box in search(gray) if _inside(box, width, height)]
    found.sort(key=_area, reverse=True)
    crops = [cut_face(photo, box, config) for box in found]
    side = config.side_px
    empty = np.empty((0, side, side, *photo.shape[2:]), np.uint8)
    boxes = (
        box._replace(
            left=max(box.left, 0), top=max(box.top, 0), right=min(box.right, width), bottom=min(box.bottom, height)
        )
        for box in found
    )
    return Portraits(tuple(boxes), np.stack(crops) if crops else empty)


def _inside(box: Box, width: int, height: int) -> bool:
    return box.left < width and box.top < height and box.right > 0 and box.bottom > 0


def _area(box: Box) -> int:
    return (box.right - box.left) * (box.bottom - box.top)
