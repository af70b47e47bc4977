"""The image by which a person reviews a clip: frames with the face box, and the motion with the selected part."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

_N_FRAMES = 6
_THUMB_PX = 160
_CURVE_PX = 90
_INK, _SOFT, _SELECTED = 20, 150, 225


def contact_sheet(
    frames: Sequence[NDArray[np.uint8]],
    boxes: NDArray[np.int32],
    motion: NDArray[np.float64],
    *,
    selected: tuple[int, int],
    title: str,
) -> NDArray[np.uint8]:
    """Draw six frames of the selected part with the face box, above the motion of the whole clip.

    Parameters
    ----------
    frames : sequence of (h, w) uint8
        The whole clip; all of one size.
    boxes : (t, 4) int32
        The face in each frame.
    motion : (t,) float64
        Share of the face that differs from the first frame.
    selected : (int, int)
        The selected part, as a slice.
    title : str
        Written on top; ASCII.

    Returns
    -------
    (h, 960) uint8
    """
    first, end = selected
    places = np.linspace(first, end - 1, _N_FRAMES).round().astype(int)
    row = np.hstack([_thumb(frames[place], boxes[place]) for place in places])
    width = row.shape[1]
    sheet = np.vstack([np.full((28, width), 255, np.uint8), row, _curve(motion, selected, width)])
    cv2.putText(sheet, title, (8, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _INK, 1, cv2.LINE_AA)
    for number, place in enumerate(places):
        at = (number * _THUMB_PX + 6, 28 + row.shape[0] - 7)
        for color, thick in ((0, 3), (255, 1)):
            cv2.putText(sheet, str(place + 1), at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, thick, cv2.LINE_AA)
    return sheet


def _thumb(frame: NDArray[np.uint8], box: NDArray[np.int32]) -> NDArray[np.uint8]:
    scale = _THUMB_PX / frame.shape[1]
    size = (_THUMB_PX, max(1, round(frame.shape[0] * scale)))
    small = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
    left, top, right, bottom = (round(float(side) * scale) for side in box)
    cv2.rectangle(small, (left, top), (right, bottom), 0, 3)
    cv2.rectangle(small, (left, top), (right, bottom), 255, 1)
    return small


def _curve(motion: NDArray[np.float64], selected: tuple[int, int], width: int) -> NDArray[np.uint8]:
    panel = np.full((_CURVE_PX, width), 255, np.uint8)
    along = np.linspace(8, width - 9, len(motion))
    panel[:, round(along[selected[0]]) : round(along[selected[1] - 1]) + 1] = _SELECTED
    height = _CURVE_PX - 24
    heights = _CURVE_PX - 6 - height * motion / max(float(motion.max()), 1e-9)
    points = np.stack([along, heights], axis=1).round().astype(np.int32)
    cv2.polylines(panel, [points], isClosed=False, color=_INK, thickness=2, lineType=cv2.LINE_AA)
    text = "motion against the first frame; the shaded part is saved"
    cv2.putText(panel, text, (8, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, _SOFT, 1, cv2.LINE_AA)
    return panel
