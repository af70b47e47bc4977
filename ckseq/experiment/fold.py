"""One fold: train on its training side, with a checkpoint after every epoch, and predict its test side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import ValidationError

from ckseq.config import digest
from ckseq.errors import CallError, DataError
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.early_classification import prefix_predictions
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.targets import decided, truth_of
from ckseq.experiment.trainer import trainer_for
from ckseq.learn import backend
from ckseq.learn.at_chance import at_chance
from ckseq.learn.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from ckseq.learn.fit import TrainingState, class_weights
from ckseq.learn.predict import probabilities
from ckseq.learn.trainer import TrainedModel, Trainer
from ckseq.protocol.holdout import Fold
from ckseq.storage.files import read_text, write_text
from ckseq.storage.history import HISTORY, Epoch, read_history, write_history
from ckseq.storage.predictions import Prediction, Predictions, read_predictions, write_predictions
from ckseq.storage.prefix_predictions import (
    EARLY,
    PrefixPrediction,
    read_prefix_predictions,
    write_prefix_predictions,
)
from ckseq.storage.run_record import ModelRecord, Record, TrainingRecord

TRAINING = "training.json"
_AGAIN = "remove that folder and go on with --resume"


class Job(NamedTuple):
    """One training to be done: a fold, a seed, the store and its digest, and the folder that keeps its checkpoint."""

    fold: Fold
    seed: int
    store: Path
    store_digest: str
    folder: Path

    def made_from(self, recipe: Experiment) -> str:
        """Return the digest of all that the training follows from."""
        asked = recipe.model_dump(mode="json", exclude={"name", "question", "published", "chosen_by", "seed"})
        return digest(asked, self.store_digest, self.seed, [list(self.fold.train), list(self.fold.test)])


class FoldRecordFile(Record):
    """``training.json``: that a fold is done, and what of."""

    training: TrainingRecord
    model: ModelRecord
    device: str


class FoldResult(NamedTuple):
    """What became of a fold; ``trained`` is the model, kept only where a run has one training."""

    done: FoldRecordFile
    predictions: Predictions
    prefixes: tuple[PrefixPrediction, ...]
    epochs: tuple[Epoch, ...]
    trained: TrainedModel | None = None

    @property
    def summary(self) -> str:
        """How many test sequences were predicted correctly; of action units, how many were tested."""
        n = len(self.predictions.rows)
        if self.predictions.multi_label:
            return f"{n} tested"
        return f"{sum(row.truth == row.predicted for row in self.predictions.rows)} of {n} correct"


def train_fold(
    job: Job,
    dataset: Dataset,
    recipe: Experiment,
    made_from: str,
    *,
    seed_of_rows: int | None,
    on_built: Callable[[Trainer], None] = lambda _: None,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> FoldResult:
    """Train on one fold with one seed, from its checkpoint if there is one, and predict its test sequences.

    Parameters
    ----------
    job : Job
    dataset : Dataset
    recipe : Experiment
    made_from : str
        `Job.made_from`.
    seed_of_rows : int or None
        The seed that predictions are marked with; None in a run of one training.
    on_built : callable
        Is given the model before it trains.
    on_epoch : callable
        Is given every epoch when it ends.
    """
    sides = (job.fold.train, validation_of(job.fold, recipe))
    train, validation = (dataset.side(side)[1] for side in sides)
    job.folder.mkdir(parents=True, exist_ok=True)
    state = read_checkpoint(job.folder, made_from=made_from)
    restarts = 0 if state is None else state.restarts
    while True:
        trainer = trainer_for(recipe, dataset, seed=seed_of(job.seed, restarts))
        if restarts == 0:
            on_built(trainer)

        def keep(state: TrainingState, restarts: int = restarts) -> None:
            write_checkpoint(job.folder, replace(state, restarts=restarts), made_from=made_from)
            on_epoch(state.epochs[-1])

        trained = trainer.fit(train=train, validation=validation, resume=state, on_epoch=keep)
        weights = class_weights(train.codes, len(dataset.labels), recipe.training.class_weights)
        unlearned = at_chance(trained.epochs, train.codes, weights)
        if not unlearned or restarts >= recipe.training.restarts:
            break
        restarts, state = restarts + 1, None
        remove_checkpoint(job.folder)
    rows = predict_test_side(trained.model, dataset, job.fold, recipe, seed=seed_of_rows)
    early = prefix_predictions(
        trained.model, job.store, dataset, job.fold, recipe, seed=seed_of_rows, digest=job.store_digest
    )
    training = TrainingRecord(
        seed=job.seed,
        fold=job.fold.number,
        made_from=made_from,
        n_train=len(job.fold.train),
        n_test=len(job.fold.test),
        epochs=len(trained.epochs),
        chosen_epoch=trained.chosen_epoch,
        seconds=trained.seconds,
        at_chance=unlearned,
        restarts=restarts,
    )
    shape = tuple(int(n) for n in dataset.x.shape[1:])
    model = ModelRecord(
        kind=recipe.model_name,
        n_parameters=trainer.n_parameters,
        input_shape=shape,
        layers=trained.layers,
        ready_made=trainer.ready_made,
    )
    done = FoldRecordFile(training=training, model=model, device=backend.device())
    predictions = Predictions(dataset.labels, tuple(rows), multi_label=recipe.predicts_units)
    return FoldResult(done, predictions, tuple(early), trained.epochs, trained)


def seed_of(seed: int, restarts: int) -> int:
    """Return the seed of a training after so many restarts; its own before the first."""
    return seed if not restarts else int(np.random.default_rng([seed, restarts]).integers(2**32))


def validation_of(fold: Fold, recipe: Experiment) -> tuple[str, ...]:
    """Return the sequences that are measured after every epoch."""
    if recipe.training.validation != "given":
        return fold.test
    if not fold.validation:
        raise CallError(
            "training.validation = given needs a data set with a validation part of its own",
            fix="set protocol.kind to given, or training.validation to inner",
        )
    return fold.validation


def predict_test_side(
    model: Any, dataset: Dataset, fold: Fold, recipe: Experiment, *, seed: int | None
) -> list[Prediction]:
    """Return the model's predictions of every test sequence of a fold."""
    entries, test = dataset.side(fold.test)
    return [
        Prediction(
            recording=entry.id,
            subject=entry.subject,
            fold=fold.number,
            truth=truth_of(entry, dataset.labels, recipe),
            predicted=decided(row, dataset.labels, recipe),
            probabilities=tuple(float(p) for p in row),
            seed=seed,
        )
        for entry, row in zip(entries, probabilities(model, test.x), strict=True)
    ]


