"""The overhead of a cluster against local processes, on the same recordings."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

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
        ``n_recordings``, ``workers``, ``seconds`` of each round by place, ``overhead`` (ratio of the medians, less 1)
        and ``equal`` (whether all stores have the same bytes).
    """
    recipe, quiet = load_pipeline(_PIPELINE), Console(quiet=True)
    seconds: dict[str, list[float]] = {"here": [], on: []}
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
                took = measure(executor, recordings if number else recordings[: 2 * executor.n_workers])
                if number:
                    seconds[place].append(took)
        workers = {"here": here.n_workers, on: there.n_workers}
    overhead = median(seconds[on]) / median(seconds["here"]) - 1
    table = Table("", "workers", "seconds, median", "recordings/s", box=None)
    for place, times in seconds.items():
        table.add_row(place, str(workers[place]), f"{median(times):.2f}", f"{len(recordings) / median(times):.1f}")
    console.say(table)
    console.say(f"{counted(len(recordings), 'recording')}; overhead of {on}: {overhead:+.1%} of local processes")
    return {
        "n_recordings": len(recordings),
        "workers": workers,
        "seconds": {place: [round(one, 3) for one in times] for place, times in seconds.items()},
        "overhead": round(overhead, 4),
        "equal": len(digests) == 1,
    }
