"""Layers and checks that the networks for images share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckseq.errors import CallError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
"""Of red, green and blue in ImageNet, as shares of white, as published with the networks of torchvision."""


def scaled(images: Any, *, white: float, mean: Sequence[float] = (), deviation: Sequence[float] = ()) -> Any:
    """Return images (n, h, w, channels) divided by white and standardized, by layers that are saved with the network.

    Parameters
    ----------
    images : Keras tensor
    white : float
        The divisor.
    mean, deviation : sequence of float
        Of each channel after the division; what is empty changes nothing.

    Raises
    ------
    CallError
        There are not as many numbers as channels.
    """
    from keras import layers

    values = layers.Rescaling(1 / white, name="scaled")(images)
    if not mean and not deviation:
        return values
    n_channels = images.shape[-1]
    for name, numbers in (("mean", mean), ("deviation", deviation)):
        if len(numbers) not in (0, n_channels):
            raise CallError(
                f"model.{name} has {len(numbers)} numbers, and the images have {n_channels} channels",
                fix="write one for each channel, or [] for none",
            )
    divisors = deviation or (1.0,) * n_channels
    offsets = [-m / d for m, d in zip(mean or (0.0,) * n_channels, divisors, strict=True)]
    return layers.Rescaling([1 / d for d in divisors], offset=offsets, name="standardized")(values)


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
