"""Where an expression begins and where it is strongest, told from how much of the face moves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def neutral_to_apex(
    motion: NDArray[np.float64], *, onset_share: float, apex_share: float, lead_frames: int
) -> tuple[int, int]:
    """Return the part of a take from the neutral face to the apex, as CK+ keeps it, as a slice.

    Parameters
    ----------
    motion : (t,) float64
        Share of the face that differs from the first frame, which is neutral.
    onset_share : float
        The expression begins after the last frame before the apex with less than this share of the largest motion.
    apex_share : float
        The apex is the first frame with at least this share of it.
    lead_frames : int
        So many neutral frames are kept before the beginning.

    Returns
    -------
    (int, int)
        The first frame, and the one after the last.

    >>> neutral_to_apex(np.array([0, 0, 0, 0, .2, .5, .98, 1, .9]), onset_share=0.1, apex_share=0.95, lead_frames=2)
    (2, 7)
    """
    padded = np.pad(motion, 1, mode="edge")
    # the median of three takes out a single frame that flickers
    steady = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=-1)
    most = steady.max()
    apex = int(np.flatnonzero(steady >= apex_share * most)[0])
    quiet = np.flatnonzero(steady[: apex + 1] < onset_share * most)
    onset = int(quiet[-1]) + 1 if len(quiet) else 0
    return max(0, onset - lead_frames), apex + 1
