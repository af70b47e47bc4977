"""Hair: behind the head and on it, brows and beard."""

from __future__ import annotations

import cv2
import numpy as np

from ckseq.twin.canvas import curve, filled, light, paint
from ckseq.twin.kinds import Floats
from ckseq.twin.relief import CROWN
from ckseq.twin.scene import Scene
from ckseq.twin.shape import LEFT_BROW, RIGHT_BROW


def behind(scene: Scene) -> None:
    """Draw the hair behind the head."""
    style, points = scene.person.hair_style, scene.person.points
    wide = float(points[16, 0])
    if style == "long":
        half = [
            (0, -1.95),
            (0.9, -1.72),
            (wide + 0.30, -0.85),
            (wide + 0.36, 0.3),
            (wide + 0.38, 1.4),
            (wide + 0.25, 2.7),
            (0.5, 2.9),
        ]
    elif style == "curly":
        half = [(0, -2.12), (0.85, -1.95), (wide + 0.42, -1.15), (wide + 0.48, -0.3), (wide + 0.25, 0.45), (0.8, 0.6)]
    elif style == "tied":
        _mass(
            scene,
            np.array([(0.52 * np.cos(a), -1.98 + 0.42 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 30)]),
            tone=0.82,
        )
        return
    elif style == "fringe":
        half = [
            (0, -1.92),
            (0.85, -1.74),
            (wide + 0.22, -0.95),
            (wide + 0.27, 0.1),
            (wide + 0.22, 1.0),
            (wide - 0.1, 1.32),
            (0.6, 1.3),
        ]
    else:
        return
    right = curve(np.array(half), steps=8)
    _mass(scene, np.concatenate([right, right[::-1] * (-1, 1)]), tone=0.72)


def in_front(scene: Scene) -> None:
    """Draw the hair on the head, down to the hairline."""
    style, points, line = scene.person.hair_style, scene.person.points, scene.person.hairline
    wide = float(points[16, 0])
    top, side = {"short": (-1.80, 0.05), "receding": (-1.72, 0.02), "curly": (-1.95, 0.22), "tied": (-1.76, 0.04)}.get(
        style, (-1.88, 0.12)
    )
    outer = curve(
        np.array(
            [
                (-wide - 0.02, 0.0),
                (-wide - side, -0.65),
                (-0.78, top + 0.22),
                (0, top),
                (0.78, top + 0.22),
                (wide + side, -0.65),
                (wide + 0.02, 0.0),
            ]
        ),
        steps=10,
    )
    edge = curve(np.array(_hairline(style, line)) * (wide / 1.12, 1), steps=10)
    if style in ("short", "receding", "curly"):
        edge = edge + np.stack([np.zeros(len(edge)), scene.rng.normal(0, 0.018, len(edge))], 1)
    shadow = filled(
        scene.size,
        scene.at(np.concatenate([outer, edge])) + np.array((-3 * scene.person.light[0], 0.06 * scene.unit)),
        soft_px=0.06 * scene.unit,
    )
    light(scene.pixels, shadow, -0.28)
    _mass(scene, np.concatenate([outer, edge]), tone=1.0)


def _hairline(style: str, line: float) -> list[tuple[float, float]]:
    """Return the lower edge of the hair from the image's right to its left; ``line`` is its height in the middle."""
    match style:
        case "parted":
            right = [(0.98, -0.3), (0.93, -0.66), (0.6, line + 0.12), (0.1, line + 0.06)]
            return [*right, (-0.42, line - 0.30), (-0.6, line - 0.02), (-0.88, -0.70), (-0.99, -0.3)]
        case "fringe":
            right = [(1.0, -0.05), (0.97, -0.42), (0.7, -0.62), (0.3, -0.70)]
            return [*right, (-0.2, -0.68), (-0.68, -0.6), (-0.97, -0.42), (-1.0, -0.05)]
        case "long":
            right = [(1.02, 0.35), (0.98, -0.35), (0.66, -0.95), (0.08, line - 0.25)]
            return [*right, (-0.52, -1.0), (-0.96, -0.35), (-1.02, 0.35)]
        case "receding":
            right = [(1.0, -0.25), (0.92, -0.66), (0.66, line - 0.04), (0.35, line + 0.02)]
            return [*right, (0, line + 0.12), *((-x, y) for x, y in right[::-1])]
        case _:
            right = [(0.99, -0.25), (0.93, -0.68), (0.72, line + 0.10), (0.3, line)]
            return [*right, (0, line + 0.02), *((-x, y) for x, y in right[::-1])]


