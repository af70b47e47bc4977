"""The features that change between frames: eyes, mouth, and the wrinkles of action units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ckseq.twin.canvas import curve, disc, filled, glow, light, paint, stroke
from ckseq.twin.kinds import Floats

Pixels = NDArray[np.float32]

# a line across the forehead, pupil distances
_FOREHEAD = np.array([(-0.72, 0.07), (-0.48, -0.01), (-0.2, 0.0), (0, 0.02), (0.2, 0.0), (0.48, -0.01), (0.72, 0.07)])


@dataclass(frozen=True)
class Palette:
    """The colors of the moving features, (c,) image channels, after lighting."""

    skin: Floats
    lips: Floats
    iris: Floats
    lash: Floats
    white: Floats
    mouth: Floats
    tongue: Floats
    teeth: Floats
    glint: Floats


def eye(
    pixels: Pixels, points: Floats, palette: Palette, *, unit: float, pupil: Floats, iris_radius: float, glint: Floats
) -> None:
    """Draw an eye into the lids given by six points, the outer or inner corner first.

    Parameters
    ----------
    pixels : (h, w, c) float32
        Changed in place.
    points : (6, 2) floats
        Corner, upper lid, corner, lower lid; pixels.
    unit : float
        Pupil distance, pixels.
    pupil : (2,) floats
        Where the eye's middle is when it looks ahead.
    iris_radius : float
        Pixels.
    glint : (2,) floats
        The light's direction, x and y.
    """
    size = (pixels.shape[0], pixels.shape[1])
    upper = curve(points[[0, 1, 2, 3]], steps=8)
    lower = curve(points[[3, 4, 5, 0]], steps=8)
    opening = filled(size, np.concatenate([upper, lower]), soft_px=0.012 * unit)
    paint(pixels, opening, palette.white)
    for end in (points[0], points[3]):
        light(pixels, glow(size, end, (0.05 * unit, 0.06 * unit)).within(opening), -0.35)
    for radius, color, strength in ((1.0, palette.iris * 0.55, 0.95), (0.86, palette.iris, 0.9)):
        ring = disc(size, pupil, (radius * iris_radius, radius * iris_radius), soft_px=0.012 * unit)
        paint(pixels, ring.within(opening), color, strength)
    light(
        pixels,
        glow(size, pupil + np.array((0, 0.5 * iris_radius)), (0.5 * iris_radius, 0.35 * iris_radius)).within(opening),
        0.35,
    )
    hole = disc(size, pupil, (0.42 * iris_radius, 0.42 * iris_radius), soft_px=0.008 * unit)
    paint(pixels, hole.within(opening), palette.iris * 0.12)
    light(
        pixels,
        stroke(size, upper + np.array((0, 0.025 * unit)), width_px=0.05 * unit, soft_px=0.02 * unit).within(opening),
        -0.55,
    )
    spark = disc(size, pupil + glint * 0.42 * iris_radius, (0.019 * unit, 0.018 * unit), soft_px=0.006 * unit)
    paint(pixels, spark.within(opening), palette.glint, 0.9)
    paint(pixels, stroke(size, lower, width_px=0.012 * unit, soft_px=0.008 * unit), palette.lash, 0.42)
    paint(pixels, stroke(size, upper, width_px=0.03 * unit, soft_px=0.010 * unit), palette.lash, 0.9)


def lid_crease(pixels: Pixels, points: Floats, *, unit: float, brow: Floats) -> None:
    """Draw the fold above the upper lid, which partly follows the brow."""
    size = (pixels.shape[0], pixels.shape[1])
    gap = 0.075 * unit + 0.12 * np.clip(
        points[1:3, 1].mean() - brow[:, 1].mean() - 0.25 * unit, -0.12 * unit, 0.4 * unit
    )
    fold = points[[0, 1, 2, 3]] - np.array([(0, 0.45), (0, 1), (0, 1), (0, 0.5)]) * gap
    light(pixels, stroke(size, curve(fold, steps=8), width_px=0.018 * unit, soft_px=0.014 * unit), -0.42)
    light(
        pixels,
        stroke(size, curve(fold + np.array((0, 0.5 * gap)), steps=8), width_px=0.03 * unit, soft_px=0.02 * unit),
        0.06,
    )


def mouth(pixels: Pixels, points: Floats, palette: Palette, *, unit: float, light_x: float) -> None:
    """Draw the lips and the open mouth from the 20 mouth points."""
    size = (pixels.shape[0], pixels.shape[1])
    top_outer, bottom_outer = curve(points[0:7], steps=5), curve(points[[6, 7, 8, 9, 10, 11, 0]], steps=5)
    top_inner, bottom_inner = curve(points[12:17], steps=5), curve(points[[16, 17, 18, 19, 12]], steps=5)
    gap = float(points[18, 1] - points[14, 1]) / unit
    if gap > 0.02:
        _inside(pixels, points, np.concatenate([top_inner, bottom_inner]), palette, unit=unit, gap=gap)
    upper = filled(size, np.concatenate([top_outer, top_inner[::-1]]), soft_px=0.013 * unit)
    lower = filled(size, np.concatenate([bottom_outer, bottom_inner[::-1]]), soft_px=0.016 * unit)
    paint(pixels, upper, palette.lips * 0.84, 0.82)
    paint(pixels, lower, palette.lips, 0.78)
    full = max(float(points[9, 1] - points[18, 1]) / unit, 0.02)
    shine = (points[9] + points[18]) / 2 + (0.25 * light_x * unit * 0.4, -0.1 * full * unit)
    light(pixels, glow(size, shine, (0.14 * unit, 0.28 * full * unit + 1)).within(lower), 0.22)
    light(
        pixels,
        stroke(size, top_outer + np.array((0, -0.015 * unit)), width_px=0.012 * unit, soft_px=0.012 * unit),
        0.08,
    )
    light(pixels, glow(size, points[9] + (0, 0.06 * unit), (0.2 * unit, 0.04 * unit)), -0.2)
    seam = -0.62 if gap < 0.03 else -0.35
    light(pixels, stroke(size, top_inner, width_px=0.022 * unit, soft_px=0.010 * unit), seam)
    for corner in (points[0], points[6]):
        light(pixels, glow(size, corner, (0.035 * unit, 0.03 * unit)), -0.4)


def _inside(pixels: Pixels, points: Floats, rim: Floats, palette: Palette, *, unit: float, gap: float) -> None:
    size = (pixels.shape[0], pixels.shape[1])
    opening = filled(size, rim, soft_px=0.012 * unit)
    paint(pixels, opening, palette.mouth)
    if gap > 0.18:
        center = (points[17:20].mean(axis=0)) + np.array((0, -0.02 * unit))
        paint(pixels, glow(size, center, (0.17 * unit, 0.3 * gap * unit)).within(opening), palette.tongue, 0.85)
    # the upper teeth: a band that hangs from the lip's middle and turns up with smiling corners
    reach = min(0.135, 0.75 * gap + 0.01) * unit
    corners = (points[12] + points[16]) / 2
    half, up = 0.5 * float(points[16, 0] - points[12, 0]), min(float(corners[1] - points[14, 1]), 0.0)
    across = np.linspace(-1, 1, 15)
    bow = np.stack([corners[0] + across * half, points[14, 1] + 0.7 * up * across**2 - 0.02 * unit * across**2], 1)
    edge, bite = bow - (0, 0.2 * unit), bow[::-1] + np.array((0, reach))
    teeth = filled(size, np.concatenate([edge, bite]), soft_px=0.012 * unit).within(opening)
    paint(pixels, teeth, palette.teeth, 0.92)
    middle = (points[13, 0] + points[15, 0]) / 2
    for step, depth in ((-2.0, 0.10), (-1.0, 0.14), (0.0, 0.18), (1.0, 0.14), (2.0, 0.10)):
        x = middle + step * 0.095 * unit
        cleft = np.array([(x, points[14, 1] - 0.05 * unit), (x, points[14, 1] + 0.2 * unit)])
        light(pixels, stroke(size, cleft, width_px=0.9, soft_px=0.7).within(teeth), -depth)
    rim_top = np.stack([points[12], points[13], points[14], points[15], points[16]]) + np.array((0, 0.015 * unit))
    light(
        pixels, stroke(size, curve(rim_top, steps=5), width_px=0.04 * unit, soft_px=0.02 * unit).within(opening), -0.45
    )


def furrows(
    pixels: Pixels,
    points: Floats,
    levels: dict[int, tuple[float, float]],
    *,
    unit: float,
    crease: float,
    light_x: float,
) -> None:
    """Draw the wrinkles of the action units.

    Parameters
    ----------
    pixels : (h, w, c) float32
        Changed in place.
    points : (68, 2) floats
        The moved face, pixels.
    levels : dict
        Action unit -> what it shows now on the image's left and right, 0 to about 1.
    unit : float
        Pupil distance, pixels.
    crease : float
        How readily this skin folds, 0 to 1.
    light_x : float
        The light's direction along x; a fold's far side catches it.
    """
    skin = _Skin(pixels, points, levels, unit, crease, light_x)
    for side in _SIDES:
        skin.mouth_corner(side)
        skin.eye_corner(side)
        skin.brow(side)
    skin.forehead()
    skin.chin()


@dataclass(frozen=True)
class _Side:
    index: int  # into the pairs of levels
    out: float  # away from the middle of the image
    outer_eye: int
    inner_eye: int
    wing: int
    corner: int
    inner_brow: int


_SIDES = (_Side(0, -1.0, 36, 39, 31, 48, 21), _Side(1, 1.0, 45, 42, 35, 54, 22))


@dataclass(frozen=True)
class _Skin:
    pixels: Pixels
    points: Floats
    levels: dict[int, tuple[float, float]]
    unit: float
    crease: float
    light_x: float

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[0], self.pixels.shape[1]

    def level(self, number: int, side: _Side) -> float:
        return self.levels.get(number, (0.0, 0.0))[side.index]

    def both(self, number: int) -> float:
        return sum(self.levels.get(number, (0.0, 0.0))) / 2

    def place(self, index: int, x: float, y: float) -> Floats:
        return np.asarray(self.points[index] + np.array((x, y)) * self.unit)

    def fold(self, line: list[Floats] | Floats, strength: float, width: float = 0.022) -> None:
        if strength < 0.03:
            return
        smooth = curve(np.asarray(line, float), steps=6)
        gain, unit = min(strength * (0.55 + 0.75 * self.crease), 1.0), self.unit
        soft = max(0.75 * width, 0.014) * unit
        light(self.pixels, stroke(self.size, smooth, width_px=width * unit, soft_px=soft), -0.6 * gain)
        beside = smooth + np.array((-0.03 * unit if self.light_x > 0 else 0.03 * unit, 0.025 * unit))
        light(self.pixels, stroke(self.size, beside, width_px=1.4 * width * unit, soft_px=0.025 * unit), 0.12 * gain)

    def tint(self, center: Floats, radii: tuple[float, float], gain: float) -> None:
        if abs(gain) > 0.005:
            light(self.pixels, glow(self.size, center, (radii[0] * self.unit, radii[1] * self.unit)), gain)

    def mouth_corner(self, side: _Side) -> None:
        """The fold from the nose to the mouth, the dimple, the fold that a drooping corner makes."""
        out = side.out
        smile = max(self.level(12, side), 0.7 * self.level(14, side))
        depth = 0.10 * self.crease + 0.6 * smile + 0.5 * self.level(10, side)
        depth += 0.45 * self.level(9, side) + 0.2 * self.level(20, side)
        top, end = self.place(side.wing, out * 0.05, -0.07), self.place(side.corner, out * 0.12, 0.05)
        along = np.linspace(0, 1, 5)[:, None]
        bulge = np.sin(np.pi * along) * np.array((out * 0.05, -0.03 * smile)) * self.unit
        self.fold(top + along * (end - top) + bulge, depth, 0.03)
        self.tint(self.place(side.corner, out * 0.07, 0.0), (0.045, 0.07), -0.4 * self.level(14, side))
        droop = [self.place(side.corner, out * x, y) for x, y in ((0.02, 0.0), (0.06, 0.09), (0.03, 0.19))]
        self.fold(droop, 0.45 * self.level(15, side) + 0.3 * self.level(24, side), 0.028)

    def eye_corner(self, side: _Side) -> None:
        """The raised cheek, the fold below the eye, crow's feet, wrinkles beside the nose."""
        out, squint = side.out, self.level(6, side)
        cheek = (self.points[side.wing] + self.points[side.outer_eye]) / 2 + np.array((out * 0.12, 0.12)) * self.unit
        self.tint(cheek, (0.24, 0.17), 0.24 * min(0.6 * self.level(12, side) + 0.7 * squint, 1.2))
        below = [self.place(side.inner_eye, out * 0.02, 0.10), self.place(side.inner_eye, out * 0.22, 0.17)]
        below.append(self.place(side.outer_eye, out * -0.06, 0.15))
        self.fold(below, 0.55 * squint + 0.3 * self.level(7, side) + 0.3 * self.level(9, side))
        for tilt in (-0.10, 0.0, 0.10):
            ray = [self.place(side.outer_eye, out * 0.07, 0.3 * tilt)]
            ray.append(self.place(side.outer_eye, out * 0.24, tilt + 0.03))
            self.fold(ray, 0.5 * squint, 0.012)
        for row in (0.16, 0.26):
            wrinkle = [self.place(27, out * 0.12, row + 0.05), self.place(27, out * 0.03, row)]
            self.fold(wrinkle, 0.8 * self.level(9, side), 0.014)

    def brow(self, side: _Side) -> None:
        """The upright fold between knit brows and the shadow beneath them; the light below raised ones."""
        out, knit = side.out, self.level(4, side)
        upright = [self.place(side.inner_brow, out * x, y) for x, y in ((-0.08, -0.10), (-0.10, 0.04), (-0.06, 0.15))]
        self.fold(upright, 0.95 * knit, 0.026)
        self.tint(self.place(side.inner_brow, out * 0.05, 0.13), (0.12, 0.08), -0.22 * min(knit, 1))
        lid = self.place(side.inner_brow, out * 0.34, 0.12)
        self.tint(lid, (0.2, 0.08), 0.22 * min(self.level(2, side) + 0.4 * self.level(1, side), 1.2))

    def forehead(self) -> None:
        """Lines across: in the middle where the inner brows rise, from side to side with the outer ones."""
        inner, outer = self.both(1), self.both(2)
        reach = 0.45 + 0.55 * min(outer / max(inner, 0.1), 1.0)
        middle = (self.points[20] + self.points[23]) / 2
        for row, strength in ((0.20, 0.8), (0.33, 1.0), (0.46, 0.7)):
            line = middle + (_FOREHEAD * (reach, 1) - np.array((0, row))) * self.unit
            self.fold(line, strength * (0.45 * inner + 0.4 * outer), 0.024)

    def chin(self) -> None:
        """The dimpled chin below pushed-up lips, the tight skin above pressed ones."""
        pushed = self.both(17)
        for x, y in ((-0.1, 0.2), (0.03, 0.25), (0.12, 0.19), (-0.03, 0.16), (0.07, 0.3), (-0.08, 0.3)):
            self.tint(self.place(57, x, y), (0.03, 0.025), -0.22 * pushed)
        self.fold([self.place(57, -0.16, 0.09), self.place(57, 0, 0.06), self.place(57, 0.16, 0.09)], 0.6 * pushed)
        self.tint(self.place(51, 0, -0.06), (0.22, 0.04), -0.2 * max(self.both(23), self.both(24)))


