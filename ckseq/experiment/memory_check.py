"""Whether a training fits into memory, checked before it starts; on demand the settings with which it fits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ckseq import registry
from ckseq.config import with_settings
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.learn import system_memory
from ckseq.learn.memory import Training, check, fitted, footprint_of, gigabytes, settings_of
from ckseq.learn.trainer import check_input
from ckseq.models._spec import ModelSpec
from ckseq.signal.sequence import SequenceConfig
from ckseq.storage.run_record import MemoryRecord, RunRecord


def within_memory(
    recipe: Experiment,
    dataset: Dataset,
    *,
    fit_memory: bool,
    earlier: RunRecord | None,
) -> tuple[Experiment, MemoryRecord | None]:
    """Raise an error for a training that does not fit into memory, or choose settings with which it fits.

    Parameters
    ----------
    recipe : Experiment
    dataset : Dataset
    fit_memory : bool
        Choose ``training.micro_batch_size`` and ``model.recompute``, which change the result only by rounding.
    earlier : RunRecord or None
        The run to resume, whose settings are used again.

    Returns
    -------
    Experiment
        With the chosen settings.
    MemoryRecord or None
        The estimate, by use and in ``total``, and the chosen settings in the form of ``--set``; None for an estimator.

    Raises
    ------
    CkseqError
        It does not fit. The message names settings with which it would.
    """
    spec: ModelSpec = registry.load("models", recipe.model_kind).SPEC
    if spec.kind == "estimator":
        return recipe, None
    chosen = earlier.memory.chosen if earlier and earlier.memory and fit_memory else ()
    if chosen:
        tree = with_settings(recipe.model_dump(mode="json"), chosen)
        recipe = experiment_of(tree, where="the run to resume")
    if earlier and earlier.state == "complete":
        return recipe, earlier.memory
    check_input(spec, dataset.x.shape[1:])
    training = training_of(recipe, dataset)
    room = {"free_bytes": system_memory.free_bytes(), "used_bytes": system_memory.used_bytes()}
    if fit_memory:
        fitting, need = fitted(training, **room)
        chosen = settings_of(fitting)
        recipe = recipe.model_copy(update={"training": fitting.training, "model": fitting.model})
    else:
        need = check(training, **room)
    there = room["free_bytes"] + room["used_bytes"]
    how = f", with {' '.join(chosen)}" if chosen else ""
    return recipe, MemoryRecord(
        estimated_bytes={**need._asdict(), "total": need.total},
        free_bytes=there,
        chosen=tuple(chosen),
        sentence=f"about {gigabytes(need.total)} of memory needed, {gigabytes(there)} available{how}",
    )


def training_of(recipe: Experiment, dataset: Dataset) -> Training:
    """Return what the memory of an experiment's training depends on, in any of its folds."""
    shape = dataset.x.shape[1:]
    ids = {id for fold in dataset.folds for id in fold.train}
    steps = [entry.n_steps for entry in dataset.entries if entry.id in ids]
    return Training(
        model=recipe.model,
        training=recipe.training,
        footprint=footprint_of(
            registry.load("models", recipe.model_kind).SPEC,
            recipe.model,
            input_shape=shape,
            n_classes=len(dataset.labels),
        ),
        input_shape=shape,
        seen_steps=seen_steps(steps, recipe.sequence, shape[0]),
        # all sequences, those of a split, and the augmented ones of an epoch
        held_bytes=_held_bytes(dataset),
    )


def _held_bytes(dataset: Dataset) -> int:
    augmented = 0 if dataset.augmented is None else 3 * dataset.augmented.nbytes
    return augmented + (3 * dataset.x.nbytes if isinstance(dataset.x, np.ndarray) else 0)


def seen_steps(n_steps: Sequence[int], config: SequenceConfig, length: int) -> tuple[int, ...]:
    """Return the time steps of each sequence at a common length, without the padding in front.

    The padding behind counts: its steps are computed like any other.

    >>> seen_steps([5, 10, 12], SequenceConfig(), 10)
    (7, 10, 10)
    """
    if config.short == "stretch":
        return (length,) * len(n_steps)
    return tuple(length - max(0, length - n + 1) // 2 for n in n_steps)
