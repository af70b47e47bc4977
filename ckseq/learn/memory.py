"""Memory known in advance: what a training needs at its peak, what there is, and what would make it fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from ckseq.config import Config
from ckseq.errors import CkseqError
from ckseq.learn.backend import load_keras
from ckseq.learn.batch_updates import normalizes_over_batch
from ckseq.learn.fit import TrainingConfig
from ckseq.models._memory import Footprint

# Measured: TensorFlow and all else imported; graphs, threads and compiled functions of a network that trains.
_IMPORTED_BYTES, _TRACED_BYTES = 720_000_000, 350_000_000
# Arrays as large as the weights: those the optimizer keeps, and those it makes on its way for a batch at once.
_SLOTS = {"adam": 2, "nadam": 2, "rmsprop": 1, "sgd": 0}
_ON_THE_WAY = 2


class Need(NamedTuple):
    """The peak of a training, bytes, by what they are for.

    Parameters
    ----------
    framework : int
        TensorFlow, its graphs and compiled functions.
    weights, optimizer : int
        The network, and the arrays as large that the optimizer keeps.
    gradients : int
        The gradient, and its sum where a batch is computed in parts or else what the optimizer makes on its way.
    activations : int
        What is kept of the forward pass, through time, for the backward pass.
    sequences : int
        Those of a batch twice, as read and as TensorFlow has them, and all that are held in memory.
    """

    framework: int
    weights: int
    optimizer: int
    gradients: int
    activations: int
    sequences: int

    @property
    def total(self) -> int:
        """The sum."""
        return sum(self)


@dataclass(frozen=True)
class Training:
    """What the memory of a training depends on.

    Parameters
    ----------
    model : Config
        The network's.
    training : TrainingConfig
    footprint : callable
        Of such a config; made by `footprint_of`.
    input_shape : (t, h, w, channels)
    seen_steps : tuple of int
        Of each sequence to train on, the steps that are not padding in front.
    held_bytes : int
        Of sequences that are all in memory.
    """

    model: Config
    training: TrainingConfig
    footprint: Callable[[Config], Footprint]
    input_shape: tuple[int, ...]
    seen_steps: tuple[int, ...]
    held_bytes: int

    def at_once(self) -> int:
        """Return how many sequences are computed at once."""
        size, parts = self.training.batch_size, self.training.micro_batch_size
        return min(len(self.seen_steps), size if parts == "whole" else min(size, parts))

    def with_training(self, **changes: Any) -> Training:
        """Return a copy with other fields of `TrainingConfig`."""
        return replace(self, training=self.training.model_copy(update=changes))

    def with_model(self, **changes: Any) -> Training:
        """Return a copy with other fields of the network's config."""
        return replace(self, model=self.model.model_copy(update=changes))


def footprint_of(
    models: ModuleType, model: Config, *, input_shape: tuple[int, ...], n_classes: int
) -> Callable[[Config], Footprint]:
    """Return what tells the footprint of a network, given its config.

    A module of ``models`` with ``footprint`` tells it without building. Of another one the network is built, and of a
    sequence its layers' outputs are counted twice, those of a recurrent layer eight times a step; of other configs
    than this ``model`` nothing is then known.
    """
    if hasattr(models, "footprint"):
        return partial(models.footprint, input_shape=input_shape, n_classes=n_classes)
    load_keras()  # quietly, before the model does
    network = models.build(model, input_shape=input_shape, n_classes=n_classes)
    numbers = sum(map(_kept_of, network.layers))
    measured = Footprint(network.count_params(), 4 * numbers, 0, 0, 0, normalizes_over_batch(network))
    # so that the network that will learn has the names that it would have had
    load_keras().utils.clear_session()
    return lambda _: measured


def _kept_of(layer: Any) -> int:
    outputs = layer.output if isinstance(layer.output, list) else [layer.output]
    numbers = sum(math.prod(size or 1 for size in output.shape[1:]) for output in outputs)
    if not hasattr(layer, "return_sequences"):
        return 2 * numbers
    # where it has a mask, that is its second input
    sequences = layer.input[0] if isinstance(layer.input, list) else layer.input
    return 8 * numbers * (1 if layer.return_sequences else sequences.shape[1])


