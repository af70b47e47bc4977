"""The final model of an experiment: trained on every sequence, and tested on none."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ckseq.console import Console
from ckseq.experiment.dataset import gather
from ckseq.experiment.engine import FILES, note_at_chance
from ckseq.experiment.fold import describe_epoch
from ckseq.experiment.recipe import Experiment
from ckseq.experiment.record import record_of
from ckseq.experiment.trainer import save_feature_extractor, trainer_for
from ckseq.learn import backend
from ckseq.learn.at_chance import at_chance
from ckseq.learn.fit import class_weights
from ckseq.storage.complete_run import digests_of
from ckseq.storage.history import write_history
from ckseq.storage.run_record import ModelRecord, RunRecord, TrainingRecord, write_run
from ckseq.storage.store import open_store

_NOT_TESTED = "trained on all sequences: none is left to test it on"


def train_final(store: Path, recipe: Experiment, *, out: Path, command: Sequence[str], console: Console) -> RunRecord:
    """Train on every sequence of an experiment, and keep the model; nobody is left to test it on.

    Parameters
    ----------
    store : Path
    recipe : Experiment
    out : Path
        A folder that does not exist yet.
    command : sequence of str
        The words of a command line that makes this run.
    console : Console
    """
    with open_store(store) as opened:
        dataset = replace(gather(opened, recipe, console), folds=(), examples=())
        run = record_of(opened, dataset, recipe, kind="final", seeds=[recipe.seed])
    run = run.changed(command=shlex.join(command), notes=(*run.notes, _NOT_TESTED))
    trainer = trainer_for(recipe, dataset)
    everything = dataset.side([entry.id for entry in dataset.entries])[1]
    with console.progress("epochs", trainer.n_epochs) as bar:
        trained = trainer.fit(
            train=everything,
            validation=None,
            on_epoch=lambda state: bar.advance(text=describe_epoch(state.epochs[-1], recipe)),
        )
    weights = class_weights(everything.codes, len(dataset.labels), recipe.training.class_weights)
    unlearned = at_chance(trained.epochs, everything.codes, weights)
    notes = [note_at_chance("the network", trained.epochs[-1].loss, recipe)] if unlearned else []
    for note in notes:
        console.warn(note)
    out.mkdir(parents=True, exist_ok=True)
    trained.save(out)
    save_feature_extractor(out, run, recipe)
    if trained.epochs:
        write_history(out, trained.epochs)
    shape = tuple(int(n) for n in dataset.x.shape[1:])
    n = len(dataset.entries)
    training = TrainingRecord(
        seed=recipe.seed,
        fold=0,
        n_train=n,
        n_test=0,
        epochs=len(trained.epochs),
        chosen_epoch=trained.chosen_epoch,
        seconds=trained.seconds,
        at_chance=unlearned,
    )
    run = run.changed(
        state="complete",
        notes=(*run.notes, *notes),
        model=ModelRecord(
            kind=recipe.model_name,
            n_parameters=trainer.n_parameters,
            input_shape=shape,
            layers=trained.layers,
            ready_made=trainer.ready_made,
        ),
        device=backend.device(),
        trainings=(training,),
        epochs_done=len(trained.epochs),
        files=digests_of(out, FILES),
    )
    write_run(out, run)
    return run
