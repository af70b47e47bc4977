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
    block_bytes, block_sequence_bytes : int
        Kept of the block that is computed at once, whatever the batch; and what a sequence takes of it, where a batch
        is less than a block.
    depends_on_batch : bool
        Whether it normalizes over the batch, which then cannot be computed in parts.
    """

    n_parameters: int
    sequence_bytes: int
    step_bytes: int
    block_bytes: int
    block_sequence_bytes: int
    depends_on_batch: bool = False
