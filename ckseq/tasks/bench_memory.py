"""What the paper's phases need of memory, estimated and measured; and what their blobs cost on the disk."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ckseq import registry
from ckseq.console import Console
from ckseq.errors import CkseqError
from ckseq.experiment.memory_check import seen_steps
from ckseq.experiment.recipe import load_experiment
from ckseq.learn import system_memory
from ckseq.learn.fit import Labeled, fit
from ckseq.learn.memory import Training, estimate, footprint_of, gigabytes
from ckseq.learn.trainer import build_trainer
from ckseq.storage.store import open_store
from ckseq.storage.streaming import stream
from ckseq.tasks.preprocess import preprocess

PHASES = ("paper_phase1", "paper_phase2", "paper_phase3", "paper_phase4")
_CHILD = "import sys; from ckseq.tasks.bench_memory import measure; measure(*sys.argv[1:])"


def bench_memory(data: Path, scratch: Path, *, jobs: int, console: Console) -> dict[str, Any]:
    """Set the estimated beside the measured peak for each of the paper's phases, in a process of its own each.

    Two steps of training each: of a whole batch, or of two parts of one. A phase that would not fit is not started.
    """
    store = scratch / "store.h5"
    console.heading("preparing the recordings")
    settings = ["reduce.keep_blobs=true"]
    quiet = Console(quiet=True)
    preprocess(data, pipeline="paper_halved", out=store, settings=settings, jobs=jobs, console=quiet)
    table = Table("phase", "input", "at once", "estimate", "peak", "estimate / peak")
    found: dict[str, Any] = {}
    for phase in PHASES:
        console.heading(f"two steps of {phase}")
        command = [sys.executable, "-c", _CHILD, str(store), phase]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise CkseqError(f"{phase} failed with status {done.returncode}: {done.stderr[-300:]}")
        result = json.loads(done.stdout.splitlines()[-1])
        found[phase] = result
        peak = result["peak_bytes"]
        measured = (gigabytes(peak), f"{result['estimated_bytes'] / peak:.2f}") if peak else ("would not fit", "")
        shape = "x".join(map(str, result["input_shape"][:3]))
        table.add_row(phase, shape, str(result["at_once"]), gigabytes(result["estimated_bytes"]), *measured)
    console.say(table)
    return {"phases": found, "storage": bench_storage(store, scratch, console)}


def measure(store: str, phase: str) -> None:
    """Train two steps of a phase and print, as JSON, what was estimated and the most this process ever held."""
    recipe = load_experiment(phase)
    parts = recipe.training.micro_batch_size
    rows = recipe.training.batch_size if parts == "whole" else 2 * parts
    config = recipe.training.model_copy(update={"epochs": 2, "batch_size": rows, "validation": "none"})
    with open_store(Path(store)) as opened:
        limit = recipe.sequence.length_frames
        assert limit != "longest"
        entries = [entry for entry in opened.entries if not entry.error and entry.n_steps <= limit]
        x = stream(opened, entries, recipe.input, recipe.sequence)
    places = np.resize(np.arange(len(entries)), rows)
    chosen = np.asarray(x[places]) if recipe.input == "projections" else x[places]
    models, n_classes = registry.load("models", recipe.model_kind).SPEC, len(recipe.classes)
    steps = [entries[place].n_steps for place in places]
    training = Training(
        model=recipe.model,
        training=config,
        footprint=footprint_of(models, recipe.model, input_shape=x.shape[1:], n_classes=n_classes),
        input_shape=x.shape[1:],
        seen_steps=seen_steps(steps, recipe.sequence, x.shape[1]),
        held_bytes=3 * chosen.nbytes if isinstance(chosen, np.ndarray) else 0,
    )
    need = estimate(training).total
    if fits := need < system_memory.free_bytes() + system_memory.used_bytes():
        trainer = build_trainer(
            models,
            recipe.model,
            config,
            augmentation=recipe.augmentation,
            input_shape=x.shape[1:],
            n_classes=n_classes,
            seed=1,
        )
        train = Labeled(chosen, np.arange(rows) % n_classes, ("S",) * rows)
        fit(
            trainer.model,
            config,
            augmentation=recipe.augmentation,
            train=train,
            validation=None,
            seed=1,
            resume=None,
            on_epoch=lambda _: None,
        )
    result = {"estimated_bytes": need, "peak_bytes": system_memory.peak_bytes() if fits else 0}
    print(json.dumps({**result, "at_once": training.at_once(), "input_shape": x.shape[1:]}))


def bench_storage(store: Path, scratch: Path, console: Console) -> dict[str, Any]:
    """Compare blobs as the store keeps them, bits packed and compressed, with a byte a pixel: size and time to read."""
    raw_file = scratch / "raw.npy"
    stored = raw = frames = 0
    seconds = {"store": 0.0, "raw": 0.0}
    with open_store(store) as opened:
        for entry in opened.entries:
            if entry.error:
                continue
            start = time.perf_counter()
            blobs = opened.blobs(entry.id)
            seconds["store"] += time.perf_counter() - start
            np.save(raw_file, blobs)
            start = time.perf_counter()
            np.load(raw_file)
            seconds["raw"] += time.perf_counter() - start
            frames += len(blobs)
            raw += blobs.nbytes
            stored += opened.stored_bytes(entry.id, "blobs")
    table = Table("blobs", "bytes a frame", "frames read a second")
    rows = {"a byte a pixel": (raw, "raw"), "bits": (raw // 8, ""), "bits, compressed": (stored, "store")}
    for name, (size, kind) in rows.items():
        table.add_row(name, f"{size / frames:,.0f}", f"{frames / seconds[kind]:,.0f}" if kind else "")
    console.say(table)
    return {
        "n_frames": frames,
        "bytes_a_frame": {"raw": raw / frames, "stored": stored / frames},
        "frames_a_second": {kind: frames / spent for kind, spent in seconds.items()},
    }
