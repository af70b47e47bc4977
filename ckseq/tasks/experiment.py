"""From images to report in one go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.early_checks import check_before_work
from ckseq.experiment.recipe import load_experiment, settings_for
from ckseq.storage.cache import Cache
from ckseq.storage.run_record import RUN
from ckseq.storage.store import open_store
from ckseq.tasks.explain import explain_sample
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.report import report
from ckseq.tasks.train import train


def experiment(
    name: str,
    *,
    out: Path,
    data: Path | None = None,
    store: Path | None = None,
    source: str | None = None,
    settings: Sequence[str] = (),
    seed: int | None = None,
    jobs: int = -1,
    on: str | None = None,
    overwrite: bool = False,
    fit_memory: bool = False,
    strict: bool = False,
    cache: Cache | None = None,
    explain: bool = False,
    console: Console,
) -> dict[str, Any]:
    """Preprocess what the experiment needs, train, report; what is there already is not done again.

    Parameters
    ----------
    name : str
        An experiment's name or path.
    out : Path
        Gets ``store.h5``, unless a store is given, and the run folder ``run`` with ``report.html``.
    data : Path, optional
        The data set; this or a store is needed.
    store : Path, optional
        A prepared store, which is used as it is.
    source : str, optional
        The layout of the data.
    settings : sequence of str
        ``section.key=value`` for the pipeline's and the experiment's fields.
    seed : int, optional
        Instead of the experiment's own.
    jobs : int
        Processes; -1 is one per core.
    on : str, optional
        Preprocess on a cluster, see `ckseq.executors.choice.executor_for`; the one training runs here.
    overwrite : bool
        Replace what stands at ``out``.
    fit_memory : bool
        Choose by itself what makes the training fit into memory without changing its mathematics.
    strict : bool
        Refuse data of which something cannot be used.
    cache : Cache, optional
        Keeps the face crops for other experiments on the same data.
    explain : bool
        Explain some test sequences of each class, for the report.
    console : Console

    Returns
    -------
    dict
        ``store``, ``run``, ``report``, the headline scores, ``failed`` recordings.

    Raises
    ------
    CallError
        ``out`` holds something else, a recipe is wrong, or not one of ``data`` and ``store`` is given.
    DataError
        The data cannot be used.
    """
    of_pipeline, of_experiment = settings_for(settings)
    recipe = load_experiment(name, of_experiment)
    if out.is_file():
        raise CallError("is a file", out, "name a folder")
    run, failed = out / "run", {}
    if store is not None:
        _check_prepared(store, data, of_pipeline)
    elif data is None:
        raise CallError("there is nothing to work on", fix="name a data set with --data, or a store with --store")
    else:
        store = out / "store.h5"
        prepared = preprocess(
            data,
            pipeline=recipe.pipeline,
            out=store,
            settings=of_pipeline,
            source=source,
            classes=None if recipe.predicts_units else recipe.classes,
            jobs=jobs,
            on=on,
            overwrite=overwrite,
            cache=cache,
            strict=strict,
            check=lambda recordings, pipeline: check_before_work(recordings, pipeline, recipe),
            console=console,
        )
        failed = prepared["failed"]
    trained = train(
        store,
        experiment=name,
        out=run,
        settings=of_experiment,
        seed=seed,
        overwrite=overwrite,
        resume=(run / RUN).is_file() and not overwrite,
        fit_memory=fit_memory,
        console=console,
    )
    if explain:
        explain_sample(run, console=console)
    reported = report(run, faces=True, console=console)
    return {"store": str(store), "run": str(run), **trained, **reported, "failed": failed}


def _check_prepared(store: Path, data: Path | None, of_pipeline: Sequence[str]) -> None:
    if data is not None:
        raise CallError("two things to work on are named", fix="drop --data, or drop --store to prepare it again")
    if of_pipeline:
        what = f"is prepared already, and --set {of_pipeline[0]} is for preparing"
        raise CallError(what, store, "name the data set with --data instead, or drop the setting")
    with open_store(store):  # one that is missing or damaged says so before anything is made
        pass
