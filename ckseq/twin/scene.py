"""The image being drawn: coordinates in interpupillary distances from the middle between the pupils, and light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ckseq.twin.canvas import Patch, filled, glow, stroke
from ckseq.twin.identity import Identity
from ckseq.twin.kinds import Floats
from ckseq.twin.relief import outline

Pixels = NDArray[np.float32]
Line = Floats | list[tuple[float, float]]


class Scene:
    """A subject's image with its size, position and random generator.

    Parameters
    ----------
    person : Identity
        Who.
    size : (height, width)
        Pixels.
    center : (2,) floats
        The middle between the pupils, x and y in pixels.
    """

    def __init__(self, person: Identity, size: tuple[int, int], center: Floats) -> None:
        self.person = person
        self.size = size
        self.center = center
        self.unit = person.pupil_distance_px
        self.rng = np.random.default_rng(person.texture_seed)
        self.x = ((np.arange(size[1]) - center[0]) / self.unit).astype(np.float32)
        self.y = ((np.arange(size[0]) - center[1]) / self.unit).astype(np.float32)
        self.pixels: Pixels = np.empty((*size, 3), np.float32)
        self.outline = outline(person.points)

    def at(self, points: Line) -> Floats:
        """Convert coordinates to pixels."""
        return np.asarray(points, float) * self.unit + self.center

    def inside(self, edge: Line, soft: float = 0.01) -> Patch:
        """Return the inside of an outline; ``soft`` is the blur of its edge."""
        return filled(self.size, self.at(edge), soft_px=soft * self.unit)

    def line(self, points: Line, width: float, soft: float) -> Patch:
        """Return a line of a width, with soft edges."""
        return stroke(self.size, self.at(points), width_px=width * self.unit, soft_px=soft * self.unit)

    def blob(self, x: float, y: float, rx: float, ry: float) -> Patch:
        """Return a Gaussian blob."""
        return glow(self.size, self.at([(x, y)])[0], (rx * self.unit, ry * self.unit))

    def lit(self, dx: Floats, dy: Floats, *, shine: float) -> tuple[Pixels, Pixels]:
        """Return brightness (a factor) and highlight (gray levels) of a height field, given its slopes."""
        lx, ly, lz = self.person.light.astype(np.float32)
        length = np.sqrt(1 + dx * dx + dy * dy)
        facing = (lz - dx * lx - dy * ly) / length
        half = self.person.light + np.array((0, 0, 1))
        hx, hy, hz = (half / np.linalg.norm(half)).astype(np.float32)
        mirror = np.maximum((hz - dx * hx - dy * hy) / length, 0)
        wrapped = np.maximum(0.8 * facing + 0.2, 0)
        brightness = self.person.ambient + (1.06 - self.person.ambient) * wrapped
        return (brightness * self.person.exposure).astype(np.float32), (shine * mirror**22).astype(np.float32)
