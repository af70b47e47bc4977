"""``ckseq tune best``: the winner of a search as a recipe, and where asked the model trained on everybody."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.experiment.engine import train_final
from ckseq.experiment.recipe import load_experiment
from ckseq.protocol.holdout import ProtocolConfig
from ckseq.report.toml_listing import toml_text
from ckseq.search.finalists import outcome_of
from ckseq.search.space import Recipes, SearchConfig, Space
from ckseq.search.study import CACHE, open_study, winner_of
from ckseq.storage.files import write_text
from ckseq.tasks.preprocess import preprocess

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

# what System E keeps aside of all data to end the last training by
_VALIDATION_SHARE = 0.2
_NOBODY = "trained on all sequences: nobody is left to test it on"


def best(
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
) -> dict[str, Any]:
    """Write the best trial of a study as a pipeline and an experiment that `ckseq experiment` runs as they are.

    The experiment tests on the people whom the search has not seen.

    Parameters
    ----------
    study : str
        Its name.
    storage : str, optional
        Where it is kept; ``study.db`` in ``out`` if not given.
    out : Path
        The folder for the recipes ``STUDY_best.toml`` and ``STUDY_best_pipeline.toml``.
    trial : int, optional
        Another one than the finals chose, or than the best where there were none; of two objectives the first decides.
    data : Path, optional
        The data set, which the final training needs.
    final : bool
        Train on everybody, those of the test too, with a fifth of the people kept aside to choose the epoch.
    source : str, optional
        The layout of the data.
    jobs : int
        Processes that prepare recordings.
    overwrite : bool
        Replace recipes and model that stand there.
    console : Console

    Returns
    -------
    dict
        ``study``, ``trial``, ``objectives``, ``values``, ``chosen_by`` (the sentence that says by which rule),
        ``experiment`` and ``pipeline`` (paths), and ``run`` where there is a final model.

    Raises
    ------
    CallError
        A file is in the way, or there is no such trial.
    DataError
        There is no such study, no trial of it is complete, or it was not made by 'ckseq tune'.
    """
    if final and data is None:
        raise CallError("the final training needs the data", fix="name them with --data")
    found = open_study(study, storage, out)
    chosen, why = _chosen(found, trial)
    recipes = recipes_of(found, chosen)
    paths = out / f"{study}_best.toml", out / f"{study}_best_pipeline.toml"
    for path in paths:
        if path.exists() and not overwrite:
            raise CallError("is there already", path, "--overwrite replaces it")
    out.mkdir(parents=True, exist_ok=True)
    experiment = {**recipes.experiment.model_dump(mode="json"), "name": paths[0].stem, "pipeline": paths[1].name}
    pipeline = {**recipes.pipeline.model_dump(mode="json"), "name": paths[1].stem}
    write_text(paths[1], toml_text(pipeline) + "\n")
    write_text(paths[0], toml_text(experiment) + "\n")
    objectives = dict(zip(_about(found)["objectives"], chosen.values or (), strict=True))
    figures = ", ".join(f"{name} {value:.3f}" for name, value in objectives.items())
    console.say(why)
    console.say(f"trial {chosen.number}, {figures} on the inner folds; the recipe is {paths[0]}")
    result = {
        "schema": 1,
        "study": study,
        "trial": chosen.number,
        "objectives": objectives,
        "values": chosen.user_attrs["values"],
        "chosen_by": why,
        "experiment": str(paths[0]),
        "pipeline": str(paths[1]),
    }
    if not final or data is None:
        console.say(f"next: ckseq experiment {paths[0]} --data DATA --out RESULT")
        return result
    run = _train_on_all(
        paths[0], data, out / f"{study}_final", out / CACHE, source, jobs, overwrite=overwrite, console=console
    )
    return {**result, "run": str(run)}


def recipes_of(study: Study, trial: FrozenTrial) -> Recipes:
    """Return the recipes of a trial; the experiment tests on the people whom the search has not seen."""
    about = _about(study)
    space = Space(study.study_name, SearchConfig(experiment="-"), about["pipeline"], about["experiment"], ())
    recipes = space.recipes(trial.user_attrs["values"])
    subjects = tuple(about["test_subjects"])
    if not subjects:
        return recipes
    protocol = ProtocolConfig(kind="subject_holdout", test_subjects=subjects)
    return Recipes(recipes.pipeline, recipes.experiment.model_copy(update={"protocol": protocol}))


def _about(study: Study) -> dict[str, Any]:
    from ckseq.search.trial_loop import about_study

    about = about_study(study)
    if "pipeline" not in about:
        raise DataError(f"the study {study.study_name!r} was not made by 'ckseq tune'")
    return about


def _chosen(study: Study, number: int | None) -> tuple[FrozenTrial, str]:
    """Return the trial to write, and who chose it."""
    if number is None:
        outcome = outcome_of(study)
        if outcome is not None:
            why = outcome.sentence
        elif len(study.directions) > 1:
            why = "of the trials that no other beats in both objectives, the best in the first"
        else:
            why = "the best trial of the search, partly by luck: no finals have confirmed it"
        return winner_of(study), why
    for trial in study.get_trials(deepcopy=False):
        if trial.number == number and trial.state.name == "COMPLETE":
            return trial, "chosen by hand"
    raise CallError(f"no trial {number} of the study is complete", study.study_name, "leave --trial out for the best")


def _train_on_all(
    recipe: Path,
    data: Path,
    out: Path,
    cache: Path,
    source: str | None,
    jobs: int,
    *,
    overwrite: bool,
    console: Console,
) -> Path:
    """Prepare and learn all there is, and keep the model in a run folder; nobody is left to test it on."""
    experiment = load_experiment(str(recipe))
    training = experiment.training.model_copy(update={"validation": "inner", "inner_share": _VALIDATION_SHARE})
    experiment = experiment.model_copy(update={"training": training})
    store, run = out / "store.h5", out / "run"
    if run.exists():
        if not overwrite:
            raise CallError("there is a run already", run, "--overwrite replaces it")
        shutil.rmtree(run)
    preprocess(
        data,
        pipeline=experiment.pipeline,
        out=store,
        source=source,
        classes=experiment.classes,
        jobs=jobs,
        overwrite=overwrite,
        cache=cache,
        console=console,
    )
    record = train_final(store, experiment, out=run, command=["ckseq", "tune", "best", "--final"], console=console)
    console.say(f"trained on all {record.protocol.n_train} sequences; ask it with: ckseq predict {run} VIDEO")
    return run
