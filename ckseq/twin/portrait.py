"""The static part of an image: wall, shoulders, head and hair, modeled as a height field and lit by one lamp.

Shading is Lambert's with an ambient share and a faint highlight; the face is a stack of half ellipses as wide as its
outline, with Gaussian bumps and hollows for nose, brow ridge, eye sockets, cheeks, lips and chin. Eyes and mouth are
not here: `ckseq.twin.features` draws them frame by frame.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.twin import hair
from ckseq.twin.canvas import curve, disc, light, paint
from ckseq.twin.identity import Identity
from ckseq.twin.kinds import Floats
from ckseq.twin.relief import feature_slopes, head_slopes
from ckseq.twin.scene import Scene

Pixels = NDArray[np.float32]


def portrait(person: Identity, *, size: tuple[int, int], center: Floats) -> Pixels:
    """Draw a subject's portrait without eyes and mouth.

    Parameters
    ----------
    person : Identity
        Who.
    size : (height, width)
        Of the picture, in pixels.
    center : (2,) floats
        Where the middle between the pupils is, x and y in pixels.

    Returns
    -------
    (h, w, 3) float32
        Red, green, blue, 0 to 255.
    """
    scene = Scene(person, size, np.asarray(center, float))
    for layer in (_wall, hair.behind, _body, _ears, _face, _skin_marks, hair.beard, hair.brows, hair.in_front):
        layer(scene)
    return scene.pixels


def _wall(scene: Scene) -> None:
    height, width = scene.size
    lx, ly = scene.person.light[:2]
    fall = 1 + 0.16 * lx * np.linspace(-1, 1, width)[None] + 0.18 * ly * np.linspace(-1, 1, height)[:, None]
    clouds = cv2.resize(
        scene.rng.normal(0, 0.035, (5, 6)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC
    )
    scene.pixels[:] = ((fall + clouds)[..., None] * scene.person.wall).astype(np.float32)
    # the head's own soft shadow, away from the light
    light(scene.pixels, scene.blob(-0.9 * lx, 0.2, 1.3, 1.7), -0.28)


def _body(scene: Scene) -> None:
    person, chin = scene.person, float(scene.person.points[8, 1])
    neck = person.neck_width
    rows = np.linspace(0.9, chin + 1.4, 20)
    flare = neck * (1 + 0.9 * np.clip((rows - chin - 0.35) / 1.0, 0, 1) ** 2)
    column = np.concatenate([np.stack([-flare, rows], 1), np.stack([flare, rows], 1)[::-1]])
    patch = scene.inside(column, 0.02)
    x = scene.x[None, patch.columns]
    slope = -0.8 * x / np.sqrt(np.maximum(neck**2 * 1.05 - x**2, 0.05))
    bright, _ = scene.lit(slope, np.zeros_like(slope), shine=0)
    paint(scene.pixels, patch, bright[..., None] * person.skin * 0.93)
    jaw = scene.outline + np.array((-0.18 * person.light[0], 0.26))
    light(scene.pixels, scene.inside(jaw, 0.1).within(patch), -0.5)
    for side in (-1, 1):  # the two muscles that meet between the collar bones
        light(
            scene.pixels,
            scene.line([(side * neck * 0.8, chin - 0.1), (side * 0.12, chin + 0.75)], 0.08, 0.06).within(patch),
            0.10,
        )
    _shirt(scene, chin, neck)


def _shirt(scene: Scene, chin: float, neck: float) -> None:
    person, shoulder = scene.person, chin + 0.72
    half = [
        (0.0, chin + 0.78),
        (neck * 0.55, chin + 0.66),
        (neck * 1.02, chin + 0.34),
        (neck * 1.35, chin + 0.42),
        (1.7, shoulder),
    ]
    half += [(2.35, shoulder + 0.42), (2.6, shoulder + 2.0)]
    right = curve(np.array(half), steps=8)
    outline = np.concatenate([right[::-1] * (-1, 1), right[1:]])
    patch = scene.inside(outline, 0.015)
    x, y = scene.x[None, patch.columns], scene.y[patch.rows, None]
    fold = 0.25 * np.sin(3.1 * x + 1.3 * y + person.texture_seed % 7) * np.exp(-((y - shoulder - 0.6) ** 2))
    bright, _ = scene.lit(np.float32(0.35) * x + fold, np.float32(0.9) * np.minimum(y - shoulder - 0.5, 0), shine=0)
    weave = scene.rng.normal(1, 0.02, bright.shape).astype(np.float32)
    paint(scene.pixels, patch, (bright * weave)[..., None] * person.shirt)
    collar = curve(
        np.array(
            [
                (-neck * 1.02, chin + 0.36),
                (-neck * 0.55, chin + 0.68),
                (0, chin + 0.8),
                (neck * 0.55, chin + 0.68),
                (neck * 1.02, chin + 0.36),
            ]
        ),
        steps=8,
    )
    light(scene.pixels, scene.line(collar + np.array((0, -0.04)), 0.07, 0.04), -0.3)
    light(scene.pixels, scene.line(collar + np.array((0, 0.05)), 0.035, 0.02), 0.15)
    light(scene.pixels, scene.line(collar + np.array((0, 0.1)), 0.015, 0.01), -0.3)


def _ears(scene: Scene) -> None:
    if scene.person.hair_style == "long":
        return
    for side, corner in ((-1, 0), (1, 16)):
        x, y = scene.person.points[corner] + (side * 0.04, 0.22)
        center = scene.at([(x, y)])[0]
        radii = (0.13 * scene.unit, 0.31 * scene.unit)
        patch = disc(scene.size, center, radii, soft_px=0.8, angle=side * 0.12)
        shade = scene.person.exposure * (0.72 + 0.22 * side * scene.person.light[0])
        paint(scene.pixels, patch, scene.person.skin * (1.0, 0.93, 0.92) * shade)
        inner = disc(
            scene.size,
            center + np.array((side * 0.02 * scene.unit, -0.03 * scene.unit)),
            (radii[0] * 0.5, radii[1] * 0.6),
            soft_px=3,
            angle=side * 0.12,
        )
        light(scene.pixels, inner, -0.28)


def _face(scene: Scene) -> None:
    patch = scene.inside(scene.outline, 0.012)
    x, y = scene.x[patch.columns], scene.y[patch.rows]
    dx, dy = head_slopes(scene.outline, x, y)
    bump_dx, bump_dy, hollow = feature_slopes(scene.person.points, x, y)
    bright, shine = scene.lit(dx + bump_dx, dy + bump_dy, shine=26.0)
    bright *= 1 - hollow
    skin = bright[..., None] * scene.person.skin.astype(np.float32) + shine[..., None]
    skin += _blush(scene, x, y) * bright[..., None]
    pores = cv2.GaussianBlur(scene.rng.normal(0, 1, bright.shape).astype(np.float32), (0, 0), 1.1)
    blotches = cv2.resize(
        scene.rng.normal(0, 1, (14, 12)).astype(np.float32), bright.shape[::-1], interpolation=cv2.INTER_CUBIC
    )
    skin *= (1 + 0.03 * pores + 0.012 * blotches)[..., None]
    paint(scene.pixels, patch, skin)


def _blush(scene: Scene, x: Floats, y: Floats) -> Pixels:
    """Cheeks, nose and chin are redder than the forehead."""
    points = scene.person.points
    red = np.zeros((len(y), len(x)), np.float32)
    for cx, cy, sx, sy, amount in (
        (-0.66, 0.62, 0.28, 0.22, 1.0), (0.66, 0.62, 0.28, 0.22, 1.0),
        (0.0, float(points[30, 1]), 0.16, 0.14, 0.8), (0.0, float(points[8, 1]) - 0.2, 0.25, 0.15, 0.5),
    ):  # fmt: skip
        red += amount * np.outer(np.exp(-0.5 * ((y - cy) / sy) ** 2), np.exp(-0.5 * ((x - cx) / sx) ** 2)).astype(
            np.float32
        )
    return red[..., None] * np.array((4, -10, -8), np.float32) * float(scene.person.skin.mean() / 190)


def _skin_marks(scene: Scene) -> None:
    points, unit = scene.person.points, scene.unit
    for _ in range(int(90 * scene.person.freckles)):
        x, y = float(np.clip(scene.rng.normal(0, 0.45), -0.85, 0.85)), scene.rng.normal(0.45, 0.2)
        spot = disc(scene.size, scene.at([(x, y)])[0], (0.9, 0.8), soft_px=0.7)
        light(scene.pixels, spot, -scene.rng.uniform(0.1, 0.3))
    if scene.rng.random() < 0.4:
        x, y = scene.rng.uniform(-0.7, 0.7), scene.rng.uniform(0.4, 1.5)
        light(scene.pixels, disc(scene.size, scene.at([(x, y)])[0], (0.018 * unit, 0.016 * unit), soft_px=0.8), -0.5)
    light(scene.pixels, scene.blob(-0.25 * scene.person.light[0], float(points[33, 1]) + 0.10, 0.17, 0.06), -0.22)
    for index, away in ((32, -1), (34, 1)):  # nostrils
        x, y = points[index] + (away * 0.015, -0.02)
        hole = disc(scene.size, scene.at([(x, y)])[0], (0.062 * unit, 0.030 * unit), soft_px=1.3, angle=away * 0.35)
        light(scene.pixels, hole, -0.68)
    for index, away in ((31, -1), (35, 1)):  # the wings' edge
        x, y = points[index]
        wing = curve(
            np.array([(x + away * -0.01, y - 0.15), (x + away * 0.03, y - 0.05), (x - away * 0.02, y + 0.03)]), steps=6
        )
        light(scene.pixels, scene.line(wing, 0.02, 0.018), -0.34)
    for eye in (points[36:42], points[42:48]):  # rings under the eyes
        center = eye.mean(axis=0)
        arc = [
            (center[0] + 0.22 * np.cos(a), center[1] + 0.05 + 0.14 * np.sin(a))
            for a in np.linspace(0.5, np.pi - 0.5, 9)
        ]
        light(scene.pixels, scene.line(arc, 0.02, 0.025), -0.05 - 0.2 * scene.person.crease)
    light(scene.pixels, scene.blob(0, float(points[57, 1]) + 0.10, 0.2, 0.05), -0.16)
