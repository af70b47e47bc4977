"""The trainer of an experiment, and what its model needs beside it."""

from __future__ import annotations

from pathlib import Path

from ckseq import registry
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment
from ckseq.learn.extract import build_extractor, save_extractor
from ckseq.learn.trainer import Trainer, build_trainer
from ckseq.storage.run_record import RunRecord


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
        labels=dataset.labels,
        multi_label=experiment.predicts_units,
    )


def save_feature_extractor(out: Path, run: RunRecord, recipe: Experiment) -> None:
    """Keep what makes features of an image beside the model that reads them: the run stands for itself."""
    if recipe.input == "features" and run.store is not None and run.store.crop_shape is not None:
        save_extractor(out, build_extractor(recipe.features, input_shape=run.store.crop_shape))
