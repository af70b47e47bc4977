"""Data augmentation of projection sequences; pure and seeded."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import DataError


class AugmentConfig(Config):
    """Augmentation of the training sequences, drawn anew in every epoch; all zero is none."""

    shift_px: float = Field(
        0.0, ge=0, description="largest translation of the face, horizontally and vertically, pixels"
    )
    scale: float = Field(0.0, ge=0, lt=1, description="largest relative change of its width and of its height")
    time_stretch: float = Field(
        0.0,
        ge=0,
        lt=0.5,
        description="largest shift of start and end, as a share of the length; edge frames are repeated",
    )
    mirror: float = Field(0.0, ge=0, le=1, description="probability of a horizontal flip")
    gain: float = Field(0.0, ge=0, description="the motion is multiplied by a factor between exp(-gain) and exp(gain)")
    noise: float = Field(0.0, ge=0, description="standard deviation of Gaussian noise added to the projections")
    dropped_frames: float = Field(
        0.0, ge=0, lt=1, description="probability that a frame is replaced by the one before it"
    )

    @property
    def changes_nothing(self) -> bool:
        """Whether every amount is zero."""
        return not any(self.model_dump().values())


def warp(
    x: NDArray[np.float32],
    *,
    shift_px: NDArray[np.float64],
    scale: NDArray[np.float64],
    span: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Translate and scale sequences in the image plane and in time, with one interpolation.

    Beyond an edge the edge values are repeated.

    Parameters
    ----------
    x : (n, t, 2, w, channels) float32
        Up to four channels.
    shift_px : (n, 2) float
        Translation to the right and down, pixels.
    scale : (n, 2) float
        Factors of width and height about the center. Negative ones also flip.
    span : (n, 2) float
        Start and end as shares of the length: (0, 1) changes nothing, (0, 0.5) stretches the first half to the
        whole length, (-1, 1) repeats the first frame for half of the time.

    Returns
    -------
    (n, t, 2, w, channels) float32

    >>> x = np.zeros((1, 1, 2, 5, 1), np.float32); x[..., 1, :] = 1
    >>> moved = warp(x, shift_px=np.array([[2, 0]]), scale=np.ones((1, 2)), span=np.array([[0, 1]]))
    >>> moved[0, 0, :, :, 0].astype(int)
    array([[0, 0, 0, 1, 0],
           [0, 1, 0, 0, 0]])
    """
    n, t, _, w, _ = x.shape
    middle = (w - 1) / 2
    # the position in the source of each position in the result: along the width, then in time
    matrices = np.zeros((n, 2, 2, 3), np.float64)
    matrices[:, :, 0, 0] = 1 / scale
    matrices[:, :, 0, 2] = middle - (middle + shift_px) / scale
    matrices[:, :, 1, 1] = (span[:, 1] - span[:, 0])[:, np.newaxis]
    matrices[:, :, 1, 2] = (span[:, 0] * (t - 1))[:, np.newaxis]
    # time and width of a row form an image
    rows = np.ascontiguousarray(x.swapaxes(1, 2))
    warped = np.empty_like(rows)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for place in np.ndindex(n, 2):
        cv2.warpAffine(
            rows[place], matrices[place], (w, t), dst=warped[place], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    return warped.swapaxes(1, 2)


def mirror(x: NDArray[np.float32], *, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Flip some sequences horizontally: their column means are reversed, their row means do not change.

    Parameters
    ----------
    x : (n, t, 2, w, channels) float32
    chosen : (n,) bool

    Returns
    -------
    (n, t, 2, w, channels) float32

    >>> x = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3, 1)
    >>> mirror(x, chosen=np.array([True]))[0, 0, :, :, 0].tolist()
    [[2.0, 1.0, 0.0], [3.0, 4.0, 5.0]]
    """
    result = x.copy()
    result[chosen, :, 0] = x[chosen, :, 0, ::-1]
    return result


def drop_frames(x: NDArray[np.float32], *, dropped: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Replace each dropped frame by the last one before it, as preprocessing does for frames without a face.

    Parameters
    ----------
    x : (n, t, ...) array
    dropped : (n, t) bool
        The first frame is never dropped.

    Returns
    -------
    (n, t, ...) array

    >>> drop_frames(np.array([[5, 6, 7, 8]]), dropped=np.array([[True, False, True, True]])).tolist()
    [[5, 6, 6, 6]]
    """
    shown = np.maximum.accumulate(np.where(dropped, 0, np.arange(x.shape[1])), axis=1)
    return x[np.arange(len(x))[:, np.newaxis], shown]


def augment(x: NDArray[np.float32], config: AugmentConfig, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Augment every sequence of a batch independently.

    Parameters
    ----------
    x : (n, t, 2, w, channels) float32
        Projections, between 0 and 1.
    config : AugmentConfig
    rng : numpy.random.Generator
        Its state determines the result.

    Returns
    -------
    (n, t, 2, w, channels) float32
        Between 0 and 1; ``x`` itself if the config changes nothing.

    Raises
    ------
    DataError
        These are not projections: there is no axis of two rows.
    """
    if config.changes_nothing:
        return x
    if x.ndim != 5 or x.shape[2] != 2:
        raise DataError(
            f"sequences of shape {x.shape[1:]} are not projections, and only these can be augmented",
            fix='set input = "projections", or omit [augmentation]',
        )
    n, t = x.shape[:2]
    # always drawn, so that one setting does not change the random numbers of the others
    shift, scale, span = (rng.uniform(-1, 1, (n, 2)) for _ in range(3))
    mirrored, gain = rng.random(n), rng.uniform(-1, 1, n)
    result: NDArray[np.float32] = x
    if config.shift_px or config.scale or config.time_stretch:
        result = warp(
            result,
            shift_px=config.shift_px * shift,
            scale=1 + config.scale * scale,
            span=np.array([0, 1]) + config.time_stretch * span,
        )
    if config.mirror:
        result = mirror(result, chosen=np.less(mirrored, config.mirror))
    if config.dropped_frames:
        result = drop_frames(result, dropped=rng.random((n, t)) < config.dropped_frames)
    if config.gain:
        result = result * np.exp(config.gain * gain).astype(np.float32)[:, None, None, None, None]
    if config.noise:
        result = result + np.float32(config.noise) * rng.standard_normal(x.shape, dtype=np.float32)
    # never a view of x
    return np.clip(result, 0, 1, out=np.empty(x.shape, np.float32))