def beard(scene: Scene) -> None:
    """Draw a beard, from stubble to full, for subjects with one."""
    if not scene.person.beard:
        return
    points, amount = scene.person.points, scene.person.beard
    jaw = points[2:15]
    cheeks = [(0.80, 0.86), (0.55, 1.02), (0.44, 0.92)]
    lip = [(0.2, float(points[33, 1]) + 0.11), (0.0, float(points[33, 1]) + 0.13)]
    inner = cheeks + lip
    outline = np.concatenate([jaw, np.array([(x, y) for x, y in inner]), np.array([(-x, y) for x, y in inner[::-1]])])
    area = scene.inside(outline, 0.05 + 0.03 * (1 - amount))
    grain: Floats = scene.rng.normal(0, 1, area.alpha.shape).astype(np.float32)
    grain = np.asarray(cv2.GaussianBlur(grain, (0, 0), sigmaX=0.8, sigmaY=1.8), np.float32)
    cover = np.clip((0.32 + 0.42 * amount) + 0.55 * grain, 0, 1)
    shaded = scene.pixels[area.rows, area.columns].mean(axis=2, keepdims=True) / max(float(scene.person.skin.mean()), 1)
    area.alpha *= cover * np.float32(0.35 + 0.6 * amount)
    paint(scene.pixels, area, scene.person.hair * 0.85 * (0.35 + 0.65 * shaded))


def brows(scene: Scene) -> None:
    """A soft body and single hairs, upwards near the nose and flat at the temple."""
    for brow in (LEFT_BROW, RIGHT_BROW[::-1]):
        points = scene.person.points[brow]
        spine = curve(points, steps=10)
        along = np.linspace(0, 1, len(spine))
        thick = scene.person.brow_thickness * np.interp(along, (0, 0.3, 0.75, 1), (0.28, 0.8, 1.05, 0.75))
        body = np.concatenate(
            [spine - np.stack([0 * thick, thick], 1), (spine + np.stack([0 * thick, thick], 1))[::-1]]
        )
        paint(scene.pixels, scene.inside(body, 0.022), scene.person.brows, 0.62)
        inward = np.sign(points[-1, 0] - points[0, 0])
        for place in scene.rng.uniform(0, 1, 90):
            root = np.array([np.interp(place, along, spine[:, 0]), np.interp(place, along, spine[:, 1])])
            wide = float(np.interp(place, along, thick))
            root += (0, scene.rng.uniform(-0.8, 1.0) * wide)
            angle = np.interp(place, (0, 0.7, 1), (0.15, -0.55, -1.35)) + scene.rng.normal(0, 0.15)
            tip = root + np.array([-inward * np.cos(angle), np.sin(angle)]) * scene.rng.uniform(0.05, 0.10)
            paint(scene.pixels, scene.line(np.stack([root, tip]), 0.009, 0.004), scene.person.brows * 0.8, 0.5)


def _mass(scene: Scene, outline: Floats, *, tone: float) -> None:
    """Hair: strands that run from the crown, a band of light, a ragged edge."""
    patch = scene.inside(outline, 0.02)
    x, y = scene.x[None, patch.columns], scene.y[patch.rows, None]
    curly = scene.person.hair_style == "curly"
    radius = np.hypot(x, y + 2.05)
    if curly:
        noise = scene.rng.normal(0, 1, patch.alpha.shape).astype(np.float32)
        strands: Floats = cv2.GaussianBlur(noise, (0, 0), 2.4) * 4.5 + cv2.GaussianBlur(noise, (0, 0), 1.0)
    else:
        angle = np.arctan2(x, y + 2.05).astype(np.float32)
        sheet = scene.rng.normal(0, 1, (64, 1024)).astype(np.float32)
        sheet = np.asarray(cv2.GaussianBlur(sheet, (0, 0), sigmaX=1.3, sigmaY=9) * 6, np.float32)
        across = (angle / (2 * np.pi) + 0.5) * 1023
        along = np.minimum(radius * 22, 63).astype(np.float32)
        strands = np.asarray(cv2.remap(sheet, across, along, cv2.INTER_LINEAR), np.float32)
    slope_x, slope_y = 0.75 * x, 0.9 * (y - CROWN * 0.45)
    bright, shine = scene.lit(slope_x + 0.10 * strands, slope_y, shine=34.0 if not curly else 14.0)
    shade = np.clip(bright * (1 + 0.16 * strands), 0.12, 1.5) * tone
    paint(
        scene.pixels,
        patch,
        shade[..., None] * scene.person.hair + (shine * np.clip(1 + 0.5 * strands, 0, 2) * tone)[..., None],
    )
