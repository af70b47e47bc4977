"""Variations of projection sequences that a face could have shown as well; pure, seeded, one batch at a time."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ckseq.config import Config
from ckseq.errors import DataError


class AugmentConfig(Config):
    """How much each training sequence is varied, anew in every epoch; all zero is not at all."""

    shift_px: float = Field(
        0.0, ge=0, description="the face moves by up to so many pixels, across and up or down independently"
    )
    scale: float = Field(0.0, ge=0, lt=1, description="its width and its height grow or shrink by up to this share")
    time_stretch: float = Field(
        0.0, ge=0, lt=0.5, description="start and end each move by up to this share of the length, ends being held"
    )
    mirror: float = Field(0.0, ge=0, le=1, description="share of the sequences whose left and right are exchanged")
    gain: float = Field(0.0, ge=0, description="the motion is multiplied by up to exp(gain), or divided by it")
    noise: float = Field(0.0, ge=0, description="standard deviation of the noise added to every mean")
    dropped_frames: float = Field(
        0.0, ge=0, lt=1, description="share of the frames that are lost; the one before stays in their place"
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
    """Move and scale sequences along the picture's axes and cut or hold them in time, with one interpolation.

    Beyond an edge the values of the edge go on.

    Parameters
    ----------
    x : (n, t, 2, w, channels) float32
        Up to four channels.
    shift_px : (n, 2) float
        To the right, and down, pixels.
    scale : (n, 2) float
        Factors about the middle; 2 is twice as wide, and twice as high. Negative ones mirror as well.
    span : (n, 2) float
        What becomes the first frame and the last, as shares of the length: (0, 1) changes nothing, (0, 0.5) shows
        the first half in slow motion, (-1, 1) holds the first frame for half of the time.

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
    # the place in the source of each place in the result: across, then in time
    matrices = np.zeros((n, 2, 2, 3), np.float64)
    matrices[:, :, 0, 0] = 1 / scale
    matrices[:, :, 0, 2] = middle - (middle + shift_px) / scale
    matrices[:, :, 1, 1] = (span[:, 1] - span[:, 0])[:, np.newaxis]
    matrices[:, :, 1, 2] = (span[:, 0] * (t - 1))[:, np.newaxis]
    # time and width of a row are an image
    rows = np.ascontiguousarray(x.swapaxes(1, 2))
    warped = np.empty_like(rows)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for place in np.ndindex(n, 2):
        cv2.warpAffine(
            rows[place], matrices[place], (w, t), dst=warped[place], flags=flags, borderMode=cv2.BORDER_REPLICATE
        )
    return warped.swapaxes(1, 2)


def mirror(x: NDArray[np.float32], *, chosen: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Exchange left and right of some sequences: their column means are reversed, their row means stay.

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
    """Put the last kept frame in the place of each dropped one, as preprocessing does where no face is found.

    Parameters
    ----------
    x : (n, t, ...) array
    dropped : (n, t) bool
        The first frame always stays.

    Returns
    -------
    (n, t, ...) array

    >>> drop_frames(np.array([[5, 6, 7, 8]]), dropped=np.array([[True, False, True, True]])).tolist()
    [[5, 6, 6, 6]]
    """
    shown = np.maximum.accumulate(np.where(dropped, 0, np.arange(x.shape[1])), axis=1)
    return x[np.arange(len(x))[:, np.newaxis], shown]


def augment(x: NDArray[np.float32], config: AugmentConfig, *, rng: np.random.Generator) -> NDArray[np.float32]:
    """Vary every sequence of a batch, each by amounts of its own.

    Parameters
    ----------
    x : (n, t, 2, w, channels) float32
        Projections, between 0 and 1.
    config : AugmentConfig
    rng : numpy.random.Generator
        Where it stands determines the result.

    Returns
    -------
    (n, t, 2, w, channels) float32
        Between 0 and 1; ``x`` itself where the config changes nothing.

    Raises
    ------
    DataError
        These are no projections: there is no axis of two rows.
    """
    if config.changes_nothing:
        return x
    if x.ndim != 5 or x.shape[2] != 2:
        raise DataError(
            f"sequences of shape {x.shape[1:]} are no row and column means, which alone can be varied",
            fix='set input = "projections", or leave [augmentation] out',
        )
    n, t = x.shape[:2]
    # always drawn, so that one amount does not change what the others draw
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
    # a new array at last, whatever came before
    return np.clip(result, 0, 1, out=np.empty(x.shape, np.float32))
