"""Layers that the networks share; all of them plain Keras, so that a network loads where ckseq is not installed."""

from __future__ import annotations

from typing import Any

from keras import layers, ops


def coarse(sequences: Any, *, pool: int, root: bool) -> Any:
    """Return the mean of each ``pool`` neighbors along w of sequences (n, t, h, w, channels), or of their square root.

    The square root stabilizes the variance of proportions, so that weak motion also counts.
    """
    values = ops.sqrt(ops.maximum(sequences, 0.0)) if root else sequences
    pool = min(pool, sequences.shape[3])
    return layers.AveragePooling3D((1, 1, pool), name="coarse")(values)


def not_padding(sequences: Any) -> Any:
    """Return the mask, bool (n, t), of the steps of sequences (n, t, h, w, channels) that are not padding (all zero).

    Of a sequence without any motion all steps are kept, since a mean over none is not a number.
    """
    moved = ops.any(ops.not_equal(sequences, 0.0), axis=(2, 3, 4))
    return ops.logical_or(moved, ops.logical_not(ops.any(moved, axis=1, keepdims=True)))
