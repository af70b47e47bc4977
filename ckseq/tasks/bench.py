"""Benchmarks of speed and memory on this machine, each relative to a plain implementation in the same run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ckseq.console import Console
from ckseq.errors import CallError, DataError
from ckseq.learn import backend
from ckseq.preprocessing.data_set import find_source
from ckseq.preprocessing.one_recording import prepare_one, source_digests_of
from ckseq.preprocessing.pipeline import Pipeline, load_pipeline
from ckseq.preprocessing.stages import run_stages
from ckseq.recording import ImageFiles, Recording
from ckseq.signal.sequence import pad
from ckseq.storage.frames import read_gray
from ckseq.storage.hdf5 import checksum
from ckseq.storage.store import open_store
from ckseq.storage.store_writer import as_stored, remove_parts
from ckseq.tasks.bench_cluster import bench_cluster
from ckseq.tasks.bench_detectors import bench_detectors
from ckseq.tasks.bench_memory import bench_memory
from ckseq.tasks.bench_pipelines import bench_pipelines
from ckseq.tasks.bench_stills import bench_stills
from ckseq.tasks.bench_store import bench_store
from ckseq.tasks.bench_stream import bench_stream
from ckseq.tasks.preprocess import preprocess
from ckseq.tasks.synth import synth
from ckseq.twin.tree import TwinConfig

# the paper's script takes more than half a second for each
_SCRIPT_FRAMES = 120


def bench(
    what: str, *, data: Path | None, frames: int, jobs: int, on: str | None = None, console: Console
) -> dict[str, Any]:
    """Run one benchmark; see the functions of this module.

    Parameters
    ----------
    what : str
        ``preprocess``, ``train``, ``memory``, ``detectors``, ``stream``, ``stills`` or ``store``.
    data : Path, optional
        The data set to use; the synthetic twin if not given.
    frames : int
        Approximate number of frames.
    jobs : int
        Processes; -1 is one per core.
    on : str, optional
        With ``preprocess``: compare preprocessing on this cluster with ``jobs`` processes here, see `bench_cluster`.
    console : Console
    """
    _check_call(what, data, on)
    with tempfile.TemporaryDirectory(prefix="ckseq-bench-") as folder:
        scratch = Path(folder)
        if what == "train":
            return bench_train(console)
        if what == "stills":
            return bench_stills(scratch, jobs=jobs, console=console)
        if what == "store":
            return bench_store(scratch, console=console)
        if data is None:
            data = scratch / "twin"
            # a subject has some 100 frames
            n_subjects = min(max(6, frames // 80), 999) if what == "preprocess" else 6
            config = TwinConfig(n_subjects=n_subjects)
            synth(data, config=config, jobs=jobs, overwrite=False, console=Console(quiet=True))
        if what == "memory":
            return bench_memory(data, scratch, jobs=jobs, console=console)
        if what == "stream":
            return bench_stream(data, scratch, frames=frames, console=console)
        if what == "detectors":
            return bench_detectors(data, frames=frames, console=console)
        if on is not None:
            return bench_cluster(_first_recordings(data, frames), scratch, jobs=jobs, on=on, console=console)
        return bench_preprocess(data, scratch, frames=frames, jobs=jobs, console=console)


def _check_call(what: str, data: Path | None, on: str | None) -> None:
    if on is not None and what != "preprocess":
        raise CallError(f"bench {what} measures one process", fix="--on goes with 'bench preprocess'")
    if what in ("train", "stills", "store") and data is not None:
        raise CallError(f"bench {what} generates its own data", data, "omit --data")


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def _first_recordings(data: Path, frames: int) -> list[Recording]:
    """Return recordings from the start of a data set with at least this many frames in total."""
    chosen: list[Recording] = []
    for recording in find_source(data, None).scan(data):
        if isinstance(recording.frames, ImageFiles) and len(recording.frames.paths) > 1:
            chosen.append(recording)
            frames -= len(recording.frames.paths)
        if frames <= 0:
            return chosen
    if not chosen:
        raise DataError("has no recordings of image files to measure", data)
    return chosen


def bench_preprocess(data: Path, scratch: Path, *, frames: int, jobs: int, console: Console) -> dict[str, Any]:
    """Compare the pipelines with decoding alone, and with the paper's per-frame script, each on the same frames.

    Decoding is the lower bound, see `bench_pipelines`. The script builds a detector for each frame, on one core; the
    pipeline ``paper`` must equal it to the bit. It is measured on some `_SCRIPT_FRAMES` frames only.
    """
    recordings = _first_recordings(data, frames)
    (scratch / "parts").mkdir()
    measured = bench_pipelines(recordings, scratch / "parts", jobs=jobs, console=console)

    recordings = _first_recordings(data, min(frames, _SCRIPT_FRAMES))
    n_frames = sum(recording.n_frames or 0 for recording in recordings)
    console.heading(f"{n_frames} frames of {len(recordings)} recordings")
    chosen = scratch / "chosen.csv"
    chosen.write_text(_manifest(recordings))
    script, reference = _timed(lambda: {r.id: paper_script(r) for r in recordings})
    rows = [("the paper's script, one core", script)]
    quiet = Console(quiet=True)
    for pipeline in ("paper", "anchored"):
        out = scratch / f"{pipeline}.h5"
        # the first pipeline's time includes starting the processes, the second's does not
        work = partial(preprocess, chosen, pipeline=pipeline, out=out, jobs=jobs, console=quiet)
        rows.append((f"ckseq, pipeline {pipeline}", _timed(work)[0]))
    with open_store(scratch / "paper.h5") as opened:
        equal = all(
            np.array_equal(opened.projections(entry.id), reference[entry.id])
            for entry in opened.entries
            if not entry.error
        )

    table = Table("", "seconds", "ms a frame", "speed-up")
    for name, seconds in rows:
        table.add_row(name, f"{seconds:.2f}", f"{1000 * seconds / n_frames:.1f}", f"{script / seconds:.1f}")
    console.say(table)
    share = {name: _integrity_share(recordings, load_pipeline(name), scratch / name) for name in ("paper", "anchored")}
    for name, part in share.items():
        console.say(f"pipeline {name}: {part:.1%} of the processor time are digests of the frames and checksums")
    console.say(f"the pipeline paper is {'equal to the script to the bit' if equal else 'NOT equal to the script'}")
    return {
        "measured": measured,
        "n_frames": n_frames,
        "seconds": {name: round(seconds, 3) for name, seconds in rows},
        "speedup": {name: round(script / seconds, 1) for name, seconds in rows},
        "integrity_share": {name: round(part, 4) for name, part in share.items()},
        "equal_to_the_bit": equal,
    }


def _integrity_share(recordings: list[Recording], recipe: Pipeline, scratch: Path) -> float:
    """Return which share of a preprocessing's processor time, on one core, makes digests and checksums."""
    whole = checks = 0.0
    scratch.mkdir()
    for number, recording in enumerate([recordings[0], *recordings]):
        start = time.process_time()
        prepare_one(recording, recipe, scratch)
        took = time.process_time() - start
        arrays = as_stored(run_stages(recording.frames, recipe)[0])
        start = time.process_time()
        source_digests_of(recording)
        for array in arrays.values():
            checksum(array)
        if number:  # the first is to load what is loaded once
            whole, checks = whole + took, checks + time.process_time() - start
        remove_parts(scratch)
        scratch.mkdir(exist_ok=True)
    return checks / whole