def estimate(training: Training) -> Need:
    """Return what a training needs at its peak.

    All numbers are float32. With W parameters, a batch of B sequences of which the B longest have S steps in all::

        framework    measured once
        weights      4 W
        optimizer    4 W slots            two for Adam
        gradients    4 W 2 in parts, 4 W 3 at once
        activations  B sequence + S step + the smaller of block and B block_sequence, of the network's footprint
        sequences    8 B t h w channels + held
    """
    network = training.footprint(training.model)
    weights = 4 * network.n_parameters
    size = training.at_once()
    longest = sum(sorted(training.seen_steps)[-size:])
    block = min(network.block_bytes, size * network.block_sequence_bytes)
    kept = size * network.sequence_bytes + longest * network.step_bytes + block
    gradients = 2 if training.training.micro_batch_size != "whole" else 1 + _ON_THE_WAY
    return Need(
        framework=_IMPORTED_BYTES + _TRACED_BYTES,
        weights=weights,
        optimizer=weights * _SLOTS[training.training.optimizer],
        gradients=weights * gradients,
        activations=kept,
        sequences=8 * size * math.prod(training.input_shape) + training.held_bytes,
    )


def check(training: Training, *, free_bytes: int, used_bytes: int) -> Need:
    """Return what a training needs, or refuse it where that is more than there is.

    Parameters
    ----------
    training : Training
    free_bytes : int
        What this process may still take.
    used_bytes : int
        What it has taken already, a part of what is needed.

    Raises
    ------
    CkseqError
        It needs more. The message says how much, what there is, and what would make it fit.
    """
    need = estimate(training)
    there = free_bytes + used_bytes
    if need.total <= there:
        return need
    fits = [_first(training, kind(training), there) for kind in (_in_parts, _recomputed, _smaller_batches, _narrower)]
    told = ", ".join(one for one in fits if one)
    largest = max(need._fields, key=lambda field: getattr(need, field))
    raise CkseqError(
        f"training needs about {gigabytes(need.total)} of memory, most of it for {largest} "
        f"({gigabytes(getattr(need, largest))}), and there are {gigabytes(there)}",
        fix=f"fits with {told}" if told else "no single setting helps: prepare smaller frames, or fewer model.filters",
    )


def fitted(training: Training, *, free_bytes: int, used_bytes: int) -> tuple[Training, Need]:
    """Return the training made to fit by means that leave its mathematics as they are, and what it then needs.

    First a batch is computed in parts, halved until they fit; then the steps are computed again as well.

    Raises
    ------
    CkseqError
        Neither is enough: the network itself is too large.
    """
    for changed in (training, *_in_parts(training), *_recomputed_in_parts(training)):
        need = estimate(changed)
        if need.total <= free_bytes + used_bytes:
            return changed, need
    return training, check(training, free_bytes=free_bytes, used_bytes=used_bytes)


def settings_of(training: Training) -> tuple[str, ...]:
    """Return what `fitted` may have changed, in the form of ``--set``."""
    size = training.training.micro_batch_size
    recompute = getattr(training.model, "recompute", None)
    told = () if recompute is None else (f"model.recompute={str(recompute).lower()}",)
    return (f"training.micro_batch_size={size}", *told)


def _in_parts(training: Training) -> Iterator[Training]:
    if training.footprint(training.model).depends_on_batch:
        return
    for size in _halves(training.at_once()):
        yield training.with_training(micro_batch_size=size)


def _recomputed(training: Training) -> Iterator[Training]:
    if getattr(training.model, "recompute", None) is False:
        yield training.with_model(recompute=True)


def _recomputed_in_parts(training: Training) -> Iterator[Training]:
    for changed in _recomputed(training):
        yield from (changed, *_in_parts(changed))


def _smaller_batches(training: Training) -> Iterator[Training]:
    for size in _halves(training.at_once()):
        yield training.with_training(batch_size=size, micro_batch_size="whole")


def _narrower(training: Training) -> Iterator[Training]:
    for size in _halves(getattr(training.model, "filters", 1)):
        yield training.with_model(filters=size)


def _halves(size: int) -> Iterator[int]:
    while size > 1:
        size //= 2
        yield size


def _first(training: Training, changes: Iterable[Training], there: int) -> str:
    """Return the first of some changes that fits, in words, or nothing."""
    for changed in changes:
        if (need := estimate(changed).total) <= there:
            settings = [
                f"{section}.{name}={json.dumps(value)}"
                for section, one, other in (
                    ("training", training.training, changed.training),
                    ("model", training.model, changed.model),
                )
                for name, value in other.model_dump().items()
                if value != getattr(one, name) and value != "whole"
            ]
            return f"{' '.join(settings)} ({gigabytes(need)})"
    return ""


def gigabytes(n: int) -> str:
    """Return a number of bytes in words."""
    return f"{n / 1e9:.1f} GB"
