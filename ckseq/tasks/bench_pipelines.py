"""``ckseq bench preprocess``: what pipelines take, relative to decoding the same frames on the same cores."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
from rich.table import Table

from ckseq.console import Console
from ckseq.errors import DataError
from ckseq.preprocessing.one_recording import prepare_one
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.recording import Recording
from ckseq.storage.frames import read_gray
from ckseq.storage.store_writer import assemble
from ckseq.workers import spread

PIPELINES: dict[str, tuple[str, tuple[str, ...]]] = {
    "anchored": ("anchored", ()),
    "anchored, BlazeFace": ("anchored", ("detector.kind=blazeface",)),
    "fast": ("fast", ()),
    "landmarks": ("landmarks", ()),
}
"""By name: recipe and settings. Not ``paper``, which takes more than ten times as long as all of them."""

_DECODING = "decoding alone"


class Taken(NamedTuple):
    """Wall and processor time, seconds."""

    wall: float
    processor: float

    def plus(self, other: Taken) -> Taken:
        """Return the sum."""
        return Taken(self.wall + other.wall, self.processor + other.processor)


def bench_pipelines(recordings: Sequence[Recording], scratch: Path, *, jobs: int, console: Console) -> dict[str, Any]:
    """Compare the pipelines with decoding alone: reading, checking and decoding each frame once.

    On each core, each recording goes through everything in turn before the next does, so that what else the machine
    does meets all alike. Starting processes and networks is not counted, writing and assembling the store is. The ratio
    is that of processor times.

    Parameters
    ----------
    recordings : sequence of Recording
    scratch : Path
        A folder for the parts and stores.
    jobs : int
        Processes; -1 is one per core.
    console : Console

    Returns
    -------
    dict
        ``n_frames``, ``cores``, and by name ``ms_a_frame`` of processor time, ``times_decoding`` and the same of wall
        time, ``times_decoding_wall``.
    """
    n_workers = min((os.cpu_count() or 1) if jobs == -1 else jobs, len(recordings))
    batches = [(recordings[first::n_workers], scratch) for first in range(n_workers)]
    totals: dict[str, Taken] = defaultdict(lambda: Taken(0.0, 0.0))
    digests: dict[str, dict[str, str]] = defaultdict(dict)
    for taken, made in spread(_measure, batches, n_workers=n_workers):
        for name, one in taken.items():
            totals[name] = totals[name].plus(one)
        for name, some in made.items():
            digests[name] |= some
    for name, (recipe, _) in PIPELINES.items():
        out, about = scratch / f"{name}.h5", {"name": recipe}
        write = partial(assemble, scratch / name, digests[name], out, pipeline=about, digest="", notes=[])
        totals[name] = totals[name].plus(_timed(write))
    n_frames = sum(recording.n_frames or 0 for recording in recordings)
    return _told(totals, n_frames, n_workers, console)


def _measure(recordings: Sequence[Recording], scratch: Path) -> tuple[dict[str, Taken], dict[str, dict[str, str]]]:
    """Return the times of one core, and the digest of what became of each recording, by pipeline and id."""
    cv2.setNumThreads(1)
    recipes = {name: load_pipeline(*called) for name, called in PIPELINES.items()}
    digests: dict[str, dict[str, str]] = defaultdict(dict)

    def prepare(name: str, recording: Recording, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        result = prepare_one(recording, recipes[name], folder)
        if result.error:
            raise DataError(f"{recording.id} cannot be prepared by {name}: {result.error}", fix="use other --data")
        digests[name][recording.id] = result.digest

    def decode(recording: Recording) -> None:
        for _ in read_gray(recording.frames):
            pass

    for name in recipes:  # loads what is loaded once in a process
        prepare(name, recordings[0], scratch / f"{os.getpid()}" / name)
    names = [_DECODING, *recipes]
    totals = dict.fromkeys(names, Taken(0.0, 0.0))
    for number, recording in enumerate(recordings):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            work = partial(decode, recording)
            if name != _DECODING:
                work = partial(prepare, name, recording, scratch / name)
            totals[name] = totals[name].plus(_timed(work))
    return totals, dict(digests)


def _timed(work: Callable[[], Any]) -> Taken:
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - wall, time.process_time() - processor)


def _told(totals: Mapping[str, Taken], n_frames: int, n_workers: int, console: Console) -> dict[str, Any]:
    floor = totals[_DECODING]
    rows = {
        name: {
            "ms_a_frame": round(1000 * totals[name].processor / n_frames, 2),
            "times_decoding": round(totals[name].processor / floor.processor, 2),
            "times_decoding_wall": round(totals[name].wall / floor.wall, 2),
        }
        for name in (_DECODING, *PIPELINES)
    }
    table = Table("", "CPU ms a frame", "times decoding", "by wall time")
    for name, row in rows.items():
        table.add_row(name, *(f"{value:.2f}" for value in row.values()))
    console.say(f"{n_frames} frames, {n_workers} cores, everything in turn on each:")
    console.say(table)
    return {"n_frames": n_frames, "cores": n_workers, "pipelines": rows}