def _manifest(recordings: list[Recording]) -> str:
    lines = ["path,subject,session,label"]
    for recording in recordings:
        assert isinstance(recording.frames, ImageFiles)
        folder = recording.frames.paths[0].parent.resolve()
        lines.append(f"{folder},{recording.subject},{recording.session},{recording.label or ''}")
    return "\n".join(lines) + "\n"


def paper_script(recording: Recording) -> NDArray[np.float32]:
    """Process a recording as the paper's script does: a new detector for each frame, one frame at a time."""
    import dlib

    crops: list[NDArray[np.uint8]] = []
    for image in read_gray(recording.frames):
        face = None
        for box in dlib.get_frontal_face_detector()(image, 1):
            rows = slice(max(box.top(), 0), box.bottom())
            face = cv2.resize(image[rows, max(box.left(), 0) : box.right()], (267, 267))
        if face is not None or crops:
            crops.append(crops[-1] if face is None else np.asarray(face))
    result = []
    for before, current in pairwise(crops):
        _, mask = cv2.threshold(before - current, 127, 255, cv2.THRESH_BINARY)
        binary = cv2.erode(mask, np.ones((5, 5), np.uint8)) / 255 >= 0.2
        result.append([binary.mean(axis=0), binary.mean(axis=1)])
    return np.array(result, np.float32)


