"""The pictures of one sequence on the report's page, as small WebP files: faces, blobs, projections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import matplotlib
import numpy as np
from matplotlib.colors import PowerNorm
from numpy.typing import NDArray

from ckseq.report.sequences import colored
from ckseq.report.style import EVIDENCE_COLORS
from ckseq.signal.reduce import evenly_spread
from ckseq.storage.explanations import ExplainedRecording, Map

MOST_FILM_BYTES = 10_000
"""A film of blobs is drawn smaller until it has at most so many bytes, a third less than its text in the page."""

_FILM_SIDES_PX = (80, 64, 48, 32, 24)
_MOST_FILM_FRAMES = 32
_LEVELS = 3  # of motion in a pixel of a film, beside none; more would double its size
_STRIP_PX = 64
_EVIDENCE_LEVELS = 12  # of each sign
_MOST_STRIP_STEPS = 160
_FACE_QUALITY, _FIGURE_QUALITY, _LOSSLESS = 60, 85, 101


class FaceStrip(NamedTuple):
    """Faces of one sequence, side by side in one WebP file."""

    image: bytes
    n_faces: int


class Film(NamedTuple):
    """Frames of motion blobs, side by side in one WebP file.

    ``steps`` are their time steps, counted from 0; ``signed`` is whether brighter and darker have colors of their own.
    """

    image: bytes
    steps: tuple[int, ...]
    signed: bool


class Strips(NamedTuple):
    """The column and the row means as WebP files; time runs from left to right over ``n_steps``."""

    columns: bytes
    rows: bytes
    n_steps: int


class Evidence(NamedTuple):
    """Where and when a model saw its evidence, as WebP files; see `ckseq.storage.explanations`.

    ``columns`` and ``rows`` have time from left to right, ``face`` is the face; None where the input holds no such
    thing. ``sentence`` says where and when there was most.
    """

    columns: bytes | None
    rows: bytes | None
    face: bytes | None
    sentence: str

    @property
    def images(self) -> dict[str, bytes]:
        """The pictures that there are, by name."""
        found = {"columns": self.columns, "rows": self.rows, "face": self.face}
        return {name: image for name, image in found.items() if image is not None}


def face_strip(faces: NDArray[np.uint8]) -> FaceStrip:
    """Return faces, (k, n, n) gray or (k, n, n, 3) red, green, blue, uint8, side by side."""
    image = np.concatenate(list(faces), axis=1)
    return FaceStrip(_webp(image, quality=_FACE_QUALITY), len(faces))


def blob_film(blobs: NDArray[np.bool_]) -> Film:
    """Return the blobs of a sequence as a film.

    Parameters
    ----------
    blobs : (t, h, w) or (t, h, w, channels) bool
        At least one frame. Of several channels the first two are drawn, brighter and darker.
    """
    steps = evenly_spread(len(blobs), most=_MOST_FILM_FRAMES)
    image = b""
    for side_px in _FILM_SIDES_PX:
        frames = [_shrunk(frame, side_px) for frame in blobs[steps]]
        strength = np.concatenate(frames, axis=1)
        image = _webp(_pixels(np.round(strength * _LEVELS) / _LEVELS), quality=_LOSSLESS)
        if len(image) <= MOST_FILM_BYTES:
            break
    return Film(image, tuple(steps.tolist()), blobs.ndim == 4)


def projection_strips(projections: NDArray[np.float32]) -> Strips:
    """Return the two projections of a sequence, (t, 2, n) or (t, 2, n, channels) float32, as pictures.

    The root of a mean is drawn, so that a slight motion is visible; the strongest of the sequence has the full color.
    """
    strips = []
    scale = PowerNorm(0.5, vmin=0, vmax=float(projections.max(initial=0)) or 1.0)
    for row in (0, 1):
        strip = projections[:, row].swapaxes(0, 1)  # (n, t[, channels])
        size = (min(strip.shape[1], _MOST_STRIP_STEPS), min(strip.shape[0], _STRIP_PX))
        small = cv2.resize(np.ascontiguousarray(strip), size, interpolation=cv2.INTER_AREA)
        strips.append(_webp(_pixels(np.asarray(scale(small))), quality=_LOSSLESS))
    return Strips(strips[0], strips[1], len(projections))


def evidence_pictures(explained: ExplainedRecording) -> Evidence:
    """Return the evidence for the predicted class.

    Red is where its probability drops if nothing moves there, blue where it rises; the strongest of each map has the
    full color.
    """
    own = explained.classes[explained.predicted]
    first, last = (step + 1 for step in explained.when)
    sentence = (
        f"Evidence for {explained.predicted}: its probability drops most without the motion of the {explained.where}, "
        f"and without that of the time steps {first} to {last}."
    )
    columns, rows, face = (None if one is None else _diverging(one) for one in (own.columns, own.rows, own.face))
    return Evidence(columns, rows, face, sentence)


def _diverging(values: Map) -> bytes:
    array = np.asarray(values, np.float64)
    share = array / (np.abs(array).max(initial=0) or 1.0)
    levels = (1 + np.round(share * _EVIDENCE_LEVELS) / _EVIDENCE_LEVELS) / 2
    colors = matplotlib.colormaps[EVIDENCE_COLORS](levels)[..., :3]
    return _webp(np.round(255 * colors).astype(np.uint8), quality=_LOSSLESS)


def _shrunk(blobs: NDArray[np.bool_], side_px: int) -> NDArray[np.float32]:
    side_px = min(side_px, len(blobs))
    return np.asarray(
        cv2.resize(blobs.astype(np.float32), (side_px, side_px), interpolation=cv2.INTER_AREA), np.float32
    )


def _pixels(strength: NDArray[Any]) -> NDArray[np.uint8]:
    return np.round(255 * colored(strength)).astype(np.uint8)


def _webp(image: NDArray[np.uint8], *, quality: int) -> bytes:
    """Return the WebP file of a gray or a red, green, blue picture."""
    channels = image if image.ndim == 2 else np.ascontiguousarray(image[..., ::-1])
    return cv2.imencode(".webp", channels, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()


def figure_webp(png: bytes) -> bytes:
    """Return a figure with photographs, a PNG file, as a WebP file of a fifth of its size."""
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR_RGB)
    return _webp(np.asarray(image, np.uint8), quality=_FIGURE_QUALITY)


def total_bytes(files: Sequence[bytes]) -> int:
    """Return how many bytes files take as base64 in a page.

    >>> total_bytes([b"", b"abc", b"abcd"])
    12
    """
    return sum(4 * -(-len(file) // 3) for file in files)
