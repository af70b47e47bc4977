"""A model that can have learned nothing: trained as a fold was, but on labels dealt out at random.

Adebayo, Gilmer, Muelly, Goodfellow, Hardt and Kim (2018), "Sanity checks for saliency maps", NeurIPS, section 4: an
explanation that stays the same when the labels are shuffled tells of the data, and not of what the model has learned.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ckseq.experiment.dataset import Dataset
from ckseq.experiment.fold import Job, train_fold
from ckseq.experiment.recipe import Experiment
from ckseq.protocol.holdout import Fold


def with_shuffled_labels(dataset: Dataset, fold: Fold, *, rng: np.random.Generator) -> Dataset:
    """Return a dataset in which the labels of a fold's training sequences have changed places."""
    places = [place for place, entry in enumerate(dataset.entries) if entry.id in set(fold.train)]
    dealt = rng.permutation(places)
    entries, codes = list(dataset.entries), dataset.codes.copy()
    for place, source in zip(places, dealt, strict=True):
        entries[place] = replace(entries[place], label=dataset.entries[source].label)
    codes[places] = dataset.codes[dealt]
    return replace(dataset, entries=tuple(entries), codes=codes)


def train_on_shuffled_labels(
    dataset: Dataset, fold: Fold, recipe: Experiment, *, seed: int, store: Path, store_digest: str
) -> Any:
    """Return a model trained as the fold's own was, on shuffled labels; nothing is kept of the training.

    Parameters
    ----------
    dataset : Dataset
    fold : Fold
    recipe : Experiment
    seed : int
        Of the training and of the shuffling.
    store : Path
    store_digest : str
    """
    shuffled = with_shuffled_labels(dataset, fold, rng=np.random.default_rng([seed, fold.number]))
    with tempfile.TemporaryDirectory() as folder:
        job = Job(fold, seed, store, store_digest, Path(folder))
        trained = train_fold(job, shuffled, recipe, job.made_from(recipe), seed_of_rows=None).trained
    assert trained is not None  # only cross-validations drop it
    return trained.model
