"""Backbone features of the crops of a store, computed once and cached beside it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.models._backbones import BackboneConfig, announcement, files_of, sha256_of
from ckseq.signal.augment_images import ImageAugmentConfig, augment_images
from ckseq.signal.sequence import SequenceConfig, fit_length, length_of
from ckseq.storage.features import features_path, read_features, write_features
from ckseq.storage.store import Store
from ckseq.storage.store_entry import Entry

STAGE_VERSION = 1
"""Part of every digest: raise it when the same config gives other features."""


class Augmented(NamedTuple):
    """One augmented version of every image: how, with which seed, and its number among the versions."""

    config: ImageAugmentConfig
    seed: int
    number: int

    def apply(self, id: str, crops: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the augmented crops of a recording, (t, h, w[, 3]), all alike; the same for the same id and seed."""
        rng = np.random.default_rng([self.seed, self.number, int(digest(id)[:12], 16)])
        images = crops if crops.ndim == 4 else crops[..., np.newaxis]
        return augment_images(images[np.newaxis], self.config, rng=rng)[0].reshape(crops.shape)


def read(
    store: Store,
    entries: Sequence[Entry],
    config: BackboneConfig,
    sequence: SequenceConfig,
    console: Console,
    *,
    augmentation: Augmented | None = None,
) -> NDArray[np.float32]:
    """Return the features of recordings at a common length; those of the whole store are computed once and cached.

    With ``augmentation`` the images are augmented before they go through the backbone.

    Returns
    -------
    (n, t, 1, d, 1) float32
        Or maps: (n, h, w, d) where t is 1, and (n, t, h, w, d).

    Raises
    ------
    CallError, DataError
        The store has no crops, or the backbone cannot be loaded.
    """
    from ckseq.learn.extract import as_sequence

    found = _of_store(store, config, augmentation, console)
    length = length_of([entry.n_crops for entry in entries], sequence)
    fitted = (
        fit_length(found[entry.id], length_frames=length, overflow=sequence.overflow, short=sequence.short)
        for entry in entries
    )
    x = np.stack([as_sequence(features) for features in fitted])
    # maps of one image are an image
    return x[:, 0] if length == 1 and x.shape[2] > 1 else x


def _of_store(
    store: Store, config: BackboneConfig, augmentation: Augmented | None, console: Console
) -> dict[str, NDArray[np.float32]]:
    files = [sha256_of(path) for path in files_of(config)]
    how = () if augmentation is None else (augmentation.config, [augmentation.seed, augmentation.number])
    name = digest(STAGE_VERSION, store.digest, config, files, version("keras"), *how)
    path = features_path(store.path, name)
    cached = read_features(path)
    if cached is not None:
        return cached
    usable = [entry for entry in store.entries if entry.n_crops]
    if not usable:
        raise DataError("has no crops", store.path, "prepare it with a pipeline with reduce.keep_crops = true")
    from ckseq.learn.backend import load_keras
    from ckseq.learn.extract import build_extractor, extract

    load_keras()
    for line in announcement(config):
        console.say(line)
    network = build_extractor(config, input_shape=crop_shape(store, usable[0]))
    label = "features" if augmentation is None else f"features of augmented images, pass {augmentation.number + 1}"
    found = {}
    for entry in console.track(usable, total=len(usable), label=label):
        crops = store.crops(entry.id)
        found[entry.id] = extract(network, crops if augmentation is None else augmentation.apply(entry.id, crops))
    write_features(path, found)
    return found


def crop_shape(store: Store, entry: Entry) -> tuple[int, ...]:
    """Return (h, w, channels) of a recording's crops."""
    shape = store.frame_shape(entry.id, "crops")
    return shape if len(shape) == 3 else (*shape, 1)
