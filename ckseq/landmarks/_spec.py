"""The contract of landmarks: every file of this room ends in a `LandmarkSpec`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckseq.config import Config
from ckseq.signal.landmarks import Landmarker


@dataclass(frozen=True)
class LandmarkSpec:
    """What a file of landmarks offers.

    Parameters
    ----------
    config : type
        The landmarks' own config class; without arguments it is ready to use.
    make : callable
        Takes such a config and returns a `Landmarker`: from a (h, w) or (h, w, 3) uint8 image and the region of a face
        to its points and a score.
    """

    config: type[Config]
    make: Callable[[Any], Landmarker]
