"""Onset and apex of an expression, from the amount of motion over time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def neutral_to_apex(
    motion: NDArray[np.float64], *, onset_share: float, apex_share: float, lead_frames: int
) -> tuple[int, int]:
    """Return the part of a clip from the neutral face to the apex, as in CK+, as a slice.

    Parameters
    ----------
    motion : (t,) float64
        Share of the face that differs from the first frame, which is neutral.
    onset_share : float
        Onset: after the last frame before the apex with less than this share of the largest motion.
    apex_share : float
        Apex: the first frame with at least this share of the largest motion.
    lead_frames : int
        Number of neutral frames kept before the onset.

    Returns
    -------
    (int, int)
        The first frame, and the one after the last.

    >>> neutral_to_apex(np.array([0, 0, 0, 0, .2, .5, .98, 1, .9]), onset_share=0.1, apex_share=0.95, lead_frames=2)
    (2, 7)
    """
    padded = np.pad(motion, 1, mode="edge")
    # a median of three removes single frames that flicker
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=-1)
    most = steady.max()
    apex = int(np.flatnonzero(steady >= apex_share * most)[0])
    quiet = np.flatnonzero(steady[: apex + 1] < onset_share * most)
    onset = int(quiet[-1]) + 1 if len(quiet) else 0
    return max(0, onset - lead_frames), apex + 1


def latest_expression(motion: NDArray[np.float64], *, still_share: float, apex_share: float) -> tuple[int, int]:
    """Return the latest expression as a slice: from the last still frame to the apex, or to now before that.

    Recorded expressions end at the apex; one that is held, or that relaxes, is cut there.

    Parameters
    ----------
    motion : (t,) float64
        Share of the face that differs from its neutral face; the last frame is not still.
    still_share : float
        A frame with less motion is still.
    apex_share : float
        The apex is the first frame with at least this share of the largest motion since the last still frame.

    Returns
    -------
    (int, int)
        The first frame, and the one after the last.

    >>> latest_expression(np.array([0.3, 0.0, 0.01, 0.1, 0.4]), still_share=0.02, apex_share=0.95)
    (2, 5)
    >>> latest_expression(np.array([0.0, 0.2, 0.5, 0.51, 0.5, 0.3]), still_share=0.02, apex_share=0.95)
    (0, 3)
    """
    still = np.flatnonzero(motion < still_share)
    begin = int(still[-1]) if len(still) else 0
    since = motion[begin:]
    return begin, begin + int(np.argmax(since >= apex_share * since.max())) + 1
