"""The selected trial of a search, exported: as recipes, and as a model trained on all sequences."""

from __future__ import annotations

from pathlib import Path
from typing import NotRequired, TypedDict

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from ckseq.config import Tree, toml_text
from ckseq.errors import CallError
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.protocol.holdout import ProtocolConfig
from ckseq.search.dimension import Dimension
from ckseq.search.search_config import SearchConfig
from ckseq.search.selection import ended, selected_trial, selection_of
from ckseq.search.space import Recipes, Space
from ckseq.search.study import n_finished, search_facts
from ckseq.search.trial_facts import figures, objectives_of, values_of
from ckseq.storage.files import write_text

# of all sequences, by subject, to choose the epoch of the final training
_VALIDATION_SHARE = 0.2
_NO_TEST = "trained on all sequences: no subjects are left to test on"


class Exported(TypedDict):
    """The exported trial, why it was chosen, and the paths of its recipes."""

    schema: int
    study: str
    trial: int
    objectives: dict[str, float]
    values: Tree
    chosen_by: str
    experiment: str
    pipeline: str
    run: NotRequired[str]


def recipes_of(study: Study, trial: FrozenTrial) -> Recipes:
    """Return the recipes of a trial; the experiment tests on the subjects held out of the search."""
    facts = search_facts(study)
    plugins = tuple(Dimension(one["name"], one["path"], one["kind"], plugins=one.get("plugins")) for one in facts.space)
    space = Space(study.study_name, SearchConfig(experiment="-"), facts.pipeline, facts.experiment, plugins)
    recipes = space.recipes(values_of(trial))
    if not facts.test_subjects:
        return recipes
    protocol = ProtocolConfig(kind="subject_holdout", test_subjects=facts.test_subjects)
    return Recipes(recipes.pipeline, recipes.experiment.model_copy(update={"protocol": protocol}))


def write_recipes(study: Study, out: Path, *, number: int | None, overwrite: bool) -> Exported:
    """Write ``STUDY_best.toml`` and ``STUDY_best_pipeline.toml``: the recipes of the selected trial, or of ``number``.

    Raises
    ------
    CallError
        A file exists and is not to be overwritten, or there is no such trial.
    DataError
        No trial is complete, or the study was not created by this toolkit.
    """
    trial, reason = _trial_to_export(study, number)
    recipes = recipes_of(study, trial)
    paths = out / f"{study.study_name}_best.toml", out / f"{study.study_name}_best_pipeline.toml"
    for path in paths:
        if path.exists() and not overwrite:
            raise CallError("exists already", path, "--overwrite replaces it")
    names = {"name": paths[0].stem, "pipeline": paths[1].name, "chosen_by": _told(study, trial, reason)}
    experiment = {**recipes.experiment.model_dump(mode="json"), **names}
    pipeline = {**recipes.pipeline.model_dump(mode="json"), "name": paths[1].stem}
    write_text(paths[1], toml_text(pipeline) + "\n")
    write_text(paths[0], toml_text(experiment) + "\n")
    return {
        "schema": 1,
        "study": study.study_name,
        "trial": trial.number,
        "objectives": objectives_of(trial, search_facts(study).objectives),
        "values": values_of(trial),
        "chosen_by": reason,
        "experiment": str(paths[0]),
        "pipeline": str(paths[1]),
    }


def _told(study: Study, trial: FrozenTrial, reason: str) -> str:
    """Return for a methods paragraph what the search was, and how it chose a trial."""
    facts = search_facts(study)
    scores = figures(objectives_of(trial, facts.objectives))
    searched = ", ".join(dict.fromkeys(one["path"] for one in facts.space))
    apart = "; the subjects tested on took no part in it" if facts.test_subjects else ""
    return (
        f"a hyperparameter search over {searched}: trial {trial.number} of {n_finished(study)} trials, {scores} on "
        f"its inner folds, {reason}{apart}"
    )


def _trial_to_export(study: Study, number: int | None) -> tuple[FrozenTrial, str]:
    """Return a trial and why it is the one."""
    if number is None:
        selection = selection_of(study)
        if selection is not None:
            reason = selection.sentence
        elif len(study.directions) > 1:
            reason = "of the Pareto-optimal trials, the best in the first objective"
        else:
            so_far = "" if ended(study) else f" so far: the search has not ended after {n_finished(study)} trials"
            reason = (
                f"the best trial of the search{so_far}, partly the luckiest: its score is not confirmed on new folds"
            )
        return selected_trial(study), reason
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if trial.number == number:
            return trial, "chosen by hand"
    raise CallError(f"no trial {number} of the study is complete", study.study_name, "leave --trial out for the best")


def final_experiment(recipe: str) -> Experiment:
    """Read an exported experiment for the final training: a validation set of subjects chooses the epoch."""
    experiment = load_experiment(recipe)
    training = experiment.training.model_copy(update={"validation": "inner", "inner_share": _VALIDATION_SHARE})
    return experiment.model_copy(update={"training": training})
