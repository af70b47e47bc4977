"""Augmentation while a network learns: sequences all at once, images batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.signal.augment import AugmentConfig, augment
from ckseq.signal.augment_images import ImageAugmentConfig, augment_images

Augmentation = AugmentConfig | ImageAugmentConfig
Vary = Callable[[NDArray[Any], int], NDArray[Any]]
"""Varies a batch, given the place at which it begins."""


def times(config: Augmentation) -> int:
    """Return how often each sequence or image is seen in an epoch."""
    return config.passes if isinstance(config, ImageAugmentConfig) else 1


def sequences_of_an_epoch(x: Any, config: Augmentation, *, rng: np.random.Generator) -> Any:
    """Return sequences varied; images as they are, since these are varied by `in_batches`."""
    # what is read batch by batch are frames, which cannot be varied so: augment tells it from their shape
    return augment(x, config, rng=rng) if isinstance(config, AugmentConfig) else x


def in_batches(config: Augmentation, *, seed: tuple[int, ...]) -> Vary | None:
    """Return what varies a batch of images, or None where nothing does.

    Parameters
    ----------
    config : Augmentation
    seed : tuple of int
        Of the epoch; with a batch's place it tells all of that batch's random numbers.
    """
    if not isinstance(config, ImageAugmentConfig) or config.changes_nothing:
        return None
    return lambda x, begin: augment_images(x, config, rng=np.random.default_rng([*seed, begin]))
