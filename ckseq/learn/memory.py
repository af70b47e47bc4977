"""Memory estimates: the peak of a training, and the settings with which it fits into the memory there is."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

from ckseq.config import Config
from ckseq.errors import CkseqError
from ckseq.learn.backend import load_keras
from ckseq.learn.batch_updates import normalizes_over_batch
from ckseq.learn.training_config import TrainingConfig
from ckseq.models._spec import Footprint, ModelSpec

# Measured: TensorFlow and all else imported; graphs, threads and compiled functions of a network that trains.
_IMPORTED_BYTES, _TRACED_BYTES = 720_000_000, 350_000_000
# Arrays as large as the weights: the optimizer's slots, and its temporary arrays without gradient accumulation.
_SLOTS = {"adam": 2, "nadam": 2, "rmsprop": 1, "sgd": 0}
_TEMPORARY = 2


class MemoryEstimate(NamedTuple):
    """The peak memory of a training, bytes, by use.

    Parameters
    ----------
    framework : int
        TensorFlow, its graphs and compiled functions.
    weights, optimizer : int
        The network, and the optimizer's slots.
    gradients : int
        The gradient, and its accumulated sum or else the optimizer's temporary arrays.
    activations : int
        Stored by the forward pass, over all time steps, for the backward pass.
    sequences : int
        A batch twice, as read and as a tensor, and all sequences that are in memory.
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
        Returns the footprint for a network's config; made by `footprint_of`.
    input_shape : (t, h, w, channels)
    seen_steps : tuple of int
        Time steps of each training sequence, without the padding in front.
    held_bytes : int
        Of the sequences that are in memory as a whole.
    """

    model: Config
    training: TrainingConfig
    footprint: Callable[[Config], Footprint]
    input_shape: tuple[int, ...]
    seen_steps: tuple[int, ...]
    held_bytes: int

    def at_once(self) -> int:
        """Return the number of sequences that are computed at once."""
        size, parts = self.training.batch_size, self.training.micro_batch_size
        return min(len(self.seen_steps), size if parts == "whole" else min(size, parts))

    def with_training(self, **changes: Any) -> Training:
        """Return a copy with other fields of `TrainingConfig`."""
        return replace(self, training=self.training.model_copy(update=changes))

    def with_model(self, **changes: Any) -> Training:
        """Return a copy with other fields of the network's config."""
        return replace(self, model=self.model.model_copy(update=changes))


def footprint_of(
    spec: ModelSpec, model: Config, *, input_shape: tuple[int, ...], n_classes: int
) -> Callable[[Config], Footprint]:
    """Return a function from the config of a network to its footprint.

    It is the spec's formula. Without one the network is built, but for its weights; per sequence the outputs of its
    layers count twice, those of a recurrent layer eight times per time step; and the footprint is that of ``model`` for
    every config.
    """
    if spec.footprint is not None:
        return partial(spec.footprint, input_shape=input_shape, n_classes=n_classes)
    keras = load_keras()  # without messages, before the model imports it
    # the weights of a network that is too large would not fit either
    with keras.StatelessScope(initialize_variables=False):
        network = spec.build(model, input_shape=input_shape, n_classes=n_classes)
    numbers = sum(map(_stored_by, network.layers))
    measured = Footprint(network.count_params(), 4 * numbers, 0, 0, 0, normalizes_over_batch(network))
    # so that Keras names the layers of the network to train as if this one had not been built
    keras.utils.clear_session()
    return lambda _: measured


def _stored_by(layer: Any) -> int:
    outputs = layer.output if isinstance(layer.output, list) else [layer.output]
    numbers = sum(math.prod(size or 1 for size in output.shape[1:]) for output in outputs)
    if not hasattr(layer, "return_sequences"):
        return 2 * numbers
    # a mask is the second input
    sequences = layer.input[0] if isinstance(layer.input, list) else layer.input
    return 8 * numbers * (1 if layer.return_sequences else sequences.shape[1])


