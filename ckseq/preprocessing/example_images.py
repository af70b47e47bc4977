"""Images that show what a data set holds: the first ones of each class, as they are on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.labels import in_order
from ckseq.recording import ArchiveMembers, Frames, ImageFiles, Recording
from ckseq.storage.frames import read_rgb


def example_images(recordings: Iterable[Recording], *, per_class: int) -> dict[str, list[NDArray[np.uint8]]]:
    """Return images of the first recordings of each class; one that cannot be read is passed over.

    Parameters
    ----------
    recordings : iterable of Recording
        Those without a label are not shown.
    per_class : int
        At most this many of each class.

    Returns
    -------
    dict of str to list of (h, w, 3) uint8
        By label, in the order of the labels; of a sequence the last frame, in which the expression is strongest.
    """
    labeled = [(recording.label, recording) for recording in recordings if recording.label is not None]
    found: dict[str, list[NDArray[np.uint8]]] = {label: [] for label in in_order(label for label, _ in labeled)}
    for label, recording in labeled:
        if len(found[label]) < per_class:
            try:
                found[label] += deque(read_rgb(_last(recording.frames)), maxlen=1)
            except DataError:
                continue
    return found


def _last(frames: Frames) -> Frames:
    """Return the last frame alone, where the others need not be decoded for it."""
    match frames:
        case ImageFiles(paths):
            return ImageFiles(paths[-1:])
        case ArchiveMembers(_, members):
            return replace(frames, members=members[-1:])
        case _:
            return frames
