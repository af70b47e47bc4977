"""The shape of a head as a height field: outline, slopes of the skull, bumps and hollows."""

from __future__ import annotations

import numpy as np

from ckseq.twin.canvas import curve
from ckseq.twin.kinds import Floats
from ckseq.twin.shape import JAW, LEFT_BROW

CROWN = -1.62  # the top of the skull, pupil distances


def outline(points: Floats) -> Floats:
    """Return the head's outline: the jaw below, a skull above."""
    left, right = points[0], points[16]
    skull = [
        (right[0] * np.cos(a) ** 0.85, right[1] + (CROWN - right[1]) * np.sin(a))
        for a in np.linspace(0.18, np.pi / 2, 7)
    ]
    skull += [
        (left[0] * np.cos(a) ** 0.85, left[1] + (CROWN - left[1]) * np.sin(a))
        for a in np.linspace(np.pi / 2, 0.18, 7)[1:]
    ]
    return curve(np.concatenate([points[JAW], np.array(skull)]), steps=5, closed=True)


def head_slopes(edge: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the slopes of half ellipses as wide as the outline: 0.62 sqrt(w(y)^2 - x^2)."""
    right = edge[edge[:, 0] > 0]
    right = right[np.argsort(right[:, 1])]
    wide: Floats = np.interp(y, right[:, 1], right[:, 0])
    reach = max(len(y) // 24, 1) * 2 + 1
    padded = np.pad(wide, reach // 2, mode="edge")
    wide = np.convolve(padded, np.ones(reach) / reach, mode="valid")
    growth = np.gradient(wide, y)
    root = np.sqrt(np.maximum(wide[:, None] ** 2 - x[None] ** 2, 0) + 0.03)
    return (-0.62 * x[None] / root).astype(np.float32), (0.62 * (wide * growth)[:, None] / root).astype(np.float32)


def feature_slopes(points: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the slopes of bumps and hollows, and their occlusion of light, 0 to 1."""
    tip, base, mouth, chin = float(points[30, 1]), float(points[33, 1]), float(points[62, 1]), float(points[8, 1])
    wing = float(points[35, 0])
    brow = float(points[LEFT_BROW, 1].mean())
    both = [  # x, y, width, height, bump: mirrored
        (0.52, -0.02, 0.24, 0.15, -0.13), (0.27, -0.06, 0.09, 0.13, -0.10), (0.55, brow + 0.02, 0.30, 0.10, 0.07),
        (0.68, 0.50, 0.28, 0.22, 0.13), (wing * 0.75, base - 0.05, 0.085, 0.085, 0.085), (0.75, 1.05, 0.2, 0.3, -0.06),
        (0.45, mouth, 0.06, 0.07, -0.03), (0.50, -0.85, 0.4, 0.3, 0.05), (0.48, 0.03, 0.16, 0.09, 0.07),
    ]  # fmt: skip
    single = [
        (0.0, tip * 0.35, 0.085, 0.22, 0.11), (0.0, tip * 0.7, 0.10, 0.20, 0.15), (0.0, tip + 0.04, 0.12, 0.115, 0.20),
        (0.0, base + 0.13, 0.05, 0.09, -0.02), (0.0, mouth, 0.33, 0.17, 0.10), (0.0, mouth + 0.28, 0.2, 0.06, -0.05),
        (0.0, chin - 0.22, 0.2, 0.14, 0.11), (0.0, brow + 0.08, 0.10, 0.1, 0.02),
    ]  # fmt: skip
    bumps = np.array([*both, *((-bx, by, sx, sy, amount) for bx, by, sx, sy, amount in both), *single])
    dark = [
        (0.50, -0.05, 0.24, 0.12, 0.20),
        (0.26, -0.02, 0.08, 0.12, 0.20),
        (wing + 0.05, base - 0.04, 0.06, 0.10, 0.10),
    ]
    shades = [
        *dark,
        *((-bx, by, sx, sy, amount) for bx, by, sx, sy, amount in dark),
        (0.0, base + 0.05, 0.16, 0.05, 0.22),
        (0.0, mouth + 0.29, 0.18, 0.05, 0.12),
    ]
    gx, gy = _gaussians(bumps, x, y)
    slope_x = -(x[None] - bumps[:, :1]) / bumps[:, 2:3] ** 2
    slope_y = -(y[None] - bumps[:, 1:2]) / bumps[:, 3:4] ** 2
    heights = bumps[:, 4:5]
    dx = (gy * heights).T @ (gx * slope_x)
    dy = (gy * heights * slope_y).T @ gx
    table = np.array(shades)
    gx, gy = _gaussians(table, x, y)
    return dx.astype(np.float32), dy.astype(np.float32), ((gy * table[:, 4:5]).T @ gx).astype(np.float32)


def _gaussians(table: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    gx = np.exp(-0.5 * ((x[None] - table[:, :1]) / table[:, 2:3]) ** 2)
    gy = np.exp(-0.5 * ((y[None] - table[:, 1:2]) / table[:, 3:4]) ** 2)
    return gx, gy
