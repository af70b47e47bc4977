"""The figure of example images: some of each class, or one of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.report.style import FAINT, house_style, png

TILE_IN = 0.95
GAP_IN = 0.07


def draw_gallery(images: Mapping[str, Sequence[NDArray[np.uint8]]]) -> bytes:
    """Draw example images, one row per class; of one image per class, side by side with the class above.

    Parameters
    ----------
    images : mapping of str to sequence of (h, w, 3) uint8
        By class; at least one class with an image.

    Returns
    -------
    bytes
        A PNG file.
    """
    most = max(map(len, images.values()))
    one_each = most == 1
    across, down = (len(images), 1) if one_each else (most, len(images))
    wide, high = (number * (TILE_IN + GAP_IN) for number in (across, down))
    with house_style():
        figure = Figure(figsize=(wide, high))
        for number, (label, of_class) in enumerate(images.items()):
            for place, image in enumerate(of_class):
                column, row = (number, 0) if one_each else (place, number)
                left, top = column * (TILE_IN + GAP_IN), row * (TILE_IN + GAP_IN)
                axes = figure.add_axes(
                    (left / wide, 1 - (top + TILE_IN) / high, TILE_IN / wide, TILE_IN / high), anchor="C"
                )
                axes.imshow(image)
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set(visible=True, color=FAINT)
                if one_each:
                    axes.set_title(label, fontsize=8.5, pad=4)
                elif not place:
                    axes.set_ylabel(label, rotation=0, ha="right", va="center", labelpad=6)
        return png(figure)
