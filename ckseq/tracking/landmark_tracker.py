"""Landmarks of one face, frame by frame: searched near those of the frame before, and detected anew where lost."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.signal.face_shape import FaceShape
from ckseq.signal.faces import Detector, same_face, to_gray
from ckseq.signal.landmarks import FaceRegion, Landmarker, region_of_box, region_of_points

# a box may be too tight, above all around a turned face
_WIDER = (1.0, 1.3)


class LandmarksConfig(Config):
    """Which landmarks of the face are found in every frame."""

    kind: Literal["none", "face_mesh", "ckplus", "mtcnn"] = Field(
        "none",
        description="none; points of MediaPipe's face mesh, or eyes, nose and corners of the mouth by MTCNN, both "
        "searched from BlazeFace's boxes on; or CK+'s own 68 points, read from its files",
    )
    file: str = Field("", description="another .tflite file of the landmarks' network; empty is ckseq's own")
    sha256: str = Field("", description="digest of that file, so that results name what made them")
    min_score: float = Field(0.5, ge=0, le=1, description="lowest probability of a face for landmarks to be believed")
    margin: float = Field(
        1.5, ge=1, le=4, description="ratio of the searched region's side to that of the box or of the landmarks"
    )


class LandmarkTracker:
    """Finds the landmarks of one face in every frame without looking ahead; the state of one video.

    Parameters
    ----------
    landmarker : callable
        From an image and a region to points and a score.
    detector : callable
        From a gray image to boxes; asked only in the first frame and where the face was lost.
    shape : FaceShape
    config : LandmarksConfig
    pick : str
        Which of several faces, as of `ckseq.signal.faces.pick_box`.
    spread : float
        Ratio of a face's box to the rectangle around its landmarks, 1 where they reach to its edge.
    """

    def __init__(
        self,
        landmarker: Landmarker,
        detector: Detector,
        shape: FaceShape,
        config: LandmarksConfig,
        *,
        pick: str,
        spread: float,
    ) -> None:
        self._landmarker, self._detector, self._config, self._pick = landmarker, detector, config, pick
        self._spread = spread
        self.shape = shape
        self._missing = np.full((len(shape.points), 3), np.nan, np.float32)
        self._last: NDArray[np.float32] | None = None

    def update(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the landmarks in the next frame, (n, 3) float32, pixels of the image; NaN where they are not found.

        Parameters
        ----------
        image : (h, w) or (h, w, 3) uint8
        """
        found = None if self._last is None else self._find(image, self._around(self._last))
        if found is None:
            found = self._detect(image)
        self._last = found
        return self._missing if found is None else found

    def _detect(self, image: NDArray[np.uint8]) -> NDArray[np.float32] | None:
        boxes = self._detector(image if image.ndim == 2 else to_gray(image))
        if not boxes:
            return None
        box = same_face(boxes, None, pick=self._pick, shape=(image.shape[0], image.shape[1]))
        regions = (region_of_box(box, margin=self._config.margin * wider) for wider in _WIDER)
        found = next((one for region in regions if (one := self._find(image, region)) is not None), None)
        # a second look, at the region that the landmarks themselves give
        return None if found is None else self._find(image, self._around(found))

    def _around(self, points: NDArray[np.float32]) -> FaceRegion:
        return region_of_points(points, eyes=self.shape.eyes, margin=self._config.margin * self._spread)

    def _find(self, image: NDArray[np.uint8], region: FaceRegion) -> NDArray[np.float32] | None:
        points, score = self._landmarker(image, region)
        return points if score >= self._config.min_score and np.isfinite(points).all() else None
