"""Images made for the tests: bright spots on black, and where they are."""

import numpy as np


def with_spots(*places, shape=(200, 260)):
    """An image, black but for a soft bright spot at each place."""
    image = np.zeros(shape, np.float32)
    y, x = np.mgrid[: shape[0], : shape[1]]
    for column, row in places:
        image += 250 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / (2 * 2.5**2))
    return image.clip(0, 255).astype(np.uint8)


def center_of(part, left=0):
    """The middle of what is bright in a part of an image that starts at the column ``left``."""
    y, x = np.mgrid[: part.shape[0], : part.shape[1]]
    return np.array([((x + left) * part).sum(), (y * part).sum()]) / part.sum()
