"""Augmentation while a network learns: sequences all at once, images batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.signal import augment, augment_images

Augmentation = augment.Config | augment_images.Config
Vary = Callable[[NDArray[Any], int], NDArray[Any]]
"""Varies a batch, given the place at which it begins."""


def times(config: Augmentation) -> int:
    """Return how often each sequence or image is seen in an epoch."""
    return config.passes if isinstance(config, augment_images.Config) else 1


def sequences_of_an_epoch(x: Any, config: Augmentation, *, rng: np.random.Generator) -> Any:
    """Return sequences varied; images as they are, since these are varied by `in_batches`."""
    # what is read batch by batch are frames, which cannot be varied so: augment tells it from their shape
    return augment.augment(x, config, rng=rng) if isinstance(config, augment.Config) else x


def in_batches(config: Augmentation, *, seed: tuple[int, ...]) -> Vary | None:
    """Return what varies a batch of images, or None where nothing does.

    Parameters
    ----------
    config : Augmentation
    seed : tuple of int
        Of the epoch; with a batch's place it tells all of that batch's random numbers.
    """
    if not isinstance(config, augment_images.Config) or config.changes_nothing:
        return None
    return lambda x, begin: augment_images.augment_images(x, config, rng=np.random.default_rng([*seed, begin]))
