"""The learner that an experiment asks for, before it has learnt anything."""

from __future__ import annotations

from ckseq import registry
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment
from ckseq.learn.learner import Learner, prepare


def learner_of(experiment: Experiment, dataset: Dataset, *, seed: int | None = None) -> Learner:
    """Build the experiment's model for this dataset; ``seed`` is the experiment's own if not given.

    Raises
    ------
    CallError
        The seed is out of range, the model does not fit the input, or a package it needs is not installed.
    """
    return prepare(
        registry.load("models", experiment.model_kind),
        experiment.model,
        experiment.training,
        augmentation=experiment.variation,
        input_shape=dataset.x.shape[1:],
        n_classes=len(dataset.labels),
        seed=experiment.seed if seed is None else seed,
    )
