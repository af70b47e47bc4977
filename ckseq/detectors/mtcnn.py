"""Multi-task cascaded networks: proposals, refinement, output; also finds the eyes, the nose and the mouth's corners.

The weights come with the package mtcnn; nothing is downloaded.

Source: Zhang, Zhang, Li and Qiao, IEEE Signal Processing Letters 23(10), 2016.
"""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.detectors._spec import DetectorSpec
from ckseq.errors import CallError
from ckseq.redirect import stderr_to_devnull
from ckseq.signal.faces import Box, Detector, overlap

# The package's pyramid is right for its own smallest face only; for any other the image is resized to that.
_SMALLEST_PX = 20
_ONE_FACE = 0.3


class MTCNNConfig(Config):
    """The smallest face, and the threshold of each of the three networks."""

    min_face_px: int = Field(40, ge=12, description="side of the smallest face, pixels")
    min_proposal: float = Field(0.6, ge=0, le=1, description="lowest face probability in the first network (P-Net)")
    min_refined: float = Field(0.7, ge=0, le=1, description="lowest face probability in the second network (R-Net)")
    min_score: float = Field(0.8, ge=0, le=1, description="lowest face probability in the third network (O-Net)")


@cache
def _networks() -> Any:
    """Build the three networks once per process; that takes half a second, after TensorFlow's import."""
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with stderr_to_devnull():
            import mtcnn
            from mtcnn.stages import StageONet, StagePNet, StageRNet
    except ModuleNotFoundError as error:
        raise CallError(f"mtcnn needs the package {error.name}", fix="pip install 'ckseq[mtcnn]'") from None
    weights = files("mtcnn") / "assets" / "weights"
    # whole paths: given a bare name, the package would first unpickle a file of that name in the current folder
    stages = [
        stage(weights=str(weights / f"{name}.lz4"))
        for stage, name in ((StagePNet, "pnet"), (StageRNet, "rnet"), (StageONet, "onet"))
    ]
    return mtcnn.MTCNN(stages=stages)


def make(config: MTCNNConfig) -> Detector:
    """Return a callable from a (h, w) uint8 image to boxes with five points, highest score first.

    The package resizes faces for its second and third network without interpolation, which turns a large face into
    noise. So the image is also searched at a third of its size, a ninth and so on, for further faces.
    """

    def detect(image: NDArray[np.uint8]) -> list[Box]:
        faces: list[Box] = []
        for face_px in _smallest_faces(config.min_face_px, min(image.shape[:2])):
            found = _search(image, config, _SMALLEST_PX / face_px)
            faces += [box for box in found if all(overlap(box, other) < _ONE_FACE for other in faces)]
        return sorted(faces, key=lambda box: -box.score)

    return detect


def _smallest_faces(least_px: int, side_px: int) -> list[int]:
    """Return sides of faces, each three times the one before, as far as they fit into an image.

    >>> _smallest_faces(40, 480), _smallest_faces(40, 30)
    ([40, 120, 360], [40])
    """
    return [least_px, *(least_px * 3**power for power in range(1, 20) if least_px * 3**power <= side_px)]


def _search(image: NDArray[np.uint8], config: MTCNNConfig, scale: float) -> list[Box]:
    """Search an image at one size; boxes are in the pixels of the image as given."""
    size = [max(round(scale * side), 1) for side in image.shape[1::-1]]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(image, size, interpolation=interpolation).astype(np.float32)
    found = _networks().detect_faces(
        np.repeat(resized[..., np.newaxis], 3, axis=2),
        box_format="xyxy",
        output_type="numpy",
        threshold_pnet=config.min_proposal,
        threshold_rnet=config.min_refined,
        threshold_onet=config.min_score,
    )
    return [_box(row, np.array(size) / image.shape[1::-1]) for row in found]


def _box(row: NDArray[np.float64], scale: NDArray[np.float64]) -> Box:
    """Read a row: the image's number, left, top, right, bottom, score, five x, five y."""
    left, top, right, bottom = np.round(row[1:5].reshape(2, 2) / scale).astype(int).ravel().tolist()
    points = (np.stack([row[6:11], row[11:16]], axis=1) / scale).tolist()
    return Box(left, top, right, bottom, float(row[5]), tuple((x, y) for x, y in points))


SPEC = DetectorSpec(MTCNNConfig, make, packages=("mtcnn",))
