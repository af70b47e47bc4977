"""Rendering of a frame: the portrait is warped, and eyes, mouth and wrinkles are drawn again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.twin import features
from ckseq.twin.action_units import settled
from ckseq.twin.features import Palette
from ckseq.twin.identity import Identity
from ckseq.twin.kinds import Floats
from ckseq.twin.portrait import portrait
from ckseq.twin.shape import LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE

Pixels = NDArray[np.float32]

_STEP = 8  # pixels between the nodes of the warping field
_LUMINANCE = np.array((0.299, 0.587, 0.114))
_BENDING = np.arange(60)  # all points except the inner lips, which are drawn over


@dataclass(frozen=True)
class Pose:
    """The head pose relative to the portrait: shift in pixels, rotation in radians, scale factor."""

    shift_px: tuple[float, float] = (0.0, 0.0)
    roll: float = 0.0
    zoom: float = 1.0

    def matrix(self, pivot: Floats) -> Floats:
        """Return the (2, 3) affine matrix, portrait to frame, turning about ``pivot``."""
        cos, sin = self.zoom * np.cos(self.roll), self.zoom * np.sin(self.roll)
        turn = np.array([[cos, -sin], [sin, cos]])
        return np.column_stack([turn, pivot + self.shift_px - turn @ pivot])


class Sitter:
    """A subject in front of the camera: everything that is computed once per sequence.

    Parameters
    ----------
    person : Identity
        Who.
    size : (height, width)
        Of the frames, pixels.
    center : (2,) floats
        Where the middle between the pupils is in the neutral face, x and y in pixels.
    color : bool
        Whether frames have three channels (blue, green, red) or one.
    """

    def __init__(self, person: Identity, *, size: tuple[int, int], center: Floats, color: bool) -> None:
        self.person = person
        self.size = size
        self.unit = person.pupil_distance_px
        self.neutral = person.points * self.unit + np.asarray(center, float)
        self.color = color
        still = portrait(person, size=size, center=center)
        self.palette = _palette(person, self._brightness(still), color=color)
        code = cv2.COLOR_RGB2BGR if color else cv2.COLOR_RGB2GRAY
        self.still = np.asarray(cv2.cvtColor(still, code), np.float32)
        height, width = size
        self._columns = np.arange(width, dtype=np.float32)[None]
        self._rows = np.arange(height, dtype=np.float32)[:, None]
        nodes_y, nodes_x = np.mgrid[0 : -(-height // _STEP), 0 : -(-width // _STEP)]
        self._nodes = np.stack([nodes_x, nodes_y], axis=-1).reshape(-1, 2) * float(_STEP) + (_STEP - 1) / 2
        self._node_shape = nodes_x.shape
        anchors = self.neutral[_BENDING]
        reach = 2 * (0.30 * self.unit) ** 2
        kernel = np.exp(-_squares(anchors, anchors) / reach) + 0.04 * np.eye(len(anchors))
        self._bend = np.exp(-_squares(self._nodes, anchors) / reach) @ np.linalg.inv(kernel)
        self._pupils = np.stack([self.neutral[eye].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE)])

    def frame(
        self, moves: Floats, levels: dict[int, tuple[float, float]], *, closed: float, gaze: Floats, pose: Pose
    ) -> tuple[Pixels, Floats]:
        """Draw one frame, without sensor noise.

        Parameters
        ----------
        moves : (68, 2) floats
            How far each point is from the neutral face, pupil distances.
        levels : dict
            Action unit -> what the image's left and right side show now, 0 to about 1.
        closed : float
            How far a blink has closed the eyes, 0 to 1.
        gaze : (2,) floats
            How far the pupils look aside, pupil distances.
        pose : Pose
            Where the head is.

        Returns
        -------
        (h, w, c) float32, (68, 2) floats
            The picture, 0 to 255, and the points in it.
        """
        target = settled(self.neutral + moves * self.unit, closed=closed)
        matrix = pose.matrix(self.neutral[8] + (0.0, 0.5 * self.unit))
        pixels = self._bent(target - self.neutral, matrix)
        points = target @ matrix[:, :2].T + matrix[:, 2]
        self._draw(
            pixels, points, levels, (self._pupils + gaze * self.unit) @ matrix[:, :2].T + matrix[:, 2], pose.zoom
        )
        return pixels, points

    def _bent(self, offsets: Floats, matrix: Floats) -> Pixels:
        """Return the portrait, warped by the offsets of its points and by an affine matrix."""
        field = (self._bend @ offsets[_BENDING]).reshape(*self._node_shape, 2).astype(np.float32)
        inverse = np.linalg.inv(matrix[:, :2])
        here = (self._nodes - matrix[:, 2]) @ inverse.T
        source = here
        for _ in range(3):  # where a pixel comes from: source + field(source) = here
            at = ((source - (_STEP - 1) / 2) / _STEP).astype(np.float32).reshape(*self._node_shape, 2)
            moved = cv2.remap(field, at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            source = here - moved.reshape(-1, 2)
        shifts = (source - self._nodes).astype(np.float32).reshape(*self._node_shape, 2)
        across, down = (self._smooth(shifts[..., axis]) for axis in (0, 1))
        across += self._columns
        down += self._rows
        bent = cv2.remap(self.still, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        return np.asarray(bent, np.float32).reshape(*self.size, -1)

    def _smooth(self, values: Floats) -> Pixels:
        """Interpolate values at the nodes to all pixels."""
        columns, rows = self._node_shape[1] * _STEP, self._node_shape[0] * _STEP
        full = cv2.resize(np.ascontiguousarray(values), (columns, rows), interpolation=cv2.INTER_LINEAR)
        return np.asarray(full[: self.size[0], : self.size[1]], np.float32)

    def _draw(
        self, pixels: Pixels, points: Floats, levels: dict[int, tuple[float, float]], pupils: Floats, zoom: float
    ) -> None:
        unit, palette = self.unit * zoom, self.palette
        glint = self.person.light[:2]
        features.furrows(pixels, points, levels, unit=unit, crease=self.person.crease, light_x=float(glint[0]))
        for which, brow, pupil in ((LEFT_EYE, LEFT_BROW, pupils[0]), (RIGHT_EYE, RIGHT_BROW, pupils[1])):
            features.lid_crease(pixels, points[which], unit=unit, brow=points[brow])
            features.eye(pixels, points[which], palette, unit=unit, pupil=pupil, iris_radius=0.098 * unit, glint=glint)
        lips = np.concatenate([points[OUTER_LIPS], points[60:68]])
        features.mouth(pixels, lips, palette, unit=unit, light_x=float(glint[0]))
        if self.person.glasses:
            features.glasses(pixels, (pupils[0], pupils[1]), unit=unit, tone=palette.lash)

    def _brightness(self, still: Pixels) -> float:
        low, high = self.neutral[OUTER_LIPS].min(axis=0).astype(int), self.neutral[OUTER_LIPS].max(axis=0).astype(int)
        return float(still[low[1] : high[1], low[0] : high[0]].mean() / self.person.skin.mean())


def _squares(one: Floats, other: Floats) -> Floats:
    return np.asarray(((one[:, None] - other[None]) ** 2).sum(axis=-1))


def _palette(person: Identity, brightness: float, *, color: bool) -> Palette:
    def lit(rgb: Floats | tuple[float, float, float], share: float = 1.0) -> Floats:
        tone = np.asarray(rgb, float) * (1 + share * (brightness - 1))
        return tone[::-1].copy() if color else np.array([tone @ _LUMINANCE])

    return Palette(
        skin=lit(person.skin),
        lips=lit(person.lips),
        iris=lit(person.iris),
        lash=lit(0.3 * person.brows + (6, 4, 4)),
        white=lit((212, 208, 204), 0.8),
        mouth=lit((62, 22, 22)),
        tongue=lit((150, 74, 74)),
        teeth=lit((226, 220, 206), 0.8),
        glint=lit((250, 250, 248), 0.0),
    )