def save_fold(folder: Path, result: FoldResult) -> None:
    """Keep a fold's result in its folder; ``training.json`` last, since what it stands beside is believed whole."""
    write_predictions(folder, result.predictions)
    if result.prefixes:
        write_prefix_predictions(folder, result.predictions.labels, result.prefixes)
    write_history(folder, result.epochs)
    write_text(folder / TRAINING, result.done.model_dump_json(indent=2) + "\n")
    remove_checkpoint(folder)


def load_fold(job: Job, made_from: str) -> FoldResult | None:
    """Return what an earlier process kept of a job; None where it did not end.

    Raises
    ------
    DataError
        The folder holds another training, or a file of it is damaged.
    """
    found = read_fold(job.folder)
    if found is None:
        return None
    same = found.done.training.made_from == made_from
    if not same or sorted(row.recording for row in found.predictions.rows) != sorted(job.fold.test):
        raise DataError("holds another training than the one to resume", job.folder, _AGAIN)
    return found


def read_fold(folder: Path) -> FoldResult | None:
    """Return what a training kept in a fold's folder; None where it did not end.

    Raises
    ------
    DataError
        A file of it is damaged.
    """
    path = folder / TRAINING
    if not path.is_file():
        return None
    try:
        done = FoldRecordFile.model_validate_json(read_text(path))
    except ValidationError:
        raise DataError("is no complete record of a training", path, _AGAIN) from None
    predictions = read_predictions(folder)
    early = read_prefix_predictions(folder)[1] if (folder / EARLY).is_file() else ()
    epochs = read_history(folder) if (folder / HISTORY).is_file() else ()
    return FoldResult(done, predictions, early, epochs)


def describe_epoch(epoch: Epoch, recipe: Experiment) -> str:
    """Return an epoch as a progress bar shows it."""
    loss = "loss" if recipe.training.class_weights == "none" else "weighted loss"
    text = f"epoch {epoch.epoch}: {loss} {epoch.loss:.3f}, accuracy {epoch.accuracy:.2f}"
    if np.isnan(epoch.val_loss):
        return text
    return f"{text}; validation loss {epoch.val_loss:.3f}, accuracy {epoch.val_accuracy:.2f}"
