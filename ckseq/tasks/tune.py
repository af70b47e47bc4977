"""``ckseq tune``: a search over preprocessing and network, shared by any number of processes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ckseq.config import digest
from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.preprocessing.data_set import find_source, notes_of
from ckseq.search.finalists import as_json, confirm, outcome_of, say_outcome
from ckseq.search.inner_folds import inner_of, labeled, outer_splits
from ckseq.search.space import DIRECTIONS, Space, load_space
from ckseq.search.study import CACHE, STUDY, draw, open_study, served, winners_of
from ckseq.search.study_storage import load_optuna, open_storage, without_password
from ckseq.storage.cache import trim

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from optuna.study import Study
    from optuna.trial import FrozenTrial

    from ckseq.search.trial import InnerFolds, TrialCache

_GB = 10**9


def tune(
    data: Path,
    *,
    search: str,
    storage: str | None,
    study: str | None,
    trials: int | None,
    out: Path,
    settings: Sequence[str] = (),
    source: str | None = None,
    seed: int | None = None,
    jobs: int = -1,
    cache_gb: float = 20.0,
    heartbeat_s: float = 30.0,
    nested: bool = False,
    console: Console,
) -> dict[str, Any]:
    """Search for the recipe that tells people apart best whom it has not learnt from; those to be tested are kept out.

    Parameters
    ----------
    data : Path
        A data set.
    search : str
        A search's name or path.
    storage : str, optional
        Where the trials are kept; ``study.db`` in ``out`` if not given.
    study : str, optional
        The study's name; the search's own if not given. A study of that name is gone on with.
    trials : int, optional
        Of the study as a whole; the search's own number if not given.
    out : Path
        A folder for the cache, the pictures, and the study where ``storage`` is not given.
    settings : sequence of str
        ``section.key=value`` for the recipes that are varied, ``search.key=value`` for the search.
    source : str, optional
        The layout of the data.
    seed : int, optional
        Of the proposals, instead of the search's own.
    jobs : int
        Processes that prepare recordings.
    cache_gb : float
        The cache is kept below so many gigabytes.
    heartbeat_s : float
        How often a running trial says that it lives.
    nested : bool
        Search anew for every outer fold, and test each winner on the people of its fold: that tells what a search is
        worth, not which recipe is best.
    console : Console

    Returns
    -------
    dict
        ``study``, ``storage``, ``complete``, ``pruned``, ``failed_trials``, ``best`` (trial, objectives, values: the
        winner, or with two objectives the front), ``finalists`` (who they are, which was chosen and by which rule; None
        where there were none), ``served_from_cache`` (shares by stage), ``cache_bytes``, ``page``; what a nested search
        gives, `ckseq.search.nested.score_winners` tells.

    Raises
    ------
    CallError
        The search is wrong, its protocol puts people on both sides, or a package is missing.
    DataError
        The data cannot be used, the storage is out of reach, or its study is another.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; the trial that ran waits for the next process.
    """
    load_optuna()
    from ckseq.search.samplers import check_sampler

    space = load_space(search, [*settings, *([f"search.seed={seed}"] if seed is not None else [])])
    check_sampler(space.config.sampler, n_objectives=len(space.config.objectives))
    if out.is_file():
        raise CallError("is a file", out, "name a folder")
    recordings = labeled(find_source(data, source).scan(data), space)
    outer = outer_splits(recordings, space, nested=nested)
    if len(outer) > 1 and not nested:
        raise CallError(
            f"protocol.kind = {outer[0].kind} has {len(outer)} folds, and a search keeps one part for the test",
            fix="set protocol.kind to subject_holdout, or search once for every fold with --nested",
        )
    url = storage or f"sqlite:///{out / STUDY}"
    opened = open_storage(url)
    console.step(f"searching in {without_password(url)}")
    shop = workshop(out, jobs=jobs, cache_gb=cache_gb)
    out.mkdir(parents=True, exist_ok=True)
    found = []
    for split in outer:
        inner = inner_of(recordings, split, space, notes=notes_of(data), jobs=jobs)
        study_of_fold = search_one(
            space,
            inner,
            shop,
            storage=opened,
            name=(study or space.name) + (f"_fold{split.fold}" if nested else ""),
            trials=trials or space.config.trials,
            heartbeat_s=heartbeat_s,
            console=console,
        )
        found.append(_result(study_of_fold, space, url, shop, out, console))
    if not nested:
        return found[0]
    from ckseq.search.nested import score_winners

    studies = [open_study(one["study"], url, out) for one in found]
    return {**score_winners(studies, outer, recordings, shop, study or space.name, out, console), "searches": found}


def workshop(out: Path, *, jobs: int, cache_gb: float) -> TrialCache:
    """Return where trials are worked on, within the folder of the search."""
    from ckseq.search.trial import TrialCache

    return TrialCache(out / CACHE, int(cache_gb * _GB), jobs)


def search_one(
    space: Space,
    inner: InnerFolds,
    shop: TrialCache,
    *,
    storage: BaseStorage,
    name: str,
    trials: int,
    heartbeat_s: float,
    console: Console,
) -> Study:
    """Begin or join a study, take trials until it has as many as asked for, and score its finalists again."""
    from ckseq.search.samplers import make_pruner, make_sampler
    from ckseq.search.trial import evaluate, take
    from ckseq.search.trial_loop import join_study

    config = space.config
    grid = space.grid() if config.sampler == "grid" else None
    if grid is not None:
        trials = min(trials, _size(grid))
    sampler = make_sampler(config.sampler, seed=config.seed, grid=grid)
    pruner = make_pruner(config.pruner, steps=_steps(space))
    study = join_study(
        storage,
        name,
        directions=[DIRECTIONS[objective] for objective in config.objectives],
        about=_about(space, inner),
        # a grid has its own order, and holds the recipe as it stands if it is to be tried
        first=None if grid is not None else space.start(),
    )
    study.sampler, study.pruner = sampler, pruner
    people = {one.subject for one in inner.recordings}
    console.step(f"study {name!r}: {trials} trials over {len(space.dimensions)} fields")
    console.say(
        f"{len(inner.recordings)} sequences of {len(people)} people in {len(inner.folds)} inner folds; "
        f"{len(inner.kept_out)} people are kept out, to test on in the end"
    )
    take(
        study,
        trials,
        lambda trial: evaluate(trial, space, inner, shop),
        label="trials",
        told=lambda trial: _told(trial, space),
        heartbeat_s=heartbeat_s,
        console=console,
    )
    confirm(study, space, inner, shop, storage=storage, heartbeat_s=heartbeat_s, console=console)
    return study


def _about(space: Space, inner: InnerFolds) -> dict[str, Any]:
    """Return what a study is about: all that makes two trials comparable."""
    recipes = space.recipes({})
    about = {
        "space": [
            {key: value for key, value in vars(dimension).items() if value not in (None, (), {})}
            | ({"when": {path: list(values) for path, values in dimension.when.items()}} if dimension.when else {})
            | ({"choices": list(dimension.choices)} if dimension.choices else {})
            for dimension in space.dimensions
        ],
        "search": space.name,
        "pipeline": recipes.pipeline.model_dump(mode="json"),
        "experiment": recipes.experiment.model_dump(mode="json"),
        "objectives": list(space.config.objectives),
        "data": digest([[one.id, one.label, inner.source_digests[one.id]] for one in inner.recordings]),
        "folds": digest([list(subjects) for subjects in inner.folds]),
        "test_subjects": [] if recipes.experiment.protocol.kind == "given" else list(inner.kept_out),
    }
    # as the storage gives it back
    read: dict[str, Any] = json.loads(json.dumps(about))
    return read


def _size(grid: dict[str, list[Any]]) -> int:
    size = 1
    for values in grid.values():
        size *= len(values)
    return size


def _steps(space: Space) -> int:
    if space.config.prune_by == "fold":
        return space.config.folds
    return space.config.folds * space.recipes({}).experiment.training.epochs


def _told(trial: FrozenTrial, space: Space) -> str:
    facts = trial.user_attrs.get("preprocessing", {})
    took = f", prepared in {facts['seconds']:.1f} s" if facts else ""
    if trial.state.name != "COMPLETE":
        return f"trial {trial.number}: {'pruned' if trial.state.name == 'PRUNED' else 'failed'}{took}"
    figures = ", ".join(
        f"{name} {value:.3f}" for name, value in zip(space.config.objectives, trial.values, strict=True)
    )
    return f"trial {trial.number}: {figures}{took}"


def _result(study: Study, space: Space, url: str, shop: TrialCache, out: Path, console: Console) -> dict[str, Any]:
    from ckseq.search.trial_loop import tally

    counts = tally(study)
    best, outcome = winners_of(study), outcome_of(study)
    shares = served(study)
    held = trim(shop.cache, shop.limit_bytes)
    page = draw(study, out)
    table = Table("trial", *space.config.objectives, "recipe", box=None)
    for trial in best[:5]:
        changed = ", ".join(f"{path} = {value}" for path, value in trial.user_attrs["values"].items())
        table.add_row(str(trial.number), *(f"{value:.3f}" for value in trial.values), changed)
    if outcome is not None:
        say_outcome(outcome, console)
    console.say(table)
    console.say(
        f"{counts.complete} trials complete, {counts.pruned} pruned, {counts.failed} failed; "
        f"{shares.get('any', 0):.0%} of the recordings came from the cache, which holds {held / _GB:.1f} GB; "
        f"the pictures are in {page}"
    )
    console.say(f"next: ckseq tune best {study.study_name} --out {out}")
    return {
        "schema": 1,
        "study": study.study_name,
        "storage": without_password(url),
        **{"complete": counts.complete, "pruned": counts.pruned, "failed_trials": counts.failed},
        "best": [
            {
                "trial": trial.number,
                "objectives": dict(zip(space.config.objectives, trial.values, strict=True)),
                "values": trial.user_attrs["values"],
            }
            for trial in best
        ],
        "finalists": None if outcome is None else as_json(outcome),
        "served_from_cache": shares,
        "cache_bytes": held,
        "page": str(page),
    }
