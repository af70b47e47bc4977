"""The overhead of a cluster against local processes, on the same recordings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from rich.table import Table

from ckseq.console import Console
from ckseq.executors.choice import executor_for
from ckseq.executors.work import Executor
from ckseq.grammar import counted
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.preprocessing.store_builder import prepare_all
from ckseq.recording import Recording
from ckseq.storage.files import file_digest

_ROUNDS = 3
_PIPELINE = "fast"


def bench_cluster(
    recordings: Sequence[Recording], scratch: Path, *, jobs: int, on: str, console: Console
) -> dict[str, Any]:
    """Prepare the same recordings here and on a cluster, alternately, once both have started their workers.

    Returns
    -------
    dict
        ``n_recordings``, ``workers``, ``seconds`` of each round by place, ``overhead`` (ratio of the medians, less 1),
        ``processor_overhead`` (that of processor times; None of a cluster elsewhere) and ``equal`` (whether all stores
        have the same bytes).
    """
    recipe, quiet = load_pipeline(_PIPELINE), Console(quiet=True)
    seconds: dict[str, list[float]] = {"here": [], on: []}
    processor = {"here": 0.0, on: 0.0}
    digests = set()

    def measure(executor: Executor, some: Sequence[Recording]) -> float:
        out = scratch / "measured.h5"
        start = time.perf_counter()
        prepare_all(some, recipe, out, notes=[], executor=executor, console=quiet)
        took = time.perf_counter() - start
        if some is recordings:
            digests.add(file_digest(out))
        return took

    with (
        executor_for(None, jobs=jobs, console=console) as here,
        executor_for(on, jobs=jobs, console=console) as there,
    ):
        for number in range(_ROUNDS + 1):
            for place, executor in (("here", here), (on, there)):
                # in the first round, workers start and load what they need
                before = _processor_seconds()
                took = measure(executor, recordings if number else recordings[: 2 * executor.n_workers])
                if number:
                    seconds[place].append(took)
                    processor[place] += (_processor_seconds() - before) / _ROUNDS
        workers = {"here": here.n_workers, on: there.n_workers}
    overhead = median(seconds[on]) / median(seconds["here"]) - 1
    # unlike wall time, it is not affected by other programs; of workers elsewhere it is not known
    more = processor[on] / processor["here"] - 1 if on.endswith(":local") else None
    table = Table("", "workers", "seconds, median", "CPU seconds", "recordings/s", box=None)
    for place, times in seconds.items():
        known = f"{processor[place]:.2f}" if place == "here" or more is not None else ""
        rate = len(recordings) / median(times)
        table.add_row(place, str(workers[place]), f"{median(times):.2f}", known, f"{rate:.1f}")
    console.say(table)
    in_cpu = "" if more is None else f", {more:+.1%} in CPU time"
    console.say(
        f"{counted(len(recordings), 'recording')}; overhead of {on}: {overhead:+.1%} of local processes{in_cpu}"
    )
    return {
        "n_recordings": len(recordings),
        "workers": workers,
        "seconds": {place: [round(one, 3) for one in times] for place, times in seconds.items()},
        "overhead": round(overhead, 4),
        "processor_overhead": None if more is None else round(more, 4),
        "equal": len(digests) == 1,
    }


def _processor_seconds() -> float:
    """Return the processor time of this process and of its children, also of those that have ended."""
    this = psutil.Process()
    own = this.cpu_times()
    total = own.user + own.system + own.children_user + own.children_system
    for one in this.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total
