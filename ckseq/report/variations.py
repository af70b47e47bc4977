"""The figure of an augmentation: original images with augmented versions."""

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
    """An image (h, w) or (h, w, 3) uint8, its name, and its augmented versions (k, h, w[, 3]) uint8."""

    name: str
    image: NDArray[np.uint8]
    variations: NDArray[np.uint8]


def draw_variations(rows: Sequence[Varied]) -> bytes:
    """Draw a contact sheet: one row per image, the original first.

    Parameters
    ----------
    rows : sequence of Varied
        At least one; all with the same number of variations.

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
                # a wider gap separates the original from its augmented versions
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
                    axes.set_title("augmented" if place else "original", color=SOFT)
        return png(figure)
