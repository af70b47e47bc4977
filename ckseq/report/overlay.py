"""Faces with their classes and probabilities, drawn on the frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# BGR
_INK, _PAPER, _SOFT, _HIGHLIGHT = (39, 30, 22), (255, 255, 255), (180, 170, 160), (30, 140, 240)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Mark(NamedTuple):
    """A face: ``box`` (left, top, right, bottom) in pixels, the text above it, and its probabilities.

    ``probabilities`` are in the order of the labels, or empty; ``label`` is the index of the class whose bar is
    highlighted, or None.
    """

    box: tuple[int, int, int, int]
    text: str
    probabilities: tuple[float, ...]
    label: int | None


def draw_marks(image: NDArray[np.uint8], marks: Sequence[Mark], labels: Sequence[str]) -> NDArray[np.uint8]:
    """Return a copy of a frame with boxes, texts and bars of probability.

    Parameters
    ----------
    image : (h, w, 3) uint8
        BGR.
    marks : sequence of Mark
    labels : sequence of str

    Returns
    -------
    (h, w, 3) uint8
    """
    drawn = image.copy()
    # proportional to the resolution of the video
    scale = max(0.4, min(image.shape[:2]) / 960)
    line = max(1, round(2 * scale))
    for mark in marks:
        left, top, right, bottom = mark.box
        color = _SOFT if mark.label is None else _HIGHLIGHT
        cv2.rectangle(drawn, (left, top), (right, bottom), color, line, cv2.LINE_AA)
        _write(drawn, mark.text, (left, top - round(8 * scale)), scale)
        if mark.probabilities:
            _draw_bars(drawn, mark, labels, scale)
    return drawn


def _draw_bars(drawn: NDArray[np.uint8], mark: Mark, labels: Sequence[str], scale: float) -> None:
    """Draw the bars to the right of the box, or to the left where there is no space."""
    row, width = round(26 * scale), round(190 * scale)
    gap = round(10 * scale)
    left = mark.box[2] + gap
    if left + width > drawn.shape[1]:
        left = max(0, mark.box[0] - gap - width)
    top = min(max(0, mark.box[1]), max(0, drawn.shape[0] - row * len(labels)))
    panel = drawn[top : top + row * len(labels), left : left + width]
    # slightly transparent
    panel[...] = cv2.addWeighted(panel, 0.25, np.full_like(panel, 255), 0.75, 0)
    for number, (label, probability) in enumerate(zip(labels, mark.probabilities, strict=True)):
        y = top + number * row
        length = round(probability * (width - 2))
        color = _HIGHLIGHT if number == mark.label else _SOFT
        cv2.rectangle(drawn, (left + 1, y + 2), (left + 1 + length, y + row - 2), color, cv2.FILLED)
        text = f"{_ascii(label)} {probability:.2f}"
        at = (left + round(6 * scale), y + round(18 * scale))
        cv2.putText(drawn, text, at, _FONT, 0.55 * scale, _INK, max(1, round(1.2 * scale)), cv2.LINE_AA)


def _write(drawn: NDArray[np.uint8], text: str, at: tuple[int, int], scale: float) -> None:
    thick = max(1, round(1.6 * scale))
    (width, height), below = cv2.getTextSize(_ascii(text), _FONT, 0.7 * scale, thick)
    left = min(max(0, at[0]), max(0, drawn.shape[1] - width))
    base = max(height + below, at[1])
    cv2.rectangle(drawn, (left, base - height - below), (left + width, base + below), _PAPER, cv2.FILLED)
    cv2.putText(drawn, _ascii(text), (left, base), _FONT, 0.7 * scale, _INK, thick, cv2.LINE_AA)


def _ascii(text: str) -> str:
    """Return a text in the characters of OpenCV's font."""
    return text.encode("ascii", "replace").decode()
