"""Data augmentation in training: sequences once per epoch; images, and sequences on the disk, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.augment import AugmentConfig, augment
from ckseq.signal.augment_images import ImageAugmentConfig, augment_images

Augmentation = AugmentConfig | ImageAugmentConfig
BatchAugmenter = Callable[[NDArray[Any], int], NDArray[Any]]
"""Augments a batch, given the position at which it begins."""


def passes_per_epoch(config: Augmentation) -> int:
    """Return how often each sequence or image is used in an epoch."""
    return config.passes if isinstance(config, ImageAugmentConfig) else 1


def augment_epoch(x: Any, config: Augmentation, *, rng: np.random.Generator) -> Any:
    """Return augmented sequences; images, and what is read batch by batch, are left to `batch_augmenter`."""
    return augment(x, config, rng=rng) if isinstance(config, AugmentConfig) and isinstance(x, np.ndarray) else x


def batch_augmenter(x: Any, config: Augmentation, *, seed: tuple[int, ...]) -> BatchAugmenter | None:
    """Return the augmentation of a batch; None where there is none, or the whole epoch is augmented at once.

    Parameters
    ----------
    x : array, or what is read batch by batch
        All sequences or images.
    config : Augmentation
    seed : tuple of int
        Of the epoch; together with the position of a batch it determines the random numbers of that batch.
    """
    if config.changes_nothing or (isinstance(config, AugmentConfig) and isinstance(x, np.ndarray)):
        return None

    def augment_batch(batch: NDArray[Any], begin: int) -> NDArray[Any]:
        rng = np.random.default_rng([*seed, begin])
        return (
            augment(batch, config, rng=rng)
            if isinstance(config, AugmentConfig)
            else augment_images(batch, config, rng=rng)
        )

    return augment_batch
