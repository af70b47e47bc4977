"""A mesh of 468 points on the face, with depth, from which those of `ckseq.signal.face_shape` are kept.

The weights are the .tflite file beside this file.

Source: Kartynnik, Ablavatski, Grishchenko and Grundmann, "Real-time facial surface geometry from monocular video on
mobile GPUs", CV4ARVR 2019; the weights are MediaPipe's (Apache 2.0,
LICENSE-APACHE), unchanged.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import DataError
from ckseq.landmarks._spec import LandmarkSpec
from ckseq.signal.face_shape import face_shape
from ckseq.signal.landmarks import FaceRegion, Landmarker
from ckseq.tflite import TFLiteNetwork, read_tflite

_FILE = Path(__file__).with_name("face_landmark.tflite")
_SHA256 = "2efcb4f4de43c7614b80a3cc3e8a37354b3b3b40f75cce20f6f38f0f25d65493"
_N_POINTS = 468


class FaceMeshConfig(Config):
    """The network of the mesh."""

    file: str = Field("", description="another .tflite file of the same shapes; empty is ckseq's own")
    sha256: str = Field("", description="digest of that file, so that results name what made them")


@cache
def _network(path: Path, sha256: str) -> TFLiteNetwork:
    network = read_tflite(path, sha256=sha256)
    sizes = [int(np.prod(shape)) for shape in network.output_shapes]
    if len(network.input_shape) != 3 or sizes != [3 * _N_POINTS, 1]:
        raise DataError(f"is not a network for {_N_POINTS} landmarks", path, "name another file, or none")
    return network


def make(config: FaceMeshConfig) -> Landmarker:
    """Return the callable that finds the landmarks of a face in a region of an image."""
    path = Path(config.file) if config.file else _FILE
    network = _network(path, config.sha256 if config.file else _SHA256)
    kept = face_shape("face_mesh").points
    # new memory of this size costs a tenth of the network's time
    levels = np.empty(network.input_shape, np.float32)

    def find(image: NDArray[np.uint8], region: FaceRegion) -> tuple[NDArray[np.float32], float]:
        side = network.input_shape[0]
        matrix = region.matrix(side)
        cut = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        colored = cut if cut.ndim == 3 else cv2.cvtColor(cut, cv2.COLOR_GRAY2RGB)
        mesh, logit = network(np.divide(colored, np.float32(255), out=levels))
        points = mesh.reshape(_N_POINTS, 3)[kept]
        in_image = points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        depth = points[:, 2] * (region.side / side)
        score = 1 / (1 + np.exp(-float(np.clip(logit.ravel()[0], -80, 80))))
        return np.column_stack([in_image, depth]).astype(np.float32), score

    return find


SPEC = LandmarkSpec(FaceMeshConfig, make)
