"""The trainer of an experiment."""

from __future__ import annotations

from ckseq import registry
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment
from ckseq.learn.trainer import Trainer, build_trainer


def trainer_for(experiment: Experiment, dataset: Dataset, *, seed: int | None = None) -> Trainer:
    """Build the experiment's model for a data set; ``seed`` is the experiment's own if not given.

    Raises
    ------
    CallError
        The seed is out of range, the model does not fit the input, or a package it needs is not installed.
    """
    return build_trainer(
        registry.load("models", experiment.model_kind).SPEC,
        experiment.model,
        experiment.training,
        augmentation=experiment.variation,
        input_shape=dataset.x.shape[1:],
        n_classes=len(dataset.labels),
        seed=experiment.seed if seed is None else seed,
    )
