"""Features of images, extracted by a pretrained network."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ckseq.errors import DataError
from ckseq.learn.backend import start
from ckseq.learn.predict import load_keras_file, network_outputs, save_whole

if TYPE_CHECKING:
    import keras

    from ckseq.models._backbones import BackboneConfig

EXTRACTOR = "extractor.keras"
_BATCH = 32


def build_extractor(config: BackboneConfig, *, input_shape: tuple[int, ...]) -> keras.Model:
    """Return the network from images to features; random weights, if the config names them, are always the same."""
    from ckseq.models._backbones import extractor

    start(seed=0)
    return extractor(config, input_shape=input_shape)


def extract(network: keras.Model, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the features of images.

    Parameters
    ----------
    network : keras.Model
        From `build_extractor`.
    crops : (t, h, w) or (t, h, w, channels) uint8

    Returns
    -------
    (t, d) or (t, h, w, d) float32

    Raises
    ------
    DataError
        The images have another shape than the network reads.
    """
    images = crops if crops.ndim == 4 else crops[..., np.newaxis]
    if images.shape[1:] != tuple(network.input_shape[1:]):
        raise DataError(
            f"images of shape {images.shape[1:]} do not fit a network that reads {tuple(network.input_shape[1:])}",
            fix="prepare them with the pipeline it was trained with",
        )
    outputs = network_outputs(network)
    parts = [
        np.asarray(outputs(np.asarray(images[i : i + _BATCH], np.float32)), np.float32)
        for i in range(0, len(images), _BATCH)
    ]
    return np.concatenate(parts)


def as_sequence(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return features (t, d) in the shape that sequence models read, (t, 1, d, 1); maps (t, h, w, d) unchanged."""
    return features[:, np.newaxis, :, np.newaxis] if features.ndim == 2 else features


def save_extractor(folder: Path, network: Any) -> None:
    """Write ``extractor.keras`` atomically: the network from an image to the input of the run's model."""
    save_whole(folder / EXTRACTOR, network.save)


def load_extractor(folder: Path) -> Any:
    """Load ``extractor.keras`` of a run folder; no code in it is executed.

    Raises
    ------
    DataError
        There is none, or it is damaged.
    """
    path = folder / EXTRACTOR
    if not path.is_file():
        raise DataError(f"there is no {EXTRACTOR}", folder, "name a complete run")
    return load_keras_file(path)
