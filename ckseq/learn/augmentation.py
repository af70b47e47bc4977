"""Data augmentation in training: sequences once per epoch, images batch by batch."""

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
    """Return augmented sequences; images unchanged, since `batch_augmenter` augments these."""
    # data that is read batch by batch are frames, which augment refuses by their shape
    return augment(x, config, rng=rng) if isinstance(config, AugmentConfig) else x


def batch_augmenter(config: Augmentation, *, seed: tuple[int, ...]) -> BatchAugmenter | None:
    """Return the augmentation of a batch of images, or None where there is none.

    Parameters
    ----------
    config : Augmentation
    seed : tuple of int
        Of the epoch; together with the position of a batch it determines the random numbers of that batch.
    """
    if not isinstance(config, ImageAugmentConfig) or config.changes_nothing:
        return None
    return lambda x, begin: augment_images(x, config, rng=np.random.default_rng([*seed, begin]))
