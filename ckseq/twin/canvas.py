"""Soft, anti-aliased drawing on float images: polygons, strokes and ellipses that are mixed in rather than filled."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.twin.kinds import Floats

_SHIFT = 4  # fractional bits of a coordinate
_TURN = np.linspace(0, 2 * np.pi, 40, endpoint=False)
_CIRCLE = np.stack([np.cos(_TURN), np.sin(_TURN)], axis=1)


class Patch:
    """The coverage of an image by a shape: a rectangle and its float32 alpha, 0 to 1."""

    def __init__(self, rows: slice, columns: slice, alpha: NDArray[np.float32]) -> None:
        self.rows = rows
        self.columns = columns
        self.alpha = alpha

    def within(self, other: Patch) -> Patch:
        """Return this patch, clipped to another one."""
        top, bottom = max(self.rows.start, other.rows.start), min(self.rows.stop, other.rows.stop)
        left, right = max(self.columns.start, other.columns.start), min(self.columns.stop, other.columns.stop)
        bottom, right = max(bottom, top), max(right, left)
        alphas = [
            p.alpha[top - p.rows.start : bottom - p.rows.start, left - p.columns.start : right - p.columns.start]
            for p in (self, other)
        ]
        return Patch(slice(top, bottom), slice(left, right), alphas[0] * alphas[1])


def filled(size: tuple[int, int], outline: Floats, *, soft_px: float) -> Patch:
    """Return the inside of a polygon.

    Parameters
    ----------
    size : (height, width)
        The image's.
    outline : (n, 2) floats
        x, y in pixels.
    soft_px : float
        Standard deviation of the blur of its edge.
    """
    return _patch(size, outline, soft_px, 0)


def stroke(size: tuple[int, int], line: Floats, *, width_px: float, soft_px: float) -> Patch:
    """Return a line along (n, 2) points; a line thinner than a pixel is a fainter one."""
    patch = _patch(size, line, soft_px, max(1, round(width_px)))
    if width_px < 1:
        patch.alpha *= np.float32(width_px)
    return patch


def disc(
    size: tuple[int, int], center: Floats, radii: tuple[float, float], *, soft_px: float, angle: float = 0.0
) -> Patch:
    """Return an ellipse; ``radii`` in pixels, ``angle`` in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return filled(size, (_CIRCLE * radii) @ np.array([[cos, sin], [-sin, cos]]) + center, soft_px=soft_px)


def glow(size: tuple[int, int], center: Floats, radii: tuple[float, float]) -> Patch:
    """Return a Gaussian blob whose standard deviations are ``radii``, in pixels."""
    (height, width), (x, y), (rx, ry) = size, center, radii
    top, bottom = _clip(y - 3 * ry, height), _clip(y + 3 * ry, height)
    left, right = _clip(x - 3 * rx, width), _clip(x + 3 * rx, width)
    column = np.exp(-0.5 * ((np.arange(top, bottom) - y) / ry) ** 2)
    row = np.exp(-0.5 * ((np.arange(left, right) - x) / rx) ** 2)
    return Patch(slice(top, bottom), slice(left, right), np.outer(column, row).astype(np.float32))


def paint(pixels: NDArray[np.float32], patch: Patch, color: Floats | float, opacity: float = 1.0) -> None:
    """Mix a color, or an image of the patch's size, into (h, w, c) pixels in place."""
    region = pixels[patch.rows, patch.columns]
    region += (patch.alpha * np.float32(opacity))[..., None] * (np.asarray(color, np.float32) - region)


def light(pixels: NDArray[np.float32], patch: Patch, gain: float) -> None:
    """Multiply (h, w, c) pixels in place by up to ``1 + gain``: below 0 a shadow, above 0 a highlight."""
    region = pixels[patch.rows, patch.columns]
    region *= (1 + np.float32(gain) * patch.alpha)[..., None]


def curve(points: Floats, *, steps: int, closed: bool = False) -> Floats:
    """Return a smooth line through (n, 2) points: a Catmull-Rom spline with ``steps`` points to a stretch."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    controls = np.array([padded[:-3], padded[1:-2], padded[2:-1], padded[3:]])
    line = np.tensordot(controls, _spline(steps), axes=(0, 0)).transpose(0, 2, 1).reshape(-1, 2)
    return line if closed else np.concatenate([line, points[-1:]])


@cache
def _spline(steps: int) -> Floats:
    """Return the (4, steps) weights of the control points around a stretch."""
    u = np.arange(steps) / steps
    return 0.5 * np.stack([-u + 2 * u**2 - u**3, 2 - 5 * u**2 + 3 * u**3, u + 4 * u**2 - 3 * u**3, u**3 - u**2])


def _patch(size: tuple[int, int], points: Floats, soft_px: float, width: int) -> Patch:
    height, width_px = size
    margin = 3 * soft_px + width + 2
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    left, right = _clip(low[0], width_px), _clip(high[0] + 1, width_px)
    top, bottom = _clip(low[1], height), _clip(high[1] + 1, height)
    mask = np.zeros((max(bottom - top, 0), max(right - left, 0)), np.uint8)
    if mask.size:
        corners: Any = np.round((points - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        if width:
            cv2.polylines(mask, [corners], False, 255, width, cv2.LINE_AA, _SHIFT)
        else:
            cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SHIFT)
    alpha = mask.astype(np.float32)
    alpha *= np.float32(1 / 255)
    if soft_px > 0 and mask.size:
        alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), soft_px), np.float32)
    return Patch(slice(top, bottom), slice(left, right), alpha)


def _clip(value: float, limit: int) -> int:
    return min(max(math.floor(value), 0), limit)
