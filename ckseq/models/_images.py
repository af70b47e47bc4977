"""Pieces that the networks for images share."""

from __future__ import annotations

from typing import Any

from ckseq.errors import CallError


def divided(images: Any, *, white: float) -> Any:
    """Return images (n, h, w, channels) with white at 1; a part of the network, so that no caller can forget it."""
    from keras import layers

    return layers.Rescaling(1 / white, name="scaled")(images)


def check_side(name: str, input_shape: tuple[int, ...], *, least: int) -> None:
    """Refuse images that poolings and convolutions would leave nothing of.

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
