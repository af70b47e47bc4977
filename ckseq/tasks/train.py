"""From a store to a trained network and its predictions."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.experiment.dataset import Dataset, gather, noun_in
from ckseq.experiment.early_classification import prefix_predictions
from ckseq.experiment.learner import learner_of
from ckseq.experiment.memory_check import within_memory
from ckseq.experiment.recipe import Experiment, load_experiment
from ckseq.experiment.report_crops import keep_crops
from ckseq.experiment.run import answers, check_same, check_target, describe, told, with_other_versions
from ckseq.learn import backend
from ckseq.learn.checkpoint import read_checkpoint, remove_checkpoint, write_checkpoint
from ckseq.learn.extract import build_extractor, save_extractor
from ckseq.learn.fit import State
from ckseq.learn.learner import Learned, Learner
from ckseq.protocol.holdout import Split, overlap
from ckseq.storage.examples import write_examples
from ckseq.storage.history import Epoch, write_history
from ckseq.storage.predictions import Predictions, read_predictions, write_predictions
from ckseq.storage.prefix_predictions import write_prefix_predictions
from ckseq.storage.run_record import RUN, SCHEMA, read_run, write_run
from ckseq.storage.store import Store, open_store


def train(
    store: Path,
    *,
    experiment: str,
    out: Path,
    settings: Sequence[str] = (),
    seed: int | None = None,
    overwrite: bool = False,
    resume: bool = False,
    fit_memory: bool = False,
    console: Console,
) -> dict[str, Any]:
    """Train as an experiment asks, and keep predictions, network, history and how all of it was made.

    Parameters
    ----------
    store : Path
        The prepared recordings.
    experiment : str
        An experiment's name or path.
    out : Path
        The run folder.
    settings : sequence of str
        ``section.key=value`` for the experiment's fields.
    seed : int, optional
        Instead of the experiment's own.
    overwrite : bool
        Replace the run at ``out``.
    resume : bool
        Go on with the run at ``out``, if there is one; what it ends in is what it would have ended in uninterrupted.
    fit_memory : bool
        Choose by itself what makes the training fit into memory without changing its mathematics.
    console : Console

    Returns
    -------
    dict
        ``schema``, ``run``, ``state``, ``epochs_done``, ``n_train``, ``n_test``, ``accuracy`` on the test sequences,
        ``sentence`` (who is on both sides), ``seed``.

    Raises
    ------
    CallError
        ``out`` is in the way, or holds a run made otherwise than the one to resume.
    CkseqError
        The training would need more memory than there is.
    DataError
        The store has too little for the experiment.
    KeyboardInterrupt
        Somebody pressed Ctrl-C; what was learnt is kept.
    """
    recipe = load_experiment(experiment, settings)
    recipe = recipe if seed is None else recipe.model_copy(update={"seed": seed})
    check_target(out, overwrite=overwrite, resume=resume)
    earlier = read_run(out) if resume and (out / RUN).is_file() else None
    with open_store(store) as opened:
        material = gather(opened, recipe, console)
        if len(material.splits) > 1:
            raise CallError(
                f"protocol.kind = {recipe.protocol.kind} has {len(material.splits)} folds, and a training has one",
                fix="use 'ckseq crossval', or set protocol.kind to subject_holdout",
            )
        recipe, memory = within_memory(recipe, material, fit_memory=fit_memory, earlier=earlier)
        run = {**_describe(opened, material, recipe), "memory": memory}
    run["command"] = _command(store, experiment, [*settings, *memory.get("chosen", ())], recipe.seed, out)
    if earlier is not None:
        check_same(earlier, run, out)
        if earlier["state"] == "complete":
            console.say(f"{out} is complete already: {earlier['epochs_done']} epochs")
            return _result(out, earlier)
        run = {**run, "created": earlier["created"], "notes": with_other_versions(earlier, run)}
    elif resume:
        console.say(f"there is nothing in {out} to go on with: starting anew")
    elif overwrite and out.is_dir():
        shutil.rmtree(out)
    said = (*run["notes"], *run["balance_notes"], run["protocol"]["sentence"], run["memory"].get("sentence", ""))
    for note in filter(None, said):
        console.say(note)
    return _train(out, run, material, recipe, console)


def _describe(store: Store, material: Dataset, recipe: Experiment) -> dict[str, Any]:
    shared = overlap(material.split, {entry.id: entry.subject for entry in material.entries})
    train, test = material.split.train, material.split.test
    label = {entry.id: str(entry.label) for entry in material.entries}
    counts = {
        f"{part}_counts": {name: sum(label[id] == name for id in ids) for name in material.labels}
        for part, ids in (("train", train), ("validation", material.split.validation))
        if ids
    }
    return {
        **describe(store, material, recipe),
        "split": {"train": list(train), "test": list(test)},
        "protocol": {
            "kind": material.split.kind,
            "digest": material.split.digest,
            "n_train": len(train),
            "n_test": len(test),
            **counts,
            **shared._asdict(),
            "sentence": noun_in(recipe).reworded(shared.sentence),
        },
    }


def _command(store: Path, experiment: str, settings: Sequence[str], seed: int, out: Path) -> str:
    """Return a command line that makes this run, whoever asked for it."""
    words = ["ckseq", "train", str(store), "--experiment", experiment, "--out", str(out), "--seed", str(seed)]
    return shlex.join([*words, *(word for setting in settings for word in ("--set", setting))])


def _train(out: Path, run: dict[str, Any], material: Dataset, recipe: Experiment, console: Console) -> dict[str, Any]:
    learner = learner_of(recipe, material)
    run["device"] = backend.device()
    run["model"] = {
        "kind": recipe.model_kind,
        "n_parameters": learner.n_parameters,
        "input_shape": list(material.x.shape[1:]),
    }
    n, noun = run["protocol"], noun_in(recipe)
    size = "" if learner.n_parameters is None else f"{learner.n_parameters:,} parameters, "
    console.say(
        f"{recipe.model_kind}: {size}{n['n_train']} {noun.many} to train on, {n['n_test']} to test on; {run['device']}"
    )
    start = read_checkpoint(out)
    write_run(out, run)
    learned = _learn_and_keep(out, learner, run, material, start, console)
    rows = answers(learned.model, material, material.split, seed=None)
    predictions = Predictions(material.labels, tuple(rows))
    write_predictions(out, predictions)
    store = Path(run["store"]["path"])
    if early := prefix_predictions(learned.model, store, material, material.split, recipe, seed=None):
        write_prefix_predictions(out, material.labels, early)
    learned.save(out)
    if recipe.input == "features":
        # the run stands for itself: what makes features of an image lies beside the model that reads them
        shape = tuple(run["store"]["crop_shape"])
        save_extractor(out, build_extractor(recipe.features, input_shape=shape))
    if learned.epochs:
        write_history(out, learned.epochs)
    write_examples(out, material.examples)
    keep_crops(out, Path(run["store"]["path"]), predictions, console)
    if learned.chosen_epoch is not None:
        run["chosen_epoch"] = learned.chosen_epoch
    run.update(state="complete", epochs_done=len(learned.epochs), seconds={"training": learned.seconds})
    write_run(out, run)
    remove_checkpoint(out)
    result = _result(out, run)
    right, tested = round(result["accuracy"] * n["n_test"]), n["n_test"]
    console.say(f"accuracy {result['accuracy']:.2f} on the test {noun.many} ({right} of {tested}); kept in {out}")
    return result


def _learn_and_keep(
    out: Path,
    learner: Learner,
    run: dict[str, Any],
    material: Dataset,
    start: State | None,
    console: Console,
) -> Learned:
    """Train, with a checkpoint after every epoch; Ctrl-C keeps it and says how to go on."""
    done = 0 if start is None else len(start.epochs)
    if done:
        console.say(f"going on after epoch {done}")
    learnt: list[Epoch] = [] if start is None else list(start.epochs)
    train, watched = (material.side(side)[1] for side in (material.split.train, _watched(run, material.split)))

    try:
        with console.progress("epochs", learner.n_epochs - done) as progress:

            def keep(state: State) -> None:
                write_checkpoint(out, state)
                learnt[:] = state.epochs
                progress.advance(text=told(state.epochs[-1]))

            return learner.learn(train=train, watched=watched, resume=start, on_epoch=keep)
    except KeyboardInterrupt:
        write_history(out, learnt)
        write_run(out, {**run, "state": "interrupted", "epochs_done": len(learnt)})
        console.say(f"interrupted after epoch {len(learnt)}; go on with: {run['command']} --resume")
        raise


def _watched(run: dict[str, Any], split: Split) -> tuple[str, ...]:
    """Return who is measured after every epoch."""
    if run["experiment"]["training"]["validation"] != "given":
        return split.test
    if not split.validation:
        raise CallError(
            "training.validation = given needs a data set with a validation part of its own",
            fix="set protocol.kind to given, or training.validation to inner",
        )
    return split.validation


def _result(out: Path, run: dict[str, Any]) -> dict[str, Any]:
    rows = read_predictions(out).rows
    return {
        "schema": SCHEMA,
        "run": str(out),
        "state": run["state"],
        "epochs_done": run["epochs_done"],
        "n_train": run["protocol"]["n_train"],
        "n_test": run["protocol"]["n_test"],
        "accuracy": sum(row.truth == row.predicted for row in rows) / len(rows),
        "sentence": run["protocol"]["sentence"],
        "seed": run["seed"],
    }
