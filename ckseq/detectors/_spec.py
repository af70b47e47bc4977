"""The contract of a detector: every file of this room ends in a `DetectorSpec`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckseq.config import Config
from ckseq.signal.faces import Detector


@dataclass(frozen=True)
class DetectorSpec:
    """What a file of detectors offers.

    Parameters
    ----------
    config : type
        The detector's own config class; without arguments it is ready to use.
    load : callable
        Takes such a config and returns a callable from a (h, w) uint8 image to a list of ``Box``, in the detector's
        own order. It does not change the image, and the same image gives the same boxes.
    """

    config: type[Config]
    load: Callable[[Any], Detector]
