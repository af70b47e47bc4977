"""A run while it is made: its target, what is said of it, and the answers of its model."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

import ckseq
from ckseq.config import differences
from ckseq.errors import CallError
from ckseq.experiment.dataset import Dataset
from ckseq.experiment.features import crop_shape
from ckseq.experiment.leakage import leak_facts, leakage_of
from ckseq.experiment.recipe import Experiment
from ckseq.learn import backend
from ckseq.learn.predict import probabilities
from ckseq.models._backbones import BackboneConfig, announcement
from ckseq.protocol.holdout import Split
from ckseq.storage.history import Epoch
from ckseq.storage.predictions import Prediction
from ckseq.storage.run_record import RUN
from ckseq.storage.store import Store


def check_target(out: Path, *, overwrite: bool, resume: bool) -> None:
    """Refuse a target that is in the way: a file, another's folder, a run that nobody said what to do with."""
    if overwrite and resume:
        raise CallError("--overwrite and --resume exclude each other")
    if out.exists() and not out.is_dir():
        raise CallError("is a file", out, "name a folder")
    if not out.is_dir() or not any(out.iterdir()):
        return
    if not (out / RUN).is_file():
        raise CallError("is in use, and not by a run", out, "name another folder")
    if not overwrite and not resume:
        raise CallError("there is a run already", out, "--resume goes on with it, --overwrite replaces it")


def describe(store: Store, material: Dataset, recipe: Experiment) -> dict[str, Any]:
    """Return what ``run.json`` says before the training, but for who is trained on and who is tested."""
    return {
        "ckseq_version": ckseq.__version__,
        "created": datetime.now().astimezone().isoformat(timespec="seconds"),
        "experiment": recipe.model_dump(mode="json"),
        "experiment_name": recipe.name,
        "published": recipe.published,
        "store": _store_facts(store, material),
        "labels": list(material.labels),
        "leakage": leak_facts(leakage_of(store, material.entries, material.splits)),
        "balance_notes": list(material.balance_notes),
        "notes": [*material.notes, *_told_by(recipe)],
        "seed": recipe.seed,
        "versions": {"ckseq": ckseq.__version__, **backend.versions()},
        "state": "training",
        "epochs_done": 0,
    }


def _store_facts(store: Store, material: Dataset) -> dict[str, Any]:
    facts = {"path": str(store.path), "digest": store.digest, "pipeline": store.pipeline}
    first = material.entries[0]
    return {**facts, "crop_shape": list(crop_shape(store, first))} if first.n_crops else facts


def _told_by(recipe: Experiment) -> list[str]:
    """Return what a model, or the backbone of its features, has to say before it is built."""
    configs = [recipe.model, recipe.features] if recipe.input == "features" else [recipe.model]
    backbones = [config for config in configs if isinstance(config, BackboneConfig)]
    if backbones:
        backend.load_keras()  # quietly, before anybody else does
    return [line for config in backbones for line in announcement(config)]


def check_same(earlier: dict[str, Any], run: dict[str, Any], out: Path) -> None:
    """Refuse to go on with a run that was made otherwise."""
    parts = ("experiment", "labels", "split")
    found = [line for part in parts for line in differences(earlier.get(part), run[part], part)]
    if earlier["store"]["digest"] != run["store"]["digest"]:
        found.insert(0, "the store has changed")
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise CallError(
            f"the run there was made otherwise: {'; '.join(found[:3])}{more}",
            out,
            "name another --out, or start anew with --overwrite",
        )


def with_other_versions(earlier: dict[str, Any], run: dict[str, Any]) -> list[str]:
    """Return the notes of both, and a note on each version that changed meanwhile: it may change the last bits."""
    before, now = earlier["versions"], run["versions"]
    changed = [name for name in now if before.get(name) != now[name]]
    told = [f"training went on with {name} {now[name]}; it began with {before.get(name)}" for name in changed]
    return list(dict.fromkeys([*earlier["notes"], *run["notes"], *told]))


def told(epoch: Epoch) -> str:
    """Return what a progress bar says of an epoch."""
    text = f"epoch {epoch.epoch}: loss {epoch.loss:.3f}, accuracy {epoch.accuracy:.2f}"
    return text if np.isnan(epoch.val_loss) else f"{text}; watched {epoch.val_loss:.3f}, {epoch.val_accuracy:.2f}"


def answers(model: Any, material: Dataset, split: Split, *, seed: int | None) -> list[Prediction]:
    """Ask the model that is kept, not the one that was trained, about every test sequence of a fold."""
    tested, test = material.side(split.test)
    return [
        Prediction(
            recording=entry.id,
            subject=entry.subject,
            fold=split.fold,
            truth=str(entry.label),
            predicted=material.labels[int(row.argmax())],
            probabilities=tuple(float(p) for p in row),
            seed=seed,
        )
        for entry, row in zip(tested, probabilities(model, test.x), strict=True)
    ]
