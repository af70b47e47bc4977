"""Layers and checks that the networks for images share."""

from __future__ import annotations

from typing import Any

from ckseq.errors import CallError


def scaled(images: Any, *, white: float) -> Any:
    """Return images (n, h, w, channels) with white scaled to 1, by a layer that is saved with the network."""
    from keras import layers

    return layers.Rescaling(1 / white, name="scaled")(images)


def check_side(name: str, input_shape: tuple[int, ...], *, least: int) -> None:
    """Raise an error for images that are too small for the pooling layers and convolutions.

    Raises
    ------
    CallError
        A side is shorter than ``least`` pixels.
    """
    if min(input_shape[:2]) < least:
        height, width = input_shape[:2]
        raise CallError(
            f"{name} needs images of at least {least} pixels a side, not {width}x{height}",
            fix="set the pipeline's faces.side_px higher",
        )
