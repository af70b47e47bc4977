"""The learner that an experiment asks for, before it has learnt anything."""

from __future__ import annotations

from ckseq import choices
from ckseq.learn.learner import Learner, prepare
from ckseq.tasks.material import Material
from ckseq.tasks.recipes import Experiment


def learner_of(experiment: Experiment, material: Material, *, seed: int | None = None) -> Learner:
    """Build the experiment's model for this material; ``seed`` is the experiment's own if not given.

    Raises
    ------
    CallError
        The seed is out of range, the model does not fit the input, or a package it needs is not installed.
    """
    return prepare(
        choices.load("models", experiment.model_kind),
        experiment.model,
        experiment.training,
        augmentation=experiment.variation,
        input_shape=material.x.shape[1:],
        n_classes=len(material.labels),
        seed=experiment.seed if seed is None else seed,
    )
