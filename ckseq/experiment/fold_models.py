"""The models of a cross-validation's folds: where they lie, which are kept, and how the others are removed."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ckseq.experiment.fold import Job
from ckseq.experiment.run_setup import fold_folder
from ckseq.learn.predict import ESTIMATOR, NETWORK
from ckseq.storage.lock import locked
from ckseq.storage.run_record import RunRecord, read_run, write_run

MODELS = (NETWORK, ESTIMATOR)


class Kept(NamedTuple):
    """Whether the models of all folds are kept, and whether those of the first seed are."""

    every: bool
    first_seed: bool

    def holds(self, job: Job, run: RunRecord) -> bool:
        """Return whether the model of a training is kept."""
        return self.every or (self.first_seed and job.seed == run.seeds[0])


def holds_model(folder: Path) -> bool:
    """Return whether a folder holds a model."""
    return any((folder / name).is_file() for name in MODELS)


def drop_models(out: Path) -> None:
    """Remove the models of a complete cross-validation's folds.

    Raises
    ------
    DataError
        The folder is no run, or cannot be written.
    """
    with locked(out):
        run = read_run(out)
        models = {f"{fold_folder(one.seed, one.fold)}/{name}" for one in run.trainings for name in MODELS}
        write_run(out, run.changed(files={name: digest for name, digest in run.files.items() if name not in models}))
        for name in models:
            (out / name).unlink(missing_ok=True)