def bench_train(console: Console, *, n_sequences: int = 98, steps: int = 3) -> dict[str, Any]:
    """Compare the paper's network as ckseq builds it with the plain Keras layers: same weights, data and steps.

    A step is one batch of ``n_sequences`` of 39x2x267, forward, backward and Adam; the first, which also traces the
    graph, is reported separately. Without dropout, so that both end in the same weights except for rounding.
    """
    backend.start(0)
    keras = backend.load_keras()
    from ckseq.models import conv_lstm

    rng = np.random.default_rng(0)
    shape = (39, 2, 267, 1)
    # like projections: small numbers, lengths as in CK+, padded on both sides
    lengths = np.clip(rng.normal(18, 8, n_sequences).round(), 5, 39).astype(int)
    x = np.stack([pad(rng.random((n, *shape[1:]), dtype=np.float32) ** 4, length_frames=39) for n in lengths])
    y = np.eye(4, dtype=np.float32)[rng.integers(0, 4, n_sequences)]
    config = conv_lstm.ConvLSTMConfig(dropout=0.0)
    weights = None
    rows: dict[str, dict[str, float]] = {}
    outputs = []
    for name, build in {"plain Keras": conv_lstm.build_plain, "ckseq": conv_lstm.build}.items():
        network = build(config, input_shape=shape, n_classes=4)
        weights = network.get_weights() if weights is None else weights
        network.set_weights(weights)
        network.compile(keras.optimizers.Adam(1e-3), loss="categorical_crossentropy", jit_compile=False)
        step = partial(network.train_on_batch, x, y)
        first = _timed(step)[0]
        start = time.process_time()
        times = [_timed(step)[0] for _ in range(steps)]
        processor = (time.process_time() - start) / steps
        rows[name] = {
            "first_step_s": round(first, 2),
            "step_s": round(float(np.median(times)), 3),
            "step_processor_s": round(processor, 3),
        }
        outputs.append(network.predict_on_batch(x))
        console.say(
            f"{name}: first step {first:.1f} s, then {np.median(times):.2f} s a step of {n_sequences} sequences, "
            f"{processor:.2f} s of CPU time"
        )
    speedup = rows["plain Keras"]["step_s"] / rows["ckseq"]["step_s"]
    difference = float(np.abs(outputs[0] - outputs[1]).max())
    # CPU time, unlike wall time, is not affected by other programs
    saved = rows["plain Keras"]["step_processor_s"] / rows["ckseq"]["step_processor_s"]
    console.say(f"speed-up {speedup:.1f}, {saved:.1f} in CPU time; {backend.device()}")
    console.say(f"after {steps + 1} steps the probabilities differ by {difference:.1e} at most")
    return {
        "device": backend.device(),
        "n_sequences": n_sequences,
        "steps": rows,
        "speedup": round(speedup, 2),
        "processor_speedup": round(saved, 2),
        "largest_difference": difference,
    }
