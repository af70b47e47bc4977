"""The picture of an augmentation: some images as they are, and as training may see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ckseq.report.style import FAINT, SOFT, house_style, png

TILE_IN = 0.9
GAP_IN = 0.06


class Varied(NamedTuple):
    """An image (h, w) or (h, w, 3) uint8, whose it is, and its variations (k, h, w[, 3]) uint8."""

    name: str
    image: NDArray[np.uint8]
    variations: NDArray[np.uint8]


def draw_variations(rows: Sequence[Varied]) -> bytes:
    """Draw a contact sheet: one row an image, the image itself in front.

    Parameters
    ----------
    rows : sequence of Varied
        At least one, with as many variations each.

    Returns
    -------
    bytes
        A PNG file.
    """
    across, down = 1 + len(rows[0].variations), len(rows)
    wide, high = (number * (TILE_IN + GAP_IN) for number in (across + 0.25, down))
    with house_style():
        figure = Figure(figsize=(wide, high))
        for number, row in enumerate(rows):
            for place, image in enumerate([row.image, *row.variations]):
                # a wider gap sets the image apart from what was made of it
                left = place * (TILE_IN + GAP_IN) + (0.25 * TILE_IN if place else 0)
                bottom = high - (number + 1) * (TILE_IN + GAP_IN)
                axes = figure.add_axes((left / wide, bottom / high, TILE_IN / wide, TILE_IN / high))
                axes.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                axes.spines[:].set(visible=True, color=FAINT)
                if not place:
                    axes.set_ylabel(row.name, rotation=0, ha="right", va="center", labelpad=6)
                if not number and place < 2:
                    axes.set_title("varied" if place else "as it is", color=SOFT)
        return png(figure)
