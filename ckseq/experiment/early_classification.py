"""How early the models of a run can answer: asked about the start of each test sequence, and the rule to stop by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ckseq.experiment.dataset import Dataset
from ckseq.experiment.recipe import Experiment
from ckseq.learn.predict import probabilities
from ckseq.protocol.early_classification import SHARES, nonconformity, stop_threshold
from ckseq.protocol.holdout import Fold
from ckseq.signal.sequence import SequenceConfig, fit_length, overflow_of_new
from ckseq.storage.prefix_predictions import PrefixPrediction, prefix_probabilities_of
from ckseq.storage.run_record import read_run
from ckseq.storage.store import open_store


def starts(projections: NDArray[Any], *, length_frames: int, sequence: SequenceConfig) -> NDArray[np.float32]:
    """Return the start of a sequence, of each of the shares, as a network reads it: (n_shares, length, ...)."""
    return np.stack(
        [
            fit_length(
                projections[: math.ceil(share * len(projections))],
                length_frames=length_frames,
                # what was too long to train on is not asked about; its start may be
                overflow=overflow_of_new(sequence),
                short=sequence.short,
            )
            for share in SHARES
        ]
    )


def prefix_predictions(
    model: Any, store: Path, dataset: Dataset, fold: Fold, recipe: Experiment, *, seed: int | None, digest: str
) -> list[PrefixPrediction]:
    """Ask a model about every start of the test sequences of a fold; nothing where it does not read projections.

    Nor of action units: a stopping rule is for one class.
    """
    if recipe.input != "projections" or recipe.predicts_units:
        return []
    tested = set(fold.test)
    entries = [entry for entry in dataset.entries if entry.id in tested]
    found = []
    with open_store(store, listing=False, digest=digest) as opened:
        for entry in entries:
            asked = starts(opened.projections(entry.id), length_frames=dataset.x.shape[1], sequence=recipe.sequence)
            for share, row in zip(SHARES, probabilities(model, asked), strict=True):
                likely = tuple(float(p) for p in row)
                found.append(
                    PrefixPrediction(entry.id, entry.subject, fold.number, seed, str(entry.label), share, likely)
                )
    return found


def stop_rule(run: Path, *, error_rate: float) -> float | None:
    """Return the probability above which an answer of a run's model is sure, at a rate of errors, from its test people.

    Returns
    -------
    float or None
        None where the run does not tell; infinite where it was tested on too few people for so low a rate.
    """
    found = prefix_probabilities_of(run, read_run(run))
    if found is None:
        return None
    return stop_threshold(nonconformity(found), found.subjects, error_rate=error_rate)
