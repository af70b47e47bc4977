"""A photo with a box and a class at every face, legible at any size."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

# by the index of the class: those of Okabe and Ito, distinguishable with any color vision, and two more
COLORS = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7", "#999999", "#b07aa1")
_DARK = (20, 28, 36)
MIN_PX = 720
"""Minimum longer side of a drawn photo; a smaller photo is enlarged by a whole number."""
_TEXT_SHARE = 0.026

Area = tuple[float, float, float, float]


class FaceLabel(NamedTuple):
    """A face: ``region`` x, y, width, height in pixels of the photo, its class, and percent of all classes in order.

    ``points`` are those of its eyes, nose and mouth, where the detector finds them.
    """

    region: tuple[int, int, int, int]
    label: str
    percents: tuple[float, ...]
    points: tuple[tuple[float, float], ...] = ()


def draw_photo(photo: NDArray[np.uint8], faces: Sequence[FaceLabel], labels: Sequence[str]) -> bytes:
    """Draw a box around every face and its points, beside it the most likely class and, in a large face, the second.

    Parameters
    ----------
    photo : (h, w, 3) uint8
        Red, green, blue.
    faces : sequence of FaceLabel
    labels : sequence of str
        The classes, in order.

    Returns
    -------
    bytes
        A JPEG file.
    """
    height, width = photo.shape[:2]
    factor = -(-MIN_PX // max(height, width))
    image = Image.fromarray(photo).resize((width * factor, height * factor), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    longer = max(image.size)
    line = max(3, round(longer / 260))
    areas = [_area(face, factor) for face in faces]
    for face, area in zip(faces, areas, strict=True):
        thick = min(line, max(2, round((area[2] - area[0]) / 20)))
        _box(draw, area, _color(face, labels), thick)
        for x, y in face.points:
            _dot(draw, (factor * (x + 0.5), factor * (y + 0.5)), thick, _color(face, labels))
    plates: list[Area] = []
    for face, area in zip(faces, areas, strict=True):
        size = round(min(max(0.16 * (area[2] - area[0]), 0.55 * _TEXT_SHARE * longer, 13), 1.3 * _TEXT_SHARE * longer))
        lines = _lines(face, labels, area, size)
        others = [other for other in areas if other is not area]
        plates.append(_write(draw, lines, area, _color(face, labels), size, [*plates, *others], image.size))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, subsampling=0)
    return buffer.getvalue()


def _area(face: FaceLabel, factor: int) -> Area:
    x, y, w, h = (factor * value for value in face.region)
    return (x, y, x + w, y + h)


def _color(face: FaceLabel, labels: Sequence[str]) -> str:
    return COLORS[labels.index(face.label) % len(COLORS)]


def _box(draw: ImageDraw.ImageDraw, area: Area, color: str, thick: int) -> None:
    """Draw the sides of a box, with a dark line on both sides of each, visible on any background."""
    left, top, right, bottom = area
    edge = max(1, thick // 3)
    draw.rectangle((left - edge, top - edge, right + edge, bottom + edge), outline=_DARK, width=thick + 2 * edge)
    draw.rectangle(area, outline=color, width=thick)


def _dot(draw: ImageDraw.ImageDraw, middle: tuple[float, float], radius: float, color: str) -> None:
    x, y = middle
    edge = radius + max(1, radius // 2)
    draw.ellipse((x - edge, y - edge, x + edge, y + edge), fill=_DARK)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)


def _lines(face: FaceLabel, labels: Sequence[str], area: Area, size: int) -> list[tuple[str, ImageFont.FreeTypeFont]]:
    """Return the lines of text of a face: the most likely class, and the second where the face is wide enough."""
    order = sorted(range(len(labels)), key=lambda place: -face.percents[place])
    texts = [f"{labels[place]} {face.percents[place]:.0f} %" for place in order[:2] if face.percents[place] >= 1]
    lines = [(texts[0], _font(size, bold=True))]
    small = _font(max(12, round(0.75 * size)), bold=False)
    if len(texts) > 1 and small.getlength(texts[1]) < area[2] - area[0] > 6 * size:
        lines.append((texts[1], small))
    return lines


def _write(
    draw: ImageDraw.ImageDraw,
    lines: Sequence[tuple[str, ImageFont.FreeTypeFont]],
    area: Area,
    color: str,
    size: int,
    avoid: Sequence[Area],
    within: tuple[int, int],
) -> Area:
    """Write on a plate beside a box, where it hides least; return where it is."""
    pad = round(0.28 * size)
    heights = [round(1.22 * font.size) for _, font in lines]
    plate_width = max(font.getlength(text) for text, font in lines) + 2 * pad
    plate_height = sum(heights) + pad
    left, top, right, bottom = area
    places = [
        (left, top - plate_height),
        (right - plate_width, top - plate_height),
        (left, bottom),
        (right - plate_width, bottom),
    ]
    places += [(right, top), (left - plate_width, top), (left, top)]
    plates = [_moved_inside((x, y, x + plate_width, y + plate_height), within) for x, y in places]
    # a plate moved inside the image may hide its own face, which counts less than hiding another one
    plate = min(plates, key=lambda one: sum(_common(one, other) for other in avoid) + 0.5 * _common(one, area))
    draw.rounded_rectangle(plate, radius=pad, fill=color, outline=_DARK, width=max(1, size // 16))
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    ink = _DARK if 0.3 * red + 0.59 * green + 0.11 * blue > 110 else (255, 255, 255)
    y = plate[1] + pad / 2
    for (text, font), high in zip(lines, heights, strict=True):
        draw.text((plate[0] + pad, y), text, fill=ink, font=font)
        y += high
    return plate


def _moved_inside(area: Area, within: tuple[int, int]) -> Area:
    left, top, right, bottom = area
    x = max(0.0, min(left, within[0] - (right - left)))
    y = max(0.0, min(top, within[1] - (bottom - top)))
    return (x, y, x + right - left, y + bottom - top)


def _common(one: Area, other: Area) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


@cache
def _font(size: int, *, bold: bool) -> ImageFont.FreeTypeFont:
    # comes with matplotlib, so that the result is the same everywhere
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name), size)
