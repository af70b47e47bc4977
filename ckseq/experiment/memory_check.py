"""Whether a training fits into memory, told before it starts, and made to fit on demand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ckseq import registry
from ckseq.config import with_settings
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment, experiment_of
from ckseq.learn import system_memory
from ckseq.learn.learner import check_reads
from ckseq.learn.memory import Training, check, fitted, footprint_of, gigabytes, settings_of
from ckseq.signal.sequence import SequenceConfig


def within_memory(
    recipe: Experiment,
    material: Dataset,
    *,
    fit_memory: bool,
    earlier: Mapping[str, Any] | None,
) -> tuple[Experiment, dict[str, Any]]:
    """Refuse a training that would not fit, or choose how it fits.

    Parameters
    ----------
    recipe : Experiment
    material : Dataset
    fit_memory : bool
        Choose ``training.micro_batch_size`` and ``model.recompute``, which change no result but for rounding.
    earlier : mapping or None
        The ``run.json`` of the run that is to go on: what was chosen there stays.

    Returns
    -------
    Experiment
        As it will be trained.
    dict
        ``estimated_bytes``, by what they are for and in ``total``; ``free_bytes``; ``chosen``, settings in the form
        of ``--set``; ``sentence``. Empty for an estimator, which no estimate is made for.

    Raises
    ------
    CkseqError
        It needs more than there is. The message names what would make it fit.
    """
    models = registry.load("models", recipe.model_kind)
    if not hasattr(models, "export"):
        return recipe, {}
    chosen = tuple(earlier.get("memory", {}).get("chosen", ())) if earlier and fit_memory else ()
    if chosen:
        tree = with_settings(recipe.model_dump(mode="json"), chosen)
        recipe = experiment_of(tree, where="the run to go on with")
    if earlier and earlier["state"] == "complete":
        return recipe, earlier.get("memory", {})
    check_reads(models, material.x.shape[1:])
    training = training_of(recipe, material)
    room = {"free_bytes": system_memory.free_bytes(), "used_bytes": system_memory.used_bytes()}
    if fit_memory:
        fitting, need = fitted(training, **room)
        chosen = settings_of(fitting)
        recipe = recipe.model_copy(update={"training": fitting.training, "model": fitting.model})
    else:
        need = check(training, **room)
    there = room["free_bytes"] + room["used_bytes"]
    how = f", with {' '.join(chosen)}" if chosen else ""
    return recipe, {
        "estimated_bytes": {**need._asdict(), "total": need.total},
        "free_bytes": there,
        "chosen": list(chosen),
        "sentence": f"about {gigabytes(need.total)} of memory are needed and {gigabytes(there)} are there{how}",
    }


def training_of(recipe: Experiment, material: Dataset) -> Training:
    """Return what the memory of an experiment's training depends on, of any of its folds."""
    shape = material.x.shape[1:]
    ids = {id for split in material.splits for id in split.train}
    steps = [entry.n_steps for entry in material.entries if entry.id in ids]
    return Training(
        model=recipe.model,
        training=recipe.training,
        footprint=footprint_of(
            registry.load("models", recipe.model_kind),
            recipe.model,
            input_shape=shape,
            n_classes=len(material.labels),
        ),
        input_shape=shape,
        seen_steps=seen_steps(steps, recipe.sequence, shape[0]),
        # all, those of one side, and those of an epoch once more where they are varied
        held_bytes=3 * material.x.nbytes if isinstance(material.x, np.ndarray) else 0,
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
