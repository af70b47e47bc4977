"""What a network needs while it trains, told without building it."""

from __future__ import annotations

from typing import NamedTuple


class Footprint(NamedTuple):
    """The size of a network in training.

    Parameters
    ----------
    n_parameters : int
    sequence_bytes : int
        Kept of a sequence for the backward pass, besides what is kept of every step.
    step_bytes : int
        Kept of each step of a sequence from its first frame of motion on.
    fixed_bytes : int
        Whatever the batch.
    depends_on_batch : bool
        Whether it normalises over the batch, which then cannot be computed in parts.
    """

    n_parameters: int
    sequence_bytes: int
    step_bytes: int
    fixed_bytes: int
    depends_on_batch: bool = False
