"""The finalists of a search: its best trials and the experiment that it began with, scored again on new folds."""

from __future__ import annotations

from dataclasses import replace

from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from ckseq.config import digest
from ckseq.console import Console
from ckseq.search.inner_folds import InnerFolds, further_folds
from ckseq.search.samplers import make_pruner, make_sampler
from ckseq.search.search_config import DIRECTIONS
from ckseq.search.selection import FINALIST_SCORES, FinalistScores
from ckseq.search.space import Space
from ckseq.search.study import FINISHED, FinalistsFacts, join_study, n_finished, sign_of
from ckseq.search.trial import evaluate
from ckseq.search.trial_cache import TrialCache
from ckseq.search.trial_facts import fold_scores_of, values_of
from ckseq.search.trial_loop import run_trials

# the parameter of the study of finalists: the number of a trial of the search
_FINALIST = "finalist"


def score_finalists(
    study: Study,
    space: Space,
    inner: InnerFolds,
    cache: TrialCache,
    *,
    storage: BaseStorage,
    heartbeat_s: float,
    console: Console,
) -> None:
    """Score the finalists of a finished search on new folds of the same subjects, and store the scores with its study.

    Each finalist is a trial of another study in the same storage, so that any number of processes share the work, and
    a killed one loses nothing. With two objectives there is a Pareto front instead of a best trial, and no finalists.
    """
    config = space.config
    finalists, baseline = _finalists(study, space)
    folds = further_folds(inner, n_divisions=config.confirmations)
    if len(config.objectives) > 1 or not config.finalists or len(finalists) < 2 or not folds:
        study.set_user_attr(FINALIST_SCORES, None)
        return
    numbers = sorted(finalists)
    objective = config.objectives[0]
    facts = FinalistsFacts(
        confirms=study.study_name, objectives=config.objectives, finalists=tuple(numbers), folds=digest(folds)
    )
    name = f"{study.study_name}_finalists_{digest(numbers, folds)[:6]}"
    confirming = join_study(storage, name, directions=[DIRECTIONS[objective]], facts=facts, first=None)
    # a grid gives each trial its own finalist by its number, in whichever process it runs
    confirming.sampler = make_sampler("grid", seed=config.seed, grid={_FINALIST: numbers})
    confirming.pruner = make_pruner("none", n_reports=1)
    console.heading(f"{len(finalists)} finalists on {len(folds)} new folds of the same subjects")
    unpruned = replace(space, config=config.model_copy(update={"pruner": "none"}))
    new_folds = replace(inner, folds=folds)

    def score(trial: Trial) -> list[float]:
        number = trial.suggest_categorical(_FINALIST, numbers)
        return evaluate(trial, unpruned, new_folds, cache, values=values_of(finalists[number]))

    run_trials(
        confirming,
        len(finalists),
        score,
        label="finalists",
        describe=_describe,
        heartbeat_s=heartbeat_s,
        console=console,
    )
    complete = confirming.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    by_fold = {
        int(trial.params[_FINALIST]): tuple(scores[objective] for scores in fold_scores_of(trial)) for trial in complete
    }
    stored = FinalistScores(
        study=name,
        ended=n_finished(study),
        standing=baseline,
        tested_to_trained=1 / (len(inner.folds) - 1),
        searched={number: float(finalists[number].values[0]) for number in sorted(by_fold)},
        by_fold={number: by_fold[number] for number in sorted(by_fold)},
    )
    study.set_user_attr(FINALIST_SCORES, stored.model_dump(mode="json"))


def _finalists(study: Study, space: Space) -> tuple[dict[int, FrozenTrial], int | None]:
    """Return the trials to score again, by number, and which of them is the baseline."""
    finished = study.get_trials(deepcopy=False, states=FINISHED)
    baseline_recipes = space.recipes({})
    baseline = next((one for one in finished if space.recipes(values_of(one)) == baseline_recipes), None)
    sign = sign_of(study)
    best = sorted(
        (trial for trial in finished if trial.state == TrialState.COMPLETE),
        key=lambda trial: (-sign * trial.values[0], trial.number),
    )
    chosen: dict[str, FrozenTrial] = {}
    for trial in best:
        if len(chosen) < space.config.finalists:
            chosen.setdefault(digest(values_of(trial)), trial)
    if baseline is not None:
        chosen[digest(values_of(baseline))] = baseline
    return {trial.number: trial for trial in chosen.values()}, None if baseline is None else baseline.number


def _describe(trial: FrozenTrial) -> str:
    value = f"{trial.values[0]:.3f}" if trial.state == TrialState.COMPLETE else "failed"
    return f"finalist {trial.params.get(_FINALIST, '')}: {value}"
