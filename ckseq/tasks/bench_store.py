"""What the index of a large store costs: time and memory to open it, to read all metadata, and to make folds of it.

The index is generated, with the metadata that real recordings have and without their files, which nothing here opens.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.table import Table

from ckseq.config import digest
from ckseq.console import Console
from ckseq.defaults import RECORDINGS_PER_FILE
from ckseq.errors import CkseqError
from ckseq.grammar import counted
from ckseq.learn import system_memory
from ckseq.preprocessing.pipeline import load_pipeline
from ckseq.storage.store import open_store
from ckseq.storage.store_entry import Entry
from ckseq.storage.store_growth import write_index
from ckseq.storage.store_index import Held, IndexBuilder
from ckseq.storage.store_shards import Shard
from ckseq.tracking.quality import Quality

SIZES = (10_000, 100_000, 1_000_000)
_LABELS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
# sequences of a subject, as of CK+ and of collections of films
_PER_SUBJECT = 10
_CHILD = "import sys; from ckseq.tasks.bench_store import measure; measure(*sys.argv[1:])"


def bench_store(scratch: Path, *, console: Console, sizes: tuple[int, ...] = SIZES) -> dict[str, Any]:
    """Generate an index of each size and measure it, each use in a process of its own."""
    table = Table("recordings", "use", "seconds", "processor, s", "memory, MB", "of it this use")
    found: dict[str, Any] = {}
    for n in sizes:
        console.heading(f"an index of {n:,} recordings")
        path = scratch / f"{n}.h5"
        start = time.perf_counter()
        generate(path, n)
        size = path.stat().st_size
        console.say(
            f"made in {time.perf_counter() - start:.1f} s, {size / 1e6:.1f} MB, {size / n:.0f} bytes a recording"
        )
        found[str(n)] = {"bytes": size}
        for use in USES:
            result = _measured(path, use)
            found[str(n)][use] = result
            peak, own = (f"{result[name] / 1e6:.0f}" for name in ("peak_bytes", "own_bytes"))
            times = (f"{result[name]:.2f}" for name in ("seconds", "processor_seconds"))
            table.add_row(f"{n:,}", result["what"], *times, peak, own)
        path.unlink()
    console.say(table)
    return {"sizes": found, "per_file": RECORDINGS_PER_FILE}


def generate(path: Path, n: int, *, per_file: int = RECORDINGS_PER_FILE) -> None:
    """Write the index of n made-up recordings."""
    index = IndexBuilder()
    table: list[Shard] = []
    for start in range(0, n, per_file):
        held = [_made_up(number) for number in range(start, min(start + per_file, n))]
        index.add(held, len(table))
        checksum = digest("file", start)
        table.append(Shard(f"{len(table):06d}-{checksum}.h5", checksum, len(held), 1))
    write_index(path, index, table, recipe=load_pipeline("anchored"), notes=[], origin="other")


def _made_up(number: int) -> Held:
    subject, session = f"S{number // _PER_SUBJECT:06d}", f"{number % _PER_SUBJECT:03d}"
    # as good as drawn, and a hundred times as fast
    label = _LABELS[number * 7919 % 104729 % len(_LABELS)]
    n_frames, own = 8 + number * 31 % 52, f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"
    quality = Quality(0, n_frames, n_frames, True, number % 250 / 1000, number % 499 / 1000)
    entry = Entry(
        f"{subject}_{session}",
        subject,
        session,
        label,
        n_frames,
        n_steps=n_frames - 1,
        error=None,
        source_digest=own + own[::-1],
        quality=quality,
    )
    return Held(entry, own, own[::-1])


def _measured(path: Path, use: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", _CHILD, str(path), use], capture_output=True, text=True, check=False)
    if done.returncode:
        raise CkseqError(f"measuring {use} failed with status {done.returncode}: {done.stderr[-300:]}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure(path: str, use: str) -> None:
    """Do one thing with an index and print, as JSON, what, how long it took, and the most memory ever held."""
    prepare, work = USES[use]
    prepared = prepare()
    before = system_memory.used_bytes()
    start, processor = time.perf_counter(), time.process_time()
    what = work(Path(path), prepared)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor
    peak = system_memory.peak_bytes()
    found = {"what": what, "seconds": seconds, "processor_seconds": processor}
    print(json.dumps({**found, "peak_bytes": peak, "own_bytes": max(0, peak - before)}))


def _open(path: Path, _: None) -> str:
    with open_store(path) as store:
        n = len(store.entries)
        assert store.entries[n // 2].id == store.entries[n // 2].id
        assert store.made_from(store.entries[n - 1].id) is not None
    return "open, find 2"


def _all(path: Path, _: None) -> str:
    with open_store(path) as store:
        n = sum(entry.error is None for entry in store.entries)
    assert n
    return "read all metadata"


def _load_folds() -> Any:
    from ckseq.experiment import dataset
    from ckseq.tasks.audit import recipe_for

    return dataset, recipe_for(None, ["protocol.kind=subject_k_fold"])


def _folds(path: Path, loaded: Any) -> str:
    dataset, recipe = loaded
    with open_store(path) as store:
        chosen = dataset.choose(store, recipe)
    folds = dataset.divide(chosen.entries, chosen.labels, recipe)
    return f"{counted(len(folds), 'fold')} by subject"


USES: dict[str, tuple[Callable[[], Any], Callable[[Path, Any], str]]] = {
    "open": (lambda: None, _open),
    "all": (lambda: None, _all),
    "folds": (_load_folds, _folds),
}
