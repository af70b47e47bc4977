"""The engine of every training: the folds of an experiment, trained, predicted, recorded; a training has one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Literal

import numpy as np

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.executors.local import LocalExecutor
from ckseq.executors.work import Executor
from ckseq.experiment.dataset import Dataset, noun_in
from ckseq.experiment.finished import Finished
from ckseq.experiment.fold import FoldResult, Job, describe_epoch, load_fold, train_fold
from ckseq.experiment.fold_models import MODELS, Kept, holds_model
from ckseq.experiment.fold_work import Work, train_all
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.record import notes_of_both, what_differs
from ckseq.experiment.report_crops import keep_crops
from ckseq.experiment.run_setup import fold_folder, jobs_of, set_up
from ckseq.experiment.trainer import save_feature_extractor
from ckseq.grammar import agreeing, counted
from ckseq.learn import backend, system_memory
from ckseq.learn.checkpoint import CHECKPOINT, read_checkpoint, remove_checkpoint
from ckseq.learn.extract import EXTRACTOR
from ckseq.learn.trainer import Trainer
from ckseq.report.data_parts import swapped_parts
from ckseq.storage.complete_run import digests_of, read_complete_run
from ckseq.storage.examples import write_examples
from ckseq.storage.facs_codes import CODES, write_codes
from ckseq.storage.files import remove_temporaries
from ckseq.storage.history import HISTORY, write_history
from ckseq.storage.lock import locked
from ckseq.storage.predictions import PREDICTIONS, Predictions, write_predictions
from ckseq.storage.prefix_predictions import EARLY, write_prefix_predictions
from ckseq.storage.replacement import beside, exchange, recover
from ckseq.storage.run_record import RUN, RunRecord, read_run, write_run
from ckseq.storage.work_log import no_log, work_log

WORK = "work.jsonl"
FILES = (PREDICTIONS, EARLY, HISTORY, *MODELS, EXTRACTOR, CODES)
# what an estimator's process needs beside the sequences, and how often these stand in memory while it trains
_PROCESS_BYTES, _COPIES = 1.5e9, 6


def run_experiment(
    store: Path,
    recipe: Experiment,
    *,
    kind: Literal["training", "cross_validation"],
    command: Sequence[str],
    out: Path,
    seeds: Sequence[int],
    notes: Sequence[str] = (),
    jobs: int = 1,
    cluster: Executor | None = None,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    keep_models: bool = False,
    hold_models: bool = False,
    console: Console,
) -> Finished:
    """Train and test every fold with every seed, and leave a complete run folder.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    recipe : Experiment
    kind : str
        A training has one fold and one seed and keeps its model; a cross-validation keeps predictions only, unless
        ``keep_models``.
    command : sequence of str
        The words of a command line that makes this run.
    out : Path
        The run folder.
    seeds : sequence of int
        Of the trainings; sequences and folds are the same for all.
    notes : sequence of str
        What a reader of the result should know besides.
    jobs : int
        So many folds at once, -1 for one per core, and no more than the memory holds.
    cluster : Executor, optional
        Where the folds of a cross-validation are trained, instead of ``jobs`` processes of this machine.
    overwrite : bool
        Replace the run at ``out``.
    resume : bool
        Go on with the run at ``out``, fold by fold and epoch by epoch; it ends in the same predictions to the byte.
    fit_memory : bool
        Choose by itself what makes a training fit into memory without changing its mathematics.
    keep_models : bool
        Keep the model of every fold of a cross-validation, too, in its fold's folder.
    hold_models : bool
        Keep those of the first seed that are trained now, until `ckseq.experiment.fold_models.drop_models`.
    console : Console

    Raises
    ------
    CallError
        ``out`` is in the way, or holds a run made otherwise than the one to resume; the folds do not suit the kind.
    CkseqError
        A training would need more memory than there is.
    DataError
        The store has too little for the experiment or its folds.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; what was trained is kept.
    """
    with locked(out):
        recover(out)
        check_target(out, overwrite=overwrite, resume=resume)
        # what stands there is replaced when the new run is complete, and not before
        replaces = overwrite and out.is_dir()
        folder = beside(out) if replaces else out
        resumes = (resume or replaces) and (folder / RUN).is_file()
        earlier = read_run(folder) if resumes else None
        dataset, recipe, run = set_up(
            store,
            recipe,
            kind=kind,
            command=command,
            seeds=seeds,
            notes=notes,
            fit_memory=fit_memory,
            earlier=earlier,
            console=console,
        )
        memory = run.memory
        if replaces and (earlier is None or what_differs(earlier, run)):
            # nothing, or an unfinished replacement by another run
            shutil.rmtree(folder, ignore_errors=True)
            earlier = None
        if earlier is not None:
            check_same(earlier, run, out)
            # a complete run may be asked for more seeds
            places = [folder / fold_folder(one.seed, one.fold) for one in earlier.trainings]
            lacks_models = keep_models and not all(map(holds_model, places))
            if earlier.state == "complete" and earlier.seeds == run.seeds and not lacks_models:
                if replaces:  # whoever was killed before the exchange
                    exchange(out)
                n = len(earlier.trainings)
                _remove_leftovers(out)
                done = (
                    counted(n, "training")
                    if n > 1 or not earlier.epochs_done
                    else counted(earlier.epochs_done, "epoch")
                )
                console.say(f"{out} is complete already: {done}")
                return Finished(*read_complete_run(out, of_units=None))
            run = run.changed(created=earlier.created, notes=notes_of_both(earlier, run))
        elif resume:
            console.say(f"there is nothing in {out} to resume: starting anew")
        memory_note = memory.sentence if memory else ""
        for note in (swapped_parts(run), *run.notes, *run.balance_notes, run.protocol.sentence, memory_note):
            if note:
                console.say(note)
        finished = _train_and_finish(
            folder,
            run,
            dataset,
            recipe,
            jobs,
            cluster,
            "--overwrite" if replaces else "--resume",
            Kept(every=keep_models, first_seed=hold_models),
            console,
        )
        if replaces:
            exchange(out)
        return finished


def check_target(out: Path, *, overwrite: bool, resume: bool) -> None:
    """Refuse a target that is in the way: a file, a folder of something else, a run without --resume or --overwrite."""
    if overwrite and resume:
        raise CallError("--overwrite and --resume exclude each other")
    if out.exists() and not out.is_dir():
        raise CallError("is a file", out, "name a folder")
    if not out.is_dir():
        return
    remove_temporaries(out)  # of a process that was killed before it wrote anything
    if not any(out.iterdir()):
        return
    if not (out / RUN).is_file():
        raise CallError("is in use, and not by a run", out, "name another folder")
    if not overwrite and not resume:
        if _is_complete(out):
            what = "there is a run already, and it is complete"
            raise CallError(what, out, "--overwrite replaces it; or name another --out")
        raise CallError("there is a run already", out, "--resume goes on with it, --overwrite replaces it")


def _is_complete(out: Path) -> bool:
    try:
        return read_run(out).state == "complete"
    except DataError:  # of a damaged record it is not known
        return False


def check_same(earlier: RunRecord, run: RunRecord, out: Path) -> None:
    """Refuse to go on with a run that was made otherwise."""
    if found := what_differs(earlier, run):
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise CallError(
            f"the run there was made otherwise: {'; '.join(found[:3])}{more}",
            out,
            "name another --out, or start anew with --overwrite",
        )


def _train_and_finish(
    out: Path,
    run: RunRecord,
    dataset: Dataset,
    recipe: Experiment,
    jobs: int,
    cluster: Executor | None,
    again: str,
    models: Kept,
    console: Console,
) -> Finished:
    alone = run.kind == "training"
    work = jobs_of(run, dataset, out)
    made_from = {job: job.made_from(recipe) for job in work}
    write_run(out, run)
    kept = [] if alone else [job for job in work if not models.every or holds_model(job.folder)]
    done = {job: found for job in kept if (found := load_fold(job, made_from[job])) is not None}
    if done:
        console.say(f"{len(done)} of {counted(len(work), 'training')} {agreeing(len(done), 'is', 'are')} done already")
    left = [job for job in work if job not in done]
    try:
        if alone:
            done[work[0]] = _train_alone(work[0], dataset, recipe, made_from[work[0]], console)
        else:
            executor = cluster or LocalExecutor(_n_workers(jobs, dataset, run))
            kept_models = {job: models.holds(job, run) for job in left}
            with work_log(out / WORK) if cluster else nullcontext(no_log) as log:
                done |= train_all(Work(left, made_from, dataset, recipe, kept_models), executor, log, console)
    except KeyboardInterrupt:
        epochs = (
            checkpoint.epochs if alone and (checkpoint := read_checkpoint(out, made_from=made_from[work[0]])) else ()
        )
        if epochs:
            write_history(out, epochs)
        write_run(out, run.changed(state="interrupted", epochs_done=len(epochs)))
        after = f" after epoch {len(epochs)}" if epochs else ""
        console.say(f"interrupted{after}; go on with: {run.command} {again}")
        raise
    return _finish(out, run, [done[job] for job in work], dataset, recipe, console)


def _n_workers(jobs: int, dataset: Dataset, run: RunRecord) -> int:
    """Return how many processes train at once: as many as asked for, and as the free memory holds."""
    asked = (os.cpu_count() or 1) if jobs < 0 else max(1, jobs)
    held = dataset.x.nbytes if isinstance(dataset.x, np.ndarray) else 0
    need = run.memory.estimated_bytes["total"] if run.memory else _PROCESS_BYTES + _COPIES * held
    return max(1, min(asked, int(system_memory.free_bytes() / need)))


def _train_alone(job: Job, dataset: Dataset, recipe: Experiment, made_from: str, console: Console) -> FoldResult:
    """Train the one fold of a training, epoch by epoch on the progress bar."""
    n_train, n_test, noun = len(job.fold.train), len(job.fold.test), noun_in(recipe)

    def show(trainer: Trainer) -> None:
        size = "" if trainer.n_parameters is None else f"{trainer.n_parameters:,} parameters, "
        n_validation = len(job.fold.validation) if recipe.training.validation == "given" else 0
        more = f", {n_validation} to validate on" if n_validation else ""
        sides = f"{n_train} {noun.many} to train on{more}, {n_test} to test on"
        if trainer.ready_made:
            sides = f"not trained; {noun.counted(n_test)} to test on"
        console.say(f"{recipe.model_name}: {size}{sides}; {backend.device()}")

    checkpoint = read_checkpoint(job.folder, made_from=made_from)
    n_done = len(checkpoint.epochs) if checkpoint else 0
    if n_done:
        console.say(f"resuming after epoch {n_done}")
    with console.progress("epochs", recipe.training.epochs - n_done) as bar:
        return train_fold(
            job,
            dataset,
            recipe,
            made_from,
            seed_of_rows=None,
            on_built=show,
            on_epoch=lambda epoch: bar.advance(text=describe_epoch(epoch, recipe)),
        )


def _finish(
    out: Path, run: RunRecord, results: Sequence[FoldResult], dataset: Dataset, recipe: Experiment, console: Console
) -> Finished:
    """Bring the predictions of all folds together, and write what the run consists of; ``run.json`` last."""
    rows = sorted(
        (row for one in results for row in one.predictions.rows), key=lambda row: (row.seed or 0, row.recording)
    )
    predictions = Predictions(dataset.labels, tuple(rows), multi_label=recipe.predicts_units)
    write_predictions(out, predictions)
    if early := [row for one in results for row in one.prefixes]:
        early.sort(key=lambda row: (row.seed or 0, row.recording, row.share))
        write_prefix_predictions(out, dataset.labels, early)
    if epochs := [epoch for one in results for epoch in one.epochs]:
        write_history(out, epochs)
    assert run.store is not None
    if run.kind == "training" and results[0].trained is not None:
        results[0].trained.save(out)
        save_feature_extractor(out, run, recipe)
    write_examples(out, dataset.examples)
    tested = {row.recording for row in rows}
    codes = {one.id: one.action_units for one in dataset.entries if one.id in tested and one.action_units is not None}
    if codes:
        write_codes(out, codes)
    if not predictions.multi_label:
        keep_crops(out, Path(run.store.path), predictions, console, digest=run.store.digest)
    places = [fold_folder(one.done.training.seed, one.done.training.fold) for one in results]
    models = [f"{place}/{name}" for place in places for name in MODELS]
    at_chance = _notes_at_chance(results, recipe)
    for note in at_chance:
        console.warn(note)
    run = run.changed(
        state="complete",
        notes=(*run.notes, *at_chance),
        model=results[0].done.model,
        device=results[0].done.device,
        trainings=tuple(one.done.training for one in results),
        epochs_done=len(epochs),
        files=digests_of(out, (*FILES, *models)),
    )
    write_run(out, run)
    _remove_leftovers(out)
    return Finished(run, predictions)


def _notes_at_chance(results: Sequence[FoldResult], recipe: Experiment) -> list[str]:
    """Return what a reader must know of networks that did not learn."""
    found = [one for one in results if one.done.training.at_chance]
    if not found:
        return []
    which = "the network" if len(results) == 1 else f"{len(found)} of {len(results)} networks"
    return [note_at_chance(which, found[0].epochs[-1].loss, recipe)]


def note_at_chance(which: str, loss: float, recipe: Experiment) -> str:
    """Return what to say of networks that did not learn, and what to try."""
    options = ["training.restarts=3", "training.clip_norm=1"]
    options += ["model.activation=tanh"] if getattr(recipe.model, "activation", None) == "relu" else []
    return (
        f"{which} did not learn: training ended at a loss of {loss:.3f}, no better than that of "
        f"always predicting the class frequencies; train for longer, or try --set {', --set '.join(options)}"
    )


def _remove_leftovers(out: Path) -> None:
    """Remove what a complete run needs no more, and what killed processes left in its folder."""
    remove_temporaries(out, below=True)
    for path in out.rglob(CHECKPOINT):
        remove_checkpoint(path.parent)