def estimate(training: Training) -> MemoryEstimate:
    """Return the peak memory of a training.

    All numbers are float32. With W parameters, and a batch of B sequences, where the B longest have S steps in total::

        framework    a measured constant
        weights      4 W
        optimizer    4 W slots            two for Adam
        gradients    4 W 2 with gradient accumulation, 4 W 3 without
        activations  B sequence + S step + the smaller of block and B block_sequence, of the network's footprint
        sequences    8 B t h w channels + held
    """
    network = training.footprint(training.model)
    weights = 4 * network.n_parameters
    size = training.at_once()
    longest = sum(sorted(training.seen_steps)[-size:])
    block = min(network.block_bytes, size * network.block_sequence_bytes)
    activations = size * network.sequence_bytes + longest * network.step_bytes + block
    gradients = 2 if training.training.micro_batch_size != "whole" else 1 + _TEMPORARY
    return MemoryEstimate(
        framework=_IMPORTED_BYTES + _TRACED_BYTES,
        weights=weights,
        optimizer=weights * _SLOTS[training.training.optimizer],
        gradients=weights * gradients,
        activations=activations,
        sequences=8 * size * math.prod(training.input_shape) + training.held_bytes,
    )


def check(training: Training, *, free_bytes: int, used_bytes: int) -> MemoryEstimate:
    """Return the memory estimate of a training, or raise an error where it exceeds the available memory.

    Parameters
    ----------
    training : Training
    free_bytes : int
        What this process may still use.
    used_bytes : int
        What it already uses, a part of the estimate.

    Raises
    ------
    CkseqError
        It does not fit. The message names the estimate, the available memory, and settings with which it fits.
    """
    need = estimate(training)
    there = free_bytes + used_bytes
    if need.total <= there:
        return need
    fits = [
        _first(training, kind(training), there) for kind in (_accumulating, _recomputing, _smaller_batches, _narrower)
    ]
    settings = ", ".join(one for one in fits if one)
    largest = max(need._fields, key=lambda field: getattr(need, field))
    raise CkseqError(
        f"training needs about {gigabytes(need.total)} of memory, most of it for {largest} "
        f"({gigabytes(getattr(need, largest))}), and {gigabytes(there)} are available",
        fix=f"fits with {settings}" if settings else "no single setting helps: use smaller frames or fewer filters",
    )


def fitted(training: Training, *, free_bytes: int, used_bytes: int) -> tuple[Training, MemoryEstimate]:
    """Return the training with settings that make it fit without changing its result, and its memory estimate.

    First gradient accumulation over ever smaller parts of a batch; then activation recomputation as well.

    Raises
    ------
    CkseqError
        Neither is enough: the network is too large.
    """
    for changed in (training, *_accumulating(training), *_recomputing_and_accumulating(training)):
        need = estimate(changed)
        if need.total <= free_bytes + used_bytes:
            return changed, need
    return training, check(training, free_bytes=free_bytes, used_bytes=used_bytes)


def settings_of(training: Training) -> tuple[str, ...]:
    """Return the settings that `fitted` chooses, in the form of ``--set``."""
    size = training.training.micro_batch_size
    recompute = getattr(training.model, "recompute", None)
    of_model = () if recompute is None else (f"model.recompute={str(recompute).lower()}",)
    return (f"training.micro_batch_size={size}", *of_model)


def _accumulating(training: Training) -> Iterator[Training]:
    if training.footprint(training.model).depends_on_batch:
        return
    for size in _halves(training.at_once()):
        yield training.with_training(micro_batch_size=size)


def _recomputing(training: Training) -> Iterator[Training]:
    if getattr(training.model, "recompute", None) is False:
        yield training.with_model(recompute=True)


def _recomputing_and_accumulating(training: Training) -> Iterator[Training]:
    for changed in _recomputing(training):
        yield from (changed, *_accumulating(changed))


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
    """Return the settings of the first change that fits, and its estimate, or an empty text."""
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
    """Return a number of bytes as a text in gigabytes."""
    return f"{n / 1e9:.1f} GB"
