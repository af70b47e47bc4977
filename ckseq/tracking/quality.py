"""The quality of a preprocessed sequence: whether its reference, its box and its motion can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.faces import is_flat
from ckseq.tracking.box_tracker import Faces

MIN_VERIFIED_SHARE = 0.5
"""Detectors miss a few percent of the faces of a sequence; where they miss most, something is wrong with it."""
MAX_JUMP = 0.5
"""A head does not move by half of its size between detections; a cut, or another face, does."""
MAX_ON_SHARE = 0.6
"""An expression changes a part of the face: at most 0.5 in 103 acted clips, and 0.58 to 0.95 in 41 against black."""


@dataclass(frozen=True, slots=True)
class Quality:
    """What a sequence's frames, boxes and motion say about it.

    ``n_dropped`` frames before the first face have no crop; ``n_verified`` is in how many of the ``n_searched`` frames
    since a face was verified: it was detected, and its crop is not flat; ``reference_verified`` whether the first crop,
    with which others are compared, is of such a frame; ``largest_jump`` as of `ckseq.signal.faces.largest_jump`;
    ``on_share`` the mean of the projections over time and place, of the channel in which it is highest, 0 without
    motion.
    """

    n_dropped: int
    n_searched: int
    n_verified: int
    reference_verified: bool
    largest_jump: float
    on_share: float


class Doubt(NamedTuple):
    """Why a sequence is doubtful, and what to do."""

    what: str
    remedy: str


def shows_face(faces: Faces) -> NDArray[np.bool_]:
    """Return for each crop of a sequence whether it shows a face, as far as known: no search failed, and not flat."""
    return np.array([n != 0 and not is_flat(crop) for n, crop in zip(faces.n_found, faces.crops, strict=True)])


def measure_quality(faces: Faces, projections: NDArray[np.float32] | None) -> Quality:
    """Measure the quality of a sequence.

    Parameters
    ----------
    faces : Faces
    projections : (t, 2, n) or (t, 2, n, channels) float32, or None
        None where the pipeline computes no motion.
    """
    found = shows_face(faces) & (faces.n_found > 0)
    return Quality(
        n_dropped=faces.n_dropped,
        n_searched=int((faces.n_found >= 0).sum()),
        n_verified=int(found.sum()),
        reference_verified=bool(found[0]),
        largest_jump=round(faces.largest_jump, 3),
        on_share=0.0 if projections is None else round(float(projections.mean(axis=(0, 1, 2)).max()), 3),
    )


def doubts(quality: Quality) -> list[Doubt]:
    """Return why a sequence is doubtful; empty where it is not.

    >>> [doubt.what for doubt in doubts(Quality(0, 3, 3, True, 0.75, 0.9))]
    ['its box jumps by 0.75 of its side', '90 % of its motion is on']
    """
    found = []
    if not quality.reference_verified:
        found.append(
            Doubt(
                "no face was verified in its first crop",
                "set faces.policy to anchor or tracked, or cut off the frames before the face",
            )
        )
    if quality.n_verified < MIN_VERIFIED_SHARE * quality.n_searched:
        found.append(
            Doubt(
                f"a face was verified in {quality.n_verified} of {quality.n_searched} frames searched",
                "try another detector, or detector.upsample = 1",
            )
        )
    if quality.largest_jump > MAX_JUMP:
        found.append(
            Doubt(
                f"its box jumps by {quality.largest_jump:.2f} of its side",
                "look whether it shows a cut or several faces (faces.pick), and divide it or leave it out",
            )
        )
    if quality.on_share > MAX_ON_SHARE:
        found.append(
            Doubt(
                f"{100 * quality.on_share:.0f} % of its motion is on",
                "look at its frames for a change of light or a cut, and leave it out or raise motion.threshold",
            )
        )
    return found
