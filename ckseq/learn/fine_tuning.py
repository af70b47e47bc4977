"""Two-step training: a new head learns first, on a backbone at rest; then both learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckseq.errors import CallError
from ckseq.learn.batch_updates import layers_of

if TYPE_CHECKING:
    import keras

BACKBONE = "backbone"


class TwoStep:
    """Which layers of a network rest in its first epochs.

    Parameters
    ----------
    model : keras.Model
        With a layer named ``backbone`` where ``frozen_epochs`` is more than 0.
    frozen_epochs : int
        So many epochs the backbone rests.

    Raises
    ------
    CallError
        There is no backbone to rest, or nothing of it ever learns.
    """

    def __init__(self, model: keras.Model, frozen_epochs: int) -> None:
        self._frozen_epochs = frozen_epochs
        backbone = next((layer for layer in model.layers if layer.name == BACKBONE), None)
        inner = [] if backbone is None else layers_of(backbone)
        self._layers = [layer for layer in inner if layer.trainable and layer.trainable_variables]
        self._resting = False
        if frozen_epochs and not self._layers:
            what = "a network without a backbone" if backbone is None else "a backbone that never learns"
            raise CallError(
                f"training.frozen_epochs = {frozen_epochs} means nothing for {what}",
                fix="set it to 0, or model.kind = transfer with model.fine_tune = all or a layer's name",
            )

    def enter(self, epoch: int) -> bool:
        """Let the layers rest or learn as they should in an epoch, counted from 1; return whether that changed."""
        rests = epoch <= self._frozen_epochs
        changed = rests != self._resting
        self._resting = rests
        if changed:
            for layer in self._layers:
                layer.trainable = not rests
        return changed
