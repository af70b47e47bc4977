"""The contract of a detector: from a gray image to boxes, the image untouched, the same answer twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.contracts.check import require
from ckseq.detectors._spec import DetectorSpec
from ckseq.signal.faces import Box, Detector
from ckseq.twin.tree import TwinConfig, draw, plan


class DetectorContract:
    """The checks of a detector, in `checks`.

    Parameters
    ----------
    spec : DetectorSpec
    about : str
        The docstring of its module.
    """

    def __init__(self, spec: DetectorSpec, about: str | None = "a detector") -> None:
        self.spec, self._about = spec, about

    @property
    def checks(self) -> tuple[Callable[[], None], ...]:
        """All checks, in the order in which they should be run."""
        return self.describes_itself, self.gives_boxes, self.leaves_the_image_alone, self.any_size, self.finds_a_face

    @cached_property
    def _detect(self) -> Detector:
        return self.spec.load(self.spec.config())

    def describes_itself(self) -> None:
        """The module has a docstring, every field of the config a description, and all have defaults."""
        require(bool(self._about and self._about.strip()), "the module has no docstring")
        bare = [name for name, field in self.spec.config.model_fields.items() if not field.description]
        require(not bare, f"no description: {', '.join(bare)}")
        self.spec.config()

    def gives_boxes(self) -> None:
        """An image gives a list of `Box`, each with a width and a height; the same image gives the same boxes."""
        found = self._detect(_noise())
        require(isinstance(found, list) and all(isinstance(box, Box) for box in found), f"it gives {found!r:.80}")
        require(all(box.left < box.right and box.top < box.bottom for box in found), "a box is empty")
        require(self._detect(_noise()) == found, "the second answer is another one")

    def leaves_the_image_alone(self) -> None:
        """The image is not changed."""
        image = _noise()
        self._detect(image)
        require(np.array_equal(image, _noise()), "pixels were changed")

    def any_size(self) -> None:
        """Images of any size are read, also those smaller than a face."""
        for shape in ((12, 12), (20, 90), (241, 77)):
            self._detect(np.full(shape, 90, np.uint8))

    def finds_a_face(self) -> None:
        """Around the drawn face of a synthetic sequence there is a box."""
        frame, middle = drawn_face()
        boxes = self._detect(frame)
        require(bool(boxes), "no box")
        around = [box for box in boxes if box.left < middle[0] < box.right and box.top < middle[1] < box.bottom]
        require(bool(around), f"no box around {middle.round().astype(int).tolist()}: {boxes[0][:4]}")


def drawn_face() -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Return a frame of the synthetic twin, (h, w) uint8, and the middle of its face, (2,): x and y in pixels."""
    frames, landmarks = draw(next(iter(plan(TwinConfig(n_subjects=1)))))
    frame = frames[0] if frames[0].ndim == 2 else cv2.cvtColor(frames[0], cv2.COLOR_BGR2GRAY)
    return np.asarray(frame, np.uint8), np.asarray(landmarks[0].mean(axis=0), np.float64)


def _noise() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (90, 110), dtype=np.uint8)
