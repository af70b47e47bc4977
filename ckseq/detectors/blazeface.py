"""BlazeFace: small networks for faces near the camera, such as at a webcam or in CK+, and farther away.

They also find the eyes and the tip of the nose. The weights are the .tflite files beside this file.

Source: Bazarevsky, Kartynnik, Vakunov, Raveendran and Grundmann, "BlazeFace", CV4ARVR 2019; the weights are
MediaPipe's (Apache 2.0, LICENSE-APACHE), unchanged.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import DataError
from ckseq.signal.faces import Box, Detector
from ckseq.tflite import TFLiteNetwork, read_tflite


class _Network(NamedTuple):
    """A network: its file, the digest of that, and the boxes of each cell of so many pixels."""

    file: str
    sha256: str
    cells: tuple[tuple[int, int], ...]


_NEAR = _Network(
    "face_detection_short_range.tflite",
    "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633",
    ((8, 2), (16, 6)),
)
_FAR = _Network(
    "face_detection_full_range_sparse.tflite",
    "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce",
    ((4, 1),),
)


class BlazeFaceConfig(Config):
    """The networks and the threshold of their scores."""

    distance: Literal["near", "far", "any"] = Field(
        "any",
        description="near: a network for faces within two meters of the camera; far: a slower one within five; any: "
        "the slower one where the other finds none",
    )
    file: str = Field("", description="another .tflite file of the shapes of the near one; empty is ckseq's own")
    sha256: str = Field("", description="digest of that file, so that results name what made them")
    min_score: float = Field(0.5, ge=0, le=1, description="lowest probability of a face")
    max_overlap: float = Field(0.3, ge=0, le=1, description="boxes that overlap more than this are one face, averaged")


def anchors(side: int, cells: tuple[tuple[int, int], ...]) -> NDArray[np.float64]:
    """Return the centers of the cells to which a network's boxes refer, (n, 2), x and y as shares of the side.

    Parameters
    ----------
    side : int
        Of the network's input, pixels.
    cells : tuple of (int, int)
        Sides of cells, pixels, and how many boxes each of these has.

    Examples
    --------
    >>> anchors(16, ((8, 2),)).tolist()[:3]
    [[0.25, 0.25], [0.25, 0.25], [0.75, 0.25]]
    """
    centers = []
    for cell_px, n_boxes in cells:
        n = side // cell_px
        middle = (np.arange(n) + 0.5) / n
        grid = np.stack(np.meshgrid(middle, middle), axis=-1).reshape(-1, 2)
        centers.append(np.repeat(grid, n_boxes, axis=0))
    return np.concatenate(centers)


def decode(
    values: NDArray[np.float32],
    logits: NDArray[np.float32],
    centers: NDArray[np.float64],
    *,
    side: int,
    min_score: float,
    max_overlap: float,
) -> list[tuple[float, NDArray[np.float64]]]:
    """Return the faces in the network's output, best first.

    Boxes of one face are averaged, weighted by their scores (BlazeFace, section 4.3).

    Parameters
    ----------
    values : (n, 16) float32
        Center, size and six points of each box, pixels of the network's input, relative to its anchor.
    logits : (n,) float32
    centers : (n, 2) float64
        The anchors, see `anchors`.
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
    points[:, 2:] += centers[kept][:, np.newaxis]
    middles, sizes = points[:, 0] + centers[kept], points[:, 1].copy()
    points[:, 0], points[:, 1] = middles - sizes / 2, middles + sizes / 2
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
def _load(network: _Network, file: str, sha256: str) -> tuple[TFLiteNetwork, NDArray[np.float64]]:
    """Return a network, started once per process, and its anchors."""
    path = Path(file) if file else Path(__file__).with_name(network.file)
    loaded = read_tflite(path, sha256=sha256 if file else network.sha256)
    centers = anchors(loaded.input_shape[0], network.cells)
    if loaded.output_shapes != [(1, len(centers), 16), (1, len(centers), 1)]:
        raise DataError("is not such a network of BlazeFace", path, "name another file, or none")
    return loaded, centers


def make(config: BlazeFaceConfig) -> Detector:
    """Return a callable from a (h, w) or (h, w, 3) uint8 image to boxes, best first."""
    networks = []
    if config.distance != "far":
        networks.append(_load(_NEAR, config.file, config.sha256))
    if config.distance != "near":
        networks.append(_load(_FAR, "", ""))
    return lambda image: next(filter(None, (_boxes(image, *network, config) for network in networks)), [])


def _boxes(
    image: NDArray[np.uint8], network: TFLiteNetwork, centers: NDArray[np.float64], config: BlazeFaceConfig
) -> list[Box]:
    height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = cv2.copyMakeBorder(
        image, top, side - height - top, left, side - width - left, cv2.BORDER_CONSTANT, value=(0, 0, 0)
    )
    size = network.input_shape[0]
    small = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_LINEAR)
    if small.ndim == 2:
        small = cv2.cvtColor(small, cv2.COLOR_GRAY2RGB)
    values, logits = network(small.astype(np.float32) / np.float32(127.5) - 1)
    thresholds = {"min_score": config.min_score, "max_overlap": config.max_overlap}
    boxes = []
    for score, shares in decode(values[0], logits[0, :, 0], centers, side=size, **thresholds):
        points = shares * side - [left, top]
        (x0, y0), (x1, y1) = points[:2].round().astype(int).tolist()
        if x1 > x0 and y1 > y0:
            eyes_and_nose = tuple((float(x), float(y)) for x, y in points[2:5])
            boxes.append(Box(x0, y0, x1, y1, score, eyes_and_nose))
    return boxes


SPEC = DetectorSpec(BlazeFaceConfig, make, packages=("ai-edge-litert",))
