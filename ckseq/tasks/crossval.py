"""``ckseq crossval``: every sequence is tested once per seed, by a model that was not trained on it."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ckseq.console import Bar, Console
from ckseq.errors import DataError
from ckseq.experiment.dataset import Dataset, gather, noun_in
from ckseq.experiment.early_classification import prefix_predictions
from ckseq.experiment.learner import learner_of
from ckseq.experiment.memory_check import within_memory
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.experiment.report_crops import keep_crops
from ckseq.experiment.run import answers, check_same, check_target, describe, told, with_other_versions
from ckseq.learn import backend, system_memory
from ckseq.learn.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from ckseq.learn.fit import State
from ckseq.protocol.folds import division_digest
from ckseq.protocol.holdout import HOLDOUTS, Split
from ckseq.report.wording import leak_sentences, noun_of
from ckseq.storage.examples import write_examples
from ckseq.storage.history import Epoch, read_history, write_history
from ckseq.storage.predictions import Prediction, Predictions, read_predictions, write_predictions
from ckseq.storage.prefix_predictions import EARLY, PrefixPrediction, read_prefix_predictions, write_prefix_predictions
from ckseq.storage.run_record import RUN, SCHEMA, read_run, write_run
from ckseq.storage.store import Store, open_store

FOLDS = "folds"
# what an estimator's process needs beside the sequences, and how often these stand in memory while it learns
_PROCESS_BYTES, _COPIES = 1.5e9, 6


@dataclass(frozen=True)
class Job:
    """One training of a cross-validation: a seed, a fold, and the folder that keeps its checkpoint and its answers."""

    seed: int
    split: Split
    folder: Path
    store: Path


def crossval(
    store: Path,
    *,
    experiment: str,
    out: Path,
    settings: Sequence[str] = (),
    seed: int | None = None,
    seeds: int = 1,
    jobs: int = 1,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    console: Console,
) -> dict[str, Any]:
    """Train on all folds but one and test on that, for every fold and several seeds.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str
        An experiment's name or path. Where its protocol is a holdout, five subject-disjoint folds take its place.
    out : Path
        The run folder.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    seed : int, optional
        The first seed, instead of the experiment's own.
    seeds : int
        So many seeds, counting up; sequences and folds are the same for all.
    jobs : int
        So many folds at once, -1 for one per core, and no more than the memory holds.
    overwrite : bool
        Replace the run at ``out``.
    resume : bool
        Go on with the run at ``out``, fold by fold and epoch by epoch; it ends in the same predictions to the byte.
    fit_memory : bool
        Choose by itself what makes a training fit into memory without changing its mathematics.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``run``, ``state``, ``folds``, ``seeds``, ``n_test``, ``accuracy`` (mean over the seeds),
        ``accuracy_by_seed``, ``sentence`` (who is on both sides).

    Raises
    ------
    CallError
        ``out`` is in the way, or holds a run made otherwise than the one to resume.
    DataError
        The store has too little for the experiment or its folds.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; what was learnt is kept.
    """
    recipe, notes = _recipe(load_experiment(experiment, settings), seed)
    check_target(out, overwrite=overwrite, resume=resume)
    earlier = read_run(out) if resume and (out / RUN).is_file() else None
    with open_store(store) as opened:
        material = gather(opened, recipe, console)
        recipe, memory = within_memory(recipe, material, fit_memory=fit_memory, earlier=earlier)
        told_seeds = list(range(recipe.seed, recipe.seed + seeds))
        run = {**_describe(opened, material, recipe, notes, told_seeds), "memory": memory}
    settings = [*settings, *memory.get("chosen", ())]
    words = ["ckseq", "crossval", str(store), "--experiment", experiment, "--out", str(out)]
    words += ["--seed", str(recipe.seed), "--seeds", str(seeds), *(w for s in settings for w in ("--set", s))]
    run["command"] = shlex.join(words)
    if earlier is not None:
        check_same(earlier, run, out)
        # a complete run may be asked for more seeds
        if earlier["state"] == "complete" and earlier["seeds"] == run["seeds"]:
            console.say(f"{out} is complete already: {len(material.splits)} folds, {seeds} seeds")
            return _result(out, earlier)
        run = {**run, "created": earlier["created"], "notes": with_other_versions(earlier, run)}
    elif overwrite and out.is_dir():
        shutil.rmtree(out)
    said = (*run["notes"], *run["balance_notes"], run["protocol"]["sentence"], run["memory"].get("sentence", ""))
    for note in filter(None, said):
        console.say(note)
    return _validate(out, run, material, recipe, jobs, console)


def _recipe(recipe: Experiment, seed: int | None) -> tuple[Experiment, list[str]]:
    """Return the experiment with the seed asked for and a protocol that has folds, and a note where that is another."""
    notes = []
    if recipe.protocol.kind in HOLDOUTS:
        protocol = recipe.protocol.model_copy(update={"kind": "subject_k_fold"})
        notes.append(
            f"the experiment's protocol, {recipe.protocol.kind}, tests on one part only: "
            f"cross-validated over {protocol.folds} folds that keep people apart"
        )
        recipe = recipe.model_copy(update={"protocol": protocol})
    return recipe if seed is None else recipe.model_copy(update={"seed": seed}), notes


def _describe(
    store: Store, material: Dataset, recipe: Experiment, notes: list[str], seeds: list[int]
) -> dict[str, Any]:
    said = describe(store, material, recipe)
    tested = sorted(id for split in material.splits for id in split.test)
    subject = {entry.id: entry.subject for entry in material.entries}
    leakage = said["leakage"]
    return {
        **said,
        "notes": [*said["notes"], *notes],
        "seeds": seeds,
        "split": {"folds": [list(split.test) for split in material.splits], "test": tested},
        "protocol": {
            "kind": recipe.protocol.kind,
            "digest": division_digest(material.splits),
            "n_folds": len(material.splits),
            "n_train": min(len(split.train) for split in material.splits),
            "n_test": len(tested),
            "test_subjects": len({subject[id] for id in tested}),
            "shared_subjects": leakage["shared_subjects"],
            "test_sequences_of_shared_subjects": leakage["test_sequences_of_shared_subjects"],
            "sentence": leak_sentences(leakage, noun_in(recipe))[0],
        },
    }


def _validate(
    out: Path, run: dict[str, Any], material: Dataset, recipe: Experiment, jobs: int, console: Console
) -> dict[str, Any]:
    work = [
        Job(seed, split, out / FOLDS / f"seed{seed}_fold{split.fold}", Path(run["store"]["path"]))
        for seed in run["seeds"]
        for split in material.splits
    ]
    write_run(out, run)
    left = [job for job in work if not _is_done(job)]
    if len(left) < len(work):
        console.say(f"{len(work) - len(left)} of {len(work)} trainings are done already")
    try:
        _learn_all(left, material, recipe, _workers(jobs, material, run["memory"]), console)
    except KeyboardInterrupt:
        write_run(out, {**run, "state": "interrupted"})
        console.say(f"interrupted; go on with: {run['command']} --resume")
        raise
    return _gather_folds(out, run, work, material, console)


def _is_done(job: Job) -> bool:
    return (job.folder / RUN).is_file() and read_run(job.folder)["state"] == "complete"


def _workers(jobs: int, material: Dataset, memory: dict[str, Any]) -> int:
    """Return how many processes learn at once: as many as asked for, and as the free memory holds."""
    asked = (os.cpu_count() or 1) if jobs < 0 else max(1, jobs)
    held = material.x.nbytes if isinstance(material.x, np.ndarray) else 0
    need = memory["estimated_bytes"]["total"] if memory else _PROCESS_BYTES + _COPIES * held
    return max(1, min(asked, int(system_memory.free_bytes() / need)))


def _learn_all(work: Sequence[Job], material: Dataset, recipe: Experiment, workers: int, console: Console) -> None:
    with console.progress("folds", len(work)) as bar:
        for job, right in _learned(work, material, recipe, workers, bar):
            share = f"{right} of {len(job.split.test)} right"
            bar.advance(text=f"seed {job.seed}, fold {job.split.fold}: {share}")


def _learned(
    work: Sequence[Job], material: Dataset, recipe: Experiment, workers: int, bar: Bar
) -> Iterator[tuple[Job, int]]:
    if workers == 1 or len(work) < 2:
        for job in work:
            yield job, learn_fold(job, material, recipe, bar)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=workers, return_as="generator")
    results: Iterable[int] = pool(delayed(learn_fold)(job, material, recipe) for job in work)
    yield from zip(work, results, strict=True)


def learn_fold(job: Job, material: Dataset, recipe: Experiment, bar: Bar | None = None) -> int:
    """Train on one fold with one seed, with a checkpoint after every epoch, and keep its answers.

    Returns
    -------
    int
        How many test sequences were named rightly.
    """
    learner = learner_of(recipe, material, seed=job.seed)

    def keep(state: State) -> None:
        write_checkpoint(job.folder, state)
        if bar is not None:
            bar.advance(0, text=f"seed {job.seed}, fold {job.split.fold}, {told(state.epochs[-1])}")

    train, test = (material.side(side)[1] for side in (job.split.train, job.split.test))
    job.folder.mkdir(parents=True, exist_ok=True)
    learned = learner.learn(train=train, watched=test, resume=read_checkpoint(job.folder), on_epoch=keep)
    rows = tuple(answers(learned.model, material, job.split, seed=job.seed))
    write_predictions(job.folder, Predictions(material.labels, rows))
    if early := prefix_predictions(learned.model, job.store, material, job.split, recipe, seed=job.seed):
        write_prefix_predictions(job.folder, material.labels, early)
    write_history(job.folder, learned.epochs)
    told_of_model = {"kind": recipe.model_kind, "n_parameters": learner.n_parameters}
    facts = {
        "state": "complete",
        "seed": job.seed,
        "fold": job.split.fold,
        "n_train": len(job.split.train),
        "n_test": len(job.split.test),
        "epochs_done": len(learned.epochs),
        "chosen_epoch": learned.chosen_epoch,
        "model": {**told_of_model, "input_shape": list(material.x.shape[1:])},
        "device": backend.device(),
        "seconds": {"training": learned.seconds},
    }
    # last, since what stands here is believed to be whole
    write_run(job.folder, facts)
    remove_checkpoint(job.folder)
    return sum(row.truth == row.predicted for row in rows)


def _gather_folds(
    out: Path, run: dict[str, Any], work: Sequence[Job], material: Dataset, console: Console
) -> dict[str, Any]:
    """Bring the answers of all folds together: every sequence once per seed."""
    rows: list[Prediction] = []
    early: list[PrefixPrediction] = []
    epochs: list[Epoch] = []
    done = []
    for job in work:
        answered = read_predictions(job.folder)
        if {row.recording for row in answered.rows} != set(job.split.test):
            raise DataError("holds answers of another fold", job.folder, "remove that folder and go on with --resume")
        rows += answered.rows
        if (job.folder / EARLY).is_file():
            early += read_prefix_predictions(job.folder)[1]
        epochs += read_history(job.folder)
        done.append(read_run(job.folder))
    rows.sort(key=lambda row: (row.seed, row.recording))
    predictions = Predictions(material.labels, tuple(rows))
    write_predictions(out, predictions)
    if early:
        write_prefix_predictions(
            out, material.labels, sorted(early, key=lambda row: (row.seed or 0, row.recording, row.share))
        )
    if epochs:
        write_history(out, epochs)
    write_examples(out, material.examples)
    keep_crops(out, Path(run["store"]["path"]), predictions, console)
    kept = ("seed", "fold", "n_train", "n_test", "epochs_done", "chosen_epoch")
    run.update(
        state="complete",
        model=done[0]["model"],
        device=done[0]["device"],
        folds=[{key: fold[key] for key in kept} for fold in done],
        epochs_done=sum(fold["epochs_done"] for fold in done),
        seconds={"training": sum(fold["seconds"]["training"] for fold in done)},
    )
    write_run(out, run)
    result = _result(out, run)
    console.say(
        f"accuracy {result['accuracy']:.3f} over {run['protocol']['n_test']} {noun_of(run).many}, {len(run['seeds'])} "
        f"{'seed' if len(run['seeds']) == 1 else 'seeds'}; kept in {out}"
    )
    return result


def _result(out: Path, run: dict[str, Any]) -> dict[str, Any]:
    rows = read_predictions(out).rows
    by_seed = {
        str(seed): sum(row.truth == row.predicted for row in rows if row.seed == seed) / run["protocol"]["n_test"]
        for seed in run["seeds"]
    }
    return {
        "schema": SCHEMA,
        "run": str(out),
        "state": run["state"],
        "folds": run["protocol"]["n_folds"],
        "seeds": run["seeds"],
        "n_test": run["protocol"]["n_test"],
        "accuracy": sum(by_seed.values()) / len(by_seed),
        "accuracy_by_seed": by_seed,
        "sentence": run["protocol"]["sentence"],
    }
