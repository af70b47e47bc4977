"""From blobs to the input of a network: row and column means, or smaller frames."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.signal.area import reduced


class ReduceConfig(Config):
    """Which arrays the store contains beside the projections, which it always does where there is motion."""

    keep_blobs: bool = Field(True, description="store the blobs, bit-packed")
    keep_crops: bool = Field(False, description="store the crops, the input of networks for images")
    halvings: int = Field(
        0, ge=0, le=8, description="store frames downsampled this many times by 2x2 means; 0 stores none"
    )


MEAN_FACE_PX = 32
"""Side of the mean picture of a sequence: enough to see light, place and expression, in 1 kB."""


def mean_face(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the mean over time of crops, (t, n, n) uint8, as (MEAN_FACE_PX, MEAN_FACE_PX) uint8.

    >>> mean_face(np.stack([np.full((64, 64), level, np.uint8) for level in (10, 20, 60)]))[0, 0]
    np.uint8(30)
    """
    total = reduced(crops, side_px=MEAN_FACE_PX).sum(axis=0, dtype=np.float64)
    return (total / len(crops)).round().astype(np.uint8)


FILM_STRIP_FRAMES, FILM_STRIP_PX = 6, 64
"""Number and side of the pictures of a film strip: enough to see an expression unfold, in 24 kB."""


def film_strip(crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a few small crops of a sequence, evenly spread over time, the first and the last among them.

    Parameters
    ----------
    crops : (t, n, n) uint8

    Returns
    -------
    (min(t, FILM_STRIP_FRAMES), FILM_STRIP_PX, FILM_STRIP_PX) uint8

    >>> film_strip(np.stack([np.full((9, 9), level, np.uint8) for level in range(11)]))[:, 0, 0].tolist()
    [0, 2, 4, 6, 8, 10]
    """
    shown = evenly_spread(len(crops), most=FILM_STRIP_FRAMES)
    size = (FILM_STRIP_PX, FILM_STRIP_PX)
    return np.stack([np.asarray(cv2.resize(crops[i], size, interpolation=cv2.INTER_AREA), np.uint8) for i in shown])


def evenly_spread(n: int, *, most: int) -> NDArray[np.intp]:
    """Return at most so many places among ``n``, evenly spread, the first and the last among them.

    >>> evenly_spread(9, most=3).tolist(), evenly_spread(2, most=3).tolist()
    ([0, 4, 8], [0, 1])
    """
    return np.linspace(0, n - 1, min(n, most)).round().astype(np.intp)


def project(blobs: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the mean of each column and of each row.

    Parameters
    ----------
    blobs : (t, n, n) or (t, n, n, channels) bool

    Returns
    -------
    (t, 2, n) or (t, 2, n, channels) float32
        Row 0 holds the mean of each column, row 1 the mean of each row (the paper, phase 3).

    >>> project(np.array([[[True, False], [True, True]]]))
    array([[[1. , 0.5],
            [0.5, 1. ]]], dtype=float32)
    """
    if blobs.ndim == 4:
        return np.stack([project(channel) for channel in np.moveaxis(blobs, -1, 0)], axis=-1)
    t, n, _ = blobs.shape
    counts = np.empty((t, 2, n), np.int32)
    for frame, count in zip(np.ascontiguousarray(blobs).view(np.uint8), counts, strict=True):
        count[0] = cv2.reduce(frame, 0, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[0]
        count[1] = cv2.reduce(frame, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0]
    return (counts / n).astype(np.float32)


def halve(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Halve frames by the mean of 2x2 pixels.

    An odd last row or column is averaged in pairs along itself, the last corner unchanged (the paper, phase 2).

    Parameters
    ----------
    frames : (t, h, w) or (t, h, w, channels) float32

    Returns
    -------
    (t, ceil(h / 2), ceil(w / 2)) or (t, ceil(h / 2), ceil(w / 2), channels) float32

    >>> halve(np.array([[[0, 1, 5], [2, 3, 7], [4, 6, 9]]], np.float32))
    array([[[1.5, 6. ],
            [5. , 9. ]]], dtype=float32)
    """
    height, width = frames.shape[1:3]
    # repeating an odd last row makes its 2x2 mean the mean of a pair along it; and the corner its own mean
    even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), *((0, 0),) * (frames.ndim - 3)), mode="edge")
    pairs = even[:, 0::2] + even[:, 1::2]
    return ((pairs[:, :, 0::2] + pairs[:, :, 1::2]) / 4).astype(np.float32)


def halved(blobs: NDArray[np.bool_], *, halvings: int) -> NDArray[np.float32]:
    """Halve blobs ``halvings`` times: 267 pixels become 134, 67, 34."""
    frames = blobs.astype(np.float32)
    for _ in range(halvings):
        frames = halve(frames)
    return frames
