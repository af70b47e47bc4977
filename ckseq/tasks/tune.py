"""``ckseq tune``: a search over preprocessing and network, shared by any number of processes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ckseq.console import Console
from ckseq.defaults import CACHE_GB, HEARTBEAT_S
from ckseq.errors import CallError
from ckseq.experiment.early_checks import check_before_work
from ckseq.preprocessing.data_set import find_source, notes_of
from ckseq.search.inner_folds import labeled_recordings, make_inner_folds, outer_folds
from ckseq.search.space import load_space
from ckseq.search.study_storage import load_optuna, open_storage, without_password

if TYPE_CHECKING:
    from ckseq.search.nested import NestedResult
    from ckseq.search.results import SearchResult

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
    cache_gb: float = CACHE_GB,
    heartbeat_s: float = HEARTBEAT_S,
    nested: bool = False,
    console: Console,
) -> SearchResult | NestedResult:
    """Search the hyperparameters of preprocessing and network that score best in subject-independent inner folds.

    The test subjects of the experiment are held out of the search.

    Parameters
    ----------
    data : Path
        A data set.
    search : str
        A search's name or path.
    storage : str, optional
        The URL of a database or journal; ``study.db`` in ``out`` if not given.
    study : str, optional
        The study's name; the search's name if not given. An existing study of that name is resumed.
    trials : int, optional
        Number of trials of the study as a whole; the search's own if not given.
    out : Path
        A folder for the cache, the figures, and the study if ``storage`` is not given.
    settings : sequence of str
        ``section.key=value`` for the baseline recipes, ``search.key=value`` for the search.
    source : str, optional
        The layout of the data.
    seed : int, optional
        Of the sampler, instead of the search's own.
    jobs : int
        Number of processes that preprocess recordings.
    cache_gb : float
        Size limit of the cache, gigabytes.
    heartbeat_s : float
        Seconds between two heartbeats of a running trial.
    nested : bool
        Nested cross-validation: search once for every outer fold, and test each selected recipe on the subjects of its
        fold. It estimates how well a search generalizes, and does not say which recipe is best.
    console : Console

    Returns
    -------
    SearchResult, or NestedResult if ``nested``

    Raises
    ------
    CallError
        The search is wrong, its protocol is not subject-independent, or a package is missing.
    DataError
        The data cannot be used, the storage cannot be reached, or its study is about another search.
    KeyboardInterrupt
        Ctrl-C was pressed; the interrupted trial is enqueued for the next process.
    """
    load_optuna()
    from ckseq.search.nested import score_nested
    from ckseq.search.results import report_search
    from ckseq.search.run_search import run_search
    from ckseq.search.samplers import check_sampler
    from ckseq.search.study import CACHE_FOLDER, STUDY_FILE, check_name
    from ckseq.search.trial_cache import TrialCache

    space = load_space(search, [*settings, *([f"search.seed={seed}"] if seed is not None else [])])
    name = study or space.name
    check_name(name)
    check_sampler(space.config.sampler, n_objectives=len(space.config.objectives))
    if out.is_file():
        raise CallError("is a file", out, "name a folder")
    recordings = labeled_recordings(find_source(data, source).scan(data), space)
    baseline = space.recipes({})
    check_before_work(recordings, baseline.pipeline, baseline.experiment)
    outer = outer_folds(recordings, space, nested=nested)
    url = storage or f"sqlite:///{out / STUDY_FILE}"
    opened = open_storage(url)
    console.heading(f"searching in {without_password(url)}")
    cache = TrialCache(out / CACHE_FOLDER, int(cache_gb * _GB), jobs)
    out.mkdir(parents=True, exist_ok=True)
    studies, results = [], []
    for fold in outer:
        finished = run_search(
            space,
            make_inner_folds(recordings, fold, space, notes=notes_of(data), jobs=jobs),
            cache,
            storage=opened,
            name=f"{name}_fold{fold.number}" if nested else name,
            n_trials=trials or space.config.trials,
            heartbeat_s=heartbeat_s,
            console=console,
        )
        studies.append(finished)
        results.append(report_search(finished, url, cache, out, console))
    if not nested:
        return results[0]
    scores = score_nested(studies, outer, recordings, cache, name=name, out=out, console=console)
    return {**scores, "searches": results}
