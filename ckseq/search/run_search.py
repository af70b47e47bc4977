"""A search on one set of inner folds: a study, its trials, and its finalists."""

from __future__ import annotations

import math

from optuna.storages import BaseStorage
from optuna.study import Study

from ckseq.config import digest
from ckseq.console import Console
from ckseq.experiment.targets import check_classes
from ckseq.search.finalists import score_finalists
from ckseq.search.inner_folds import InnerFolds
from ckseq.search.samplers import make_pruner, make_sampler
from ckseq.search.search_config import DIRECTIONS
from ckseq.search.space import Space
from ckseq.search.study import SearchFacts, join_study
from ckseq.search.trial import evaluate
from ckseq.search.trial_cache import TrialCache
from ckseq.search.trial_facts import describe_trial
from ckseq.search.trial_loop import run_trials


def run_search(
    space: Space,
    inner: InnerFolds,
    cache: TrialCache,
    *,
    storage: BaseStorage,
    name: str,
    n_trials: int,
    heartbeat_s: float,
    console: Console,
) -> Study:
    """Create or join a study, run trials until it has ``n_trials``, and score its finalists on new folds.

    Raises
    ------
    DataError
        The study is about another search, several trials in a row failed, or the storage cannot be reached.
    """
    config = space.config
    grid = space.grid() if config.sampler == "grid" else None
    if grid is not None:
        n_trials = min(n_trials, math.prod(map(len, grid.values())))
    study = join_study(
        storage,
        name,
        directions=[DIRECTIONS[objective] for objective in config.objectives],
        facts=_facts(space, inner),
        # the first trial is the baseline; a grid has an order of its own, and may not contain the baseline
        first=None if grid is not None else space.baseline(),
    )
    study.sampler = make_sampler(config.sampler, seed=config.seed, grid=grid)
    study.pruner = make_pruner(config.pruner, n_reports=_n_reports(space))
    subjects = {one.subject for one in inner.data.recordings}
    console.heading(f"study {name!r}: {n_trials} trials over {len(space.dimensions)} hyperparameters")
    console.say(
        f"{len(inner.data.recordings)} sequences of {len(subjects)} subjects in {len(inner.folds)} inner folds; "
        f"{len(inner.held_out)} {'subject is' if len(inner.held_out) == 1 else 'subjects are'} held out for the test"
    )
    if len(inner.held_out) == 1:
        console.warn(
            f"the test after the search is on one subject, {inner.held_out[0]}, and says nothing about others; "
            "add subjects, or set protocol.test_share higher"
        )
    run_trials(
        study,
        n_trials,
        lambda trial: evaluate(trial, space, inner, cache),
        label="trials",
        describe=lambda trial: describe_trial(trial, config.objectives),
        heartbeat_s=heartbeat_s,
        console=console,
    )
    score_finalists(study, space, inner, cache, storage=storage, heartbeat_s=heartbeat_s, console=console)
    return study


def _facts(space: Space, inner: InnerFolds) -> SearchFacts:
    recipes = space.recipes({})
    check_classes(recipes.experiment, "tune")
    return SearchFacts(
        space=[dimension.as_json() for dimension in space.dimensions],
        search=space.name,
        pipeline=recipes.pipeline.model_dump(mode="json"),
        experiment=recipes.experiment.model_dump(mode="json"),
        objectives=space.config.objectives,
        data=digest([[one.id, one.label, inner.data.source_digests[one.id]] for one in inner.data.recordings]),
        folds=digest([list(subjects) for subjects in inner.folds]),
        test_subjects=() if recipes.experiment.protocol.kind == "given" else inner.held_out,
    )


def _n_reports(space: Space) -> int:
    """Return the number of values that a complete trial reports to the pruner."""
    epochs = 1 if space.config.prune_by == "fold" else space.recipes({}).experiment.training.epochs
    return space.config.folds * epochs
