"""Whether a training fits into memory, told before it starts, and made to fit on demand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ckseq import registry
from ckseq.config import with_settings
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.learn import system_memory
from ckseq.learn.learner import check_reads
from ckseq.learn.memory import Training, check, fitted, footprint_of, gigabytes, settings_of
from ckseq.signal.sequence import SequenceConfig
from ckseq.storage.run_record import MemoryRecord, RunRecord


def within_memory(
    recipe: Experiment,
    dataset: Dataset,
    *,
    fit_memory: bool,
    earlier: RunRecord | None,
) -> tuple[Experiment, MemoryRecord | None]:
    """Refuse a training that would not fit, or choose how it fits.

    Parameters
    ----------
    recipe : Experiment
    dataset : Dataset
    fit_memory : bool
        Choose ``training.micro_batch_size`` and ``model.recompute``, which change no result but for rounding.
    earlier : RunRecord or None
        The run that is to be resumed: what was chosen there stays.

    Returns
    -------
    Experiment
        As it will be trained.
    MemoryRecord or None
        The estimate, by what the bytes are for and in ``total``, and the settings that were chosen, in the form of
        ``--set``. None for an estimator, which no estimate is made for.

    Raises
    ------
    CkseqError
        It needs more than there is. The message names what would make it fit.
    """
    models = registry.load("models", recipe.model_kind)
    if not hasattr(models, "export"):
        return recipe, None
    chosen = earlier.memory.chosen if earlier and earlier.memory and fit_memory else ()
    if chosen:
        tree = with_settings(recipe.model_dump(mode="json"), chosen)
        recipe = experiment_of(tree, where="the run to go on with")
    if earlier and earlier.state == "complete":
        return recipe, earlier.memory
    check_reads(models, dataset.x.shape[1:])
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
        sentence=f"about {gigabytes(need.total)} of memory are needed and {gigabytes(there)} are free{how}",
    )


def training_of(recipe: Experiment, dataset: Dataset) -> Training:
    """Return what the memory of an experiment's training depends on, of any of its folds."""
    shape = dataset.x.shape[1:]
    ids = {id for split in dataset.splits for id in split.train}
    steps = [entry.n_steps for entry in dataset.entries if entry.id in ids]
    return Training(
        model=recipe.model,
        training=recipe.training,
        footprint=footprint_of(
            registry.load("models", recipe.model_kind),
            recipe.model,
            input_shape=shape,
            n_classes=len(dataset.labels),
        ),
        input_shape=shape,
        seen_steps=seen_steps(steps, recipe.sequence, shape[0]),
        # all, those of one side, and those of an epoch once more where they are varied
        held_bytes=3 * dataset.x.nbytes if isinstance(dataset.x, np.ndarray) else 0,
    )


def seen_steps(n_steps: Sequence[int], config: SequenceConfig, length: int) -> tuple[int, ...]:
    """Return how many steps each sequence has once it is of one length, but for the padding in front.

    What follows its last frame is computed like any other step.

    >>> seen_steps([5, 10, 12], SequenceConfig(), 10)
    (7, 10, 10)
    """
    if config.short == "stretch":
        return (length,) * len(n_steps)
    return tuple(length - max(0, length - n + 1) // 2 for n in n_steps)
