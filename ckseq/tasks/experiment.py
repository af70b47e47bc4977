"""From images to report in one go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.early_checks import check_before_work
from ckseq.experiment.recipe import load_experiment, settings_for
from ckseq.storage.run_record import RUN
from ckseq.tasks.explain import explain_sample
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.report import report
from ckseq.tasks.train import train


def experiment(
    name: str,
    *,
    data: Path,
    out: Path,
    source: str | None = None,
    settings: Sequence[str] = (),
    seed: int | None = None,
    jobs: int = -1,
    on: str | None = None,
    overwrite: bool = False,
    fit_memory: bool = False,
    strict: bool = False,
    explain: bool = False,
    console: Console,
) -> dict[str, Any]:
    """Preprocess what the experiment needs, train, report; what is there already is not done again.

    Parameters
    ----------
    name : str
        An experiment's name or path.
    data : Path
        The data set.
    out : Path
        Gets ``store.h5`` and the run folder ``run`` with ``report.html``.
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
        ``out`` holds something else, or a recipe is wrong.
    DataError
        The data cannot be used.
    """
    of_pipeline, of_experiment = settings_for(settings)
    recipe = load_experiment(name, of_experiment)
    if out.is_file():
        raise CallError("is a file", out, "name a folder")
    store, run = out / "store.h5", out / "run"
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
        strict=strict,
        check=lambda recordings, pipeline: check_before_work(recordings, pipeline, recipe),
        console=console,
    )
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
    return {"store": str(store), "run": str(run), **trained, **reported, "failed": prepared["failed"]}
