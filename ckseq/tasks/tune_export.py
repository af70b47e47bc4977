"""``ckseq tune best``: the selected trial of a search as recipes and, with ``--final``, as a trained model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.final_model import train_final
from ckseq.search.study_storage import load_optuna
from ckseq.storage.cache import Cache
from ckseq.storage.lock import locked
from ckseq.storage.replacement import beside, exchange, recover
from ckseq.tasks.preprocess import preprocess

if TYPE_CHECKING:
    from ckseq.search.export_best import Exported


def tune_export(
    study: str,
    *,
    storage: str | None,
    out: Path,
    trial: int | None = None,
    data: Path | None = None,
    final: bool = False,
    source: str | None = None,
    jobs: int = -1,
    overwrite: bool = False,
    console: Console,
) -> Exported:
    """Write the selected trial of a study as a pipeline and an experiment for `ckseq experiment`.

    The experiment tests on the subjects held out of the search.

    Parameters
    ----------
    study : str
        Its name.
    storage : str, optional
        The URL of its storage; ``study.db`` in ``out`` if not given.
    out : Path
        The folder for the recipes ``STUDY_best.toml`` and ``STUDY_best_pipeline.toml``.
    trial : int, optional
        The number of another trial than the selected one.
    data : Path, optional
        The data set, for the final training.
    final : bool
        Also train a model on all sequences, the held-out subjects included; a fifth validates, to choose the epoch.
    source : str, optional
        The layout of the data.
    jobs : int
        Number of processes that preprocess recordings.
    overwrite : bool
        Replace existing recipes and an existing model.
    console : Console

    Returns
    -------
    Exported
        With ``run``, the run folder, if there is a final model.

    Raises
    ------
    CallError
        A target exists, or there is no such trial.
    DataError
        There is no such study, no trial of it is complete, or it was not created by 'ckseq tune'.
    """
    load_optuna()
    from ckseq.search.export_best import final_experiment, write_recipes
    from ckseq.search.study import CACHE_FOLDER, open_study
    from ckseq.search.trial_facts import figures

    if final and data is None:
        raise CallError("the final training needs the data", fix="name them with --data")
    exported = write_recipes(open_study(study, storage, out), out, number=trial, overwrite=overwrite)
    recipe = exported["experiment"]
    console.say(exported["chosen_by"])
    console.say(f"trial {exported['trial']}, {figures(exported['objectives'])} on the inner folds; recipe: {recipe}")
    if not final or data is None:
        return exported
    store, run = out / f"{study}_final" / "store.h5", out / f"{study}_final" / "run"
    with locked(run):
        recover(run)
        if run.exists() and not overwrite:
            raise CallError("there is already a run", run, "--overwrite replaces it")
        experiment = final_experiment(recipe)
        preprocess(
            data,
            pipeline=experiment.pipeline,
            out=store,
            source=source,
            classes=experiment.classes,
            jobs=jobs,
            overwrite=overwrite,
            cache=Cache(out / CACHE_FOLDER),
            console=console,
        )
        command = ["ckseq", "tune", "best", study, "--out", str(out), "--data", str(data), "--final"]
        shutil.rmtree(beside(run), ignore_errors=True)
        record = train_final(store, experiment, out=beside(run), command=command, console=console)
        exchange(run)
    n = record.protocol.n_train
    console.say(f"trained on all {n} sequences: {run}")
    return {**exported, "run": str(run)}