def glasses(pixels: Pixels, eyes: tuple[Floats, Floats], *, unit: float, tone: Floats) -> None:
    """Draw a thin frame about two eyes' centers, pixels."""
    size = (pixels.shape[0], pixels.shape[1])
    turn = np.linspace(0, 2 * np.pi, 45)
    for center in eyes:
        rim = center + np.stack([0.37 * unit * np.cos(turn), 0.05 * unit + 0.28 * unit * np.sin(turn)], 1)
        paint(pixels, stroke(size, rim, width_px=0.022 * unit, soft_px=0.5), tone, 0.85)
        light(pixels, stroke(size, rim + np.array((0, 0.035 * unit)), width_px=0.03 * unit, soft_px=0.03 * unit), -0.12)
    left, right = eyes
    bridge = curve(
        np.stack(
            [
                left + np.array((0.36 * unit, 0.0)),
                (left + right) / 2 + (0, -0.05 * unit),
                right + np.array((-0.36 * unit, 0.0)),
            ]
        ),
        steps=8,
    )
    paint(pixels, stroke(size, bridge, width_px=0.022 * unit, soft_px=0.5), tone, 0.85)
    for center, out in ((left, -1.0), (right, 1.0)):
        arm = np.stack(
            [center + np.array((out * 0.36 * unit, 0.0)), center + np.array((out * 0.66 * unit, -0.06 * unit))]
        )
        paint(pixels, stroke(size, arm, width_px=0.022 * unit, soft_px=0.6), tone, 0.8)
