"""The executor that ``--on`` asks for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ckseq.console import Console
from ckseq.errors import CallError
from ckseq.executors.local import LocalExecutor
from ckseq.executors.work import Executor
from ckseq.grammar import counted

if TYPE_CHECKING:
    from ckseq.executors.cluster import ClusterExecutor

FORMS = "dask:tcp://HOST:8786, dask:FILE.json (a scheduler file), or dask:local"
_LOCAL = "local"
_CONNECT_S = 10.0


@contextmanager
def executor_for(on: str | None, *, jobs: int, console: Console) -> Iterator[Executor]:
    """Provide the executor that ``--on`` names, and end what was started for it.

    Parameters
    ----------
    on : str or None
        One of `FORMS`; None is processes of this machine.
    jobs : int
        The number of processes here or of a local cluster; -1 is one per core.
    console : Console

    Raises
    ------
    CallError
        ``on`` names nothing that is known, the extra ``cluster`` is not installed, or nobody answers.
    """
    if on is None:
        yield LocalExecutor(jobs)
        return
    kind, _, address = on.partition(":")
    if kind != "dask" or not address:
        raise CallError(f"--on {on} names no place to work", fix=f"write {FORMS}")
    try:
        import distributed  # noqa: F401  (whether it is there)
    except ImportError:
        raise CallError("--on dask needs the package distributed", fix="pip install 'ckseq[cluster]'") from None
    with _started(jobs) if address == _LOCAL else _connected(address) as executor:
        _describe(executor, address, console)
        yield executor


@contextmanager
def _started(jobs: int) -> Iterator[ClusterExecutor]:
    """Start a scheduler here and a worker process for each job, on the loopback interface."""
    import dask
    import distributed

    from ckseq.executors.cluster import ClusterExecutor, quiet

    quiet()
    n_workers = (os.cpu_count() or 1) if jobs < 0 else max(1, jobs)
    # a second death is proof enough that a unit is to be run alone
    settings = {"distributed.scheduler.allowed-failures": 1, "distributed.worker.profile.enabled": False}
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            memory_limit=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield ClusterExecutor(client)


@contextmanager
def _connected(address: str) -> Iterator[ClusterExecutor]:
    import distributed

    from ckseq.executors.cluster import PATIENCE_S, ClusterExecutor, quiet

    quiet()
    if address.endswith(".json"):
        if not Path(address).is_file():
            raise CallError("there is no such file", address, "name that of 'dask scheduler --scheduler-file'")
        where = {"scheduler_file": address}
    elif "://" in address:
        where = {"address": address}
    else:
        raise CallError(f"--on dask:{address} names no scheduler", fix=f"write {FORMS}")
    try:
        distributed.Client(**where, timeout=_CONNECT_S, set_as_default=False).close()
    except (OSError, ValueError) as error:
        what = str(error).partition("\n")[0] or "nobody answers"
        raise CallError(f"no scheduler answers: {what}", address, "start one with 'dask scheduler'") from None
    # one that has answered may be started again, for which there is more time
    with distributed.Client(**where, timeout=PATIENCE_S, set_as_default=False) as client:
        yield ClusterExecutor(client)


def _describe(executor: ClusterExecutor, address: str, console: Console) -> None:
    workers = executor.workers
    gpus = sum(one.get("resources", {}).get("GPU", 0) > 0 for one in workers.values())
    with_gpu = f", {gpus} of them with a GPU" if gpus else ""
    console.say(f"dask:{address}: {counted(len(workers), 'worker')}{with_gpu}; dashboard: {executor.dashboard}")
    if any(one["nthreads"] > 1 for one in workers.values()):
        console.warn("a worker runs one unit at a time, and its other threads wait: start it with --nthreads 1")
    if any(one["memory_limit"] for one in workers.values()):
        console.warn("workers with a memory limit are ended when they reach it: start them with --memory-limit 0")
