"""Sequences that begin with frames without any picture, as videos do before they fade in."""

from __future__ import annotations

from itertools import islice

from ckseq.errors import DataError
from ckseq.recording import Frames
from ckseq.signal.faces import is_flat
from ckseq.storage.frames import read_gray


def n_flat_at_start(frames: Frames, *, at_most: int) -> int:
    """Return how many frames at the start of a sequence are flat, as of `ckseq.signal.faces.is_flat`.

    Frames after the first one that is not flat are not decoded, and 0 is returned where one cannot be read.

    Parameters
    ----------
    frames : Frames
    at_most : int
        No more are counted.
    """
    n_flat = 0
    try:
        for image in islice(read_gray(frames), at_most):
            if not is_flat(image):
                break
            n_flat += 1
    except DataError:  # reported where the frames are read for their own sake
        return 0
    return n_flat
