"""A camera, one frame at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.redirect import stderr_to_devnull

_SIZE = (640, 480)


def open_camera(index: int) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Open a camera and return its frames as they come, until the iterator is closed or the camera is unplugged.

    The camera is open when this returns, and is released when the iterator ends or is closed.

    Parameters
    ----------
    index : int
        The system's number of the camera, from 0.

    Returns
    -------
    iterator of (float, ndarray of uint8, shape (h, w, 3))
        Seconds since the first frame, never decreasing, and the frame, BGR; 640x480 where the camera can.

    Raises
    ------
    DataError
        There is no such camera, or it delivers no frames; from the iterator: it stopped delivering frames.
    """
    with stderr_to_devnull():
        capture = cv2.VideoCapture(index)
        if capture.isOpened():
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, _SIZE[0])
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, _SIZE[1])
        ok, first = capture.read()
    if not ok:
        opened = capture.isOpened()
        capture.release()
        what = "delivers no frames" if opened else "there is no such camera, or access is not allowed"
        fix = "plug it in, close other programs that use it, or name another: camera:1"
        raise DataError(what, f"camera:{index}", fix)
    return _frames(capture, index, np.asarray(first, np.uint8))


def _frames(
    capture: cv2.VideoCapture, index: int, image: NDArray[np.uint8]
) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    start = time.monotonic()
    seconds = 0.0
    try:
        while True:
            yield seconds, image
            ok, following = capture.read()
            if not ok:
                fix = "plug it in and start again; what came before is saved"
                raise DataError(f"delivered no more frames after {seconds:.1f} s", f"camera:{index}", fix)
            seconds, image = time.monotonic() - start, np.asarray(following, np.uint8)
    finally:
        capture.release()
