"""The maps of recordings as units of work on other machines, which have the run's models and the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ckseq.console import Bar
from ckseq.errors import CkseqError, DataError
from ckseq.executors.shared_folder import SharedFolder, shared
from ckseq.executors.work import Executor, Unit
from ckseq.experiment.recipe import Experiment
from ckseq.explain.maps import OcclusionConfig, When, Where
from ckseq.explain.occlusion import Predict
from ckseq.grammar import counted
from ckseq.inference.explained_recording import asked, explain_recording, models_of, read_recording
from ckseq.storage.run_record import RunRecord
from ckseq.storage.store import open_store

Maps = dict[tuple[int, str], tuple[Where, When | None]]
"""Where and when the evidence is, by the seed of the model and the recording's id; when for the first seed only."""


class Explained(NamedTuple):
    """The run whose recordings are explained, and its store."""

    run: Path
    record: RunRecord
    recipe: Experiment
    store: Path
    config: OcclusionConfig


def maps_of(what: Explained, wanted: Sequence[str], executor: Executor, bar: Bar) -> Maps:
    """Compute the maps of recordings on a cluster; they are those that one process computes.

    Raises
    ------
    CkseqError
        No worker survived a recording, or one does not see the run or the store.
    """
    units = {
        f"seed {model.seed}, {id}": (model.seed, model.fold, id)
        for model in models_of(what.run, what.record, wanted)
        for id in model.ids
    }
    found: Maps = {}
    with shared(what.run) as place:
        here = what._replace(run=place.path, store=what.store.absolute())
        work = (Unit(name, (place, here, *one)) for name, one in units.items())
        is_network = what.record.model is not None and what.record.model.n_parameters is not None
        for outcome in executor.run(_map, work, prefers_gpu=is_network):
            if outcome.done is None:
                raise CkseqError(f"{outcome.name}: {outcome.error}", what.run, "explain without --on")
            seed, _, id = units[outcome.name]
            found[seed, id] = outcome.done.value
            bar.advance(text=f"{counted(executor.n_workers, 'worker')}  {id}")
    return found


def _map(place: SharedFolder, what: Explained, seed: int, fold: int, id: str) -> tuple[Where, When | None]:
    with place.entered() as here:
        if not here or not what.store.is_file():
            missing = what.store if here else what.run
            raise DataError("a worker does not see it", missing, "put run and store on a path that all machines have")
        predict = _predict(place, what, seed, fold, id)
        with open_store(what.store, digest=what.record.store_digest) as opened:
            entry = next(one for one in opened.entries if one.id == id)
            recording = read_recording(opened, entry, what.recipe)
        return explain_recording(recording, predict, what.config, also_when=seed == what.record.seeds[0])


_held: dict[tuple[Any, ...], Predict] = {}


def _predict(place: SharedFolder, what: Explained, seed: int, fold: int, id: str) -> Predict:
    """Return the model of a fold, which a worker loads once for the recordings that follow each other."""
    key = place.mark, seed, fold
    if key not in _held:
        _held.clear()
        model = next(one for one in models_of(what.run, what.record, [id]) if (one.seed, one.fold) == (seed, fold))
        assert what.record.model is not None
        _held[key] = asked(model.load(), what.recipe, length_frames=what.record.model.input_shape[0])
    return _held[key]
