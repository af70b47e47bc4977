"""Fine-tuning in two phases: first the head is trained on a frozen backbone, then both."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckseq.errors import CallError
from ckseq.learn.batch_updates import layers_of

if TYPE_CHECKING:
    import keras

BACKBONE = "backbone"


class FineTuning:
    """Which layers of a network are frozen in its first epochs.

    Parameters
    ----------
    model : keras.Model
        With a layer named ``backbone`` where ``frozen_epochs`` is more than 0.
    frozen_epochs : int
        Number of epochs in which the backbone is frozen.

    Raises
    ------
    CallError
        There is no backbone to freeze, or none of its layers is trainable.
    """

    def __init__(self, model: keras.Model, frozen_epochs: int) -> None:
        self._frozen_epochs = frozen_epochs
        backbone = next((layer for layer in model.layers if layer.name == BACKBONE), None)
        inner = [] if backbone is None else layers_of(backbone)
        self._layers = [layer for layer in inner if layer.trainable and layer.trainable_variables]
        self._frozen = False
        if frozen_epochs and not self._layers:
            what = "a network without a backbone" if backbone is None else "a backbone that is never trained"
            raise CallError(
                f"training.frozen_epochs = {frozen_epochs} has no effect on {what}",
                fix="set it to 0, or model.kind = transfer with model.fine_tune = all or a layer's name",
            )

    def enter(self, epoch: int) -> bool:
        """Freeze or unfreeze the layers for an epoch, counted from 1; return whether that changed anything."""
        frozen = epoch <= self._frozen_epochs
        changed = frozen != self._frozen
        self._frozen = frozen
        if changed:
            for layer in self._layers:
                layer.trainable = not frozen
        return changed
