"""The workers of a Dask cluster: futures, a bounded number at once, none lost with a worker or the scheduler.

The scheduler blames a worker's death on every task that the worker held, so a unit blamed for too many deaths is run
once more, alone: only what kills its workers then ends as an error.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import distributed
from distributed.comm.core import CommClosedError

import ckseq
from ckseq.errors import CallError, CkseqError
from ckseq.executors.work import Done, Outcome, Unit, call

T = TypeVar("T")
GPU = "GPU"
# of exceptions, such as those of a shared file system that hiccups; deaths are counted by the scheduler
_RETRIES = 2
_TICK_S = 0.5
_INFO_S = 2.0
# units beyond those at work: one waits at each worker, one at the scheduler
_AHEAD = 3
PATIENCE_S = 300.0

# what befalls a future whose scheduler is gone
_LOST = (distributed.CancelledError, CommClosedError, TimeoutError)
_alone = threading.Lock()


class ClusterExecutor:
    """Runs units on the workers of a Dask scheduler.

    Parameters
    ----------
    client : distributed.Client
        Connected; whoever made it closes it.
    patience_s : float
        How long to wait for workers, or for a lost scheduler, in seconds.
    """

    remote = True

    def __init__(self, client: distributed.Client, *, patience_s: float = PATIENCE_S) -> None:
        self._client = client
        self._address = str(client.scheduler_info(n_workers=0)["address"])
        self._patience_s = patience_s
        self._asked = -_INFO_S
        self._workers: dict[str, dict[str, Any]] = {}
        self._seen = time.monotonic()

    @property
    def n_workers(self) -> int:
        """The number of workers that the scheduler knew a moment ago."""
        return len(self._known())

    @property
    def workers(self) -> dict[str, dict[str, Any]]:
        """What the scheduler knows of each worker, by address."""
        return self._known()

    @property
    def dashboard(self) -> str:
        """The address of the scheduler's page."""
        return str(self._client.dashboard_link)

    def run(
        self, function: Callable[..., T], units: Iterable[Unit], *, prefers_gpu: bool = False
    ) -> Iterator[Outcome[T]]:
        """Call a function for every unit, see `ckseq.executors.work.Executor`."""
        blamed: list[Unit] = []
        yield from self._run(function, iter(units), prefers_gpu, blamed, at_once=None)
        for unit in blamed:
            guilty: list[Unit] = []
            yield from self._run(function, iter([unit]), prefers_gpu, guilty, at_once=1)
            if guilty:
                what = "every worker that ran it ended: killed, out of memory, or crashed in a library"
                yield Outcome(unit.name, None, what)

    def _run(
        self,
        function: Callable[..., T],
        units: Iterator[Unit],
        prefers_gpu: bool,
        blamed: list[Unit],
        *,
        at_once: int | None,
    ) -> Iterator[Outcome[T]]:
        completed: SimpleQueue[distributed.Future] = SimpleQueue()
        running: dict[Any, tuple[Unit, distributed.Future]] = {}
        lost: deque[Unit] = deque()
        try:
            while True:
                if self._client.status == "running":
                    most = at_once or _AHEAD * max(1, self.n_workers)
                    while len(running) < most and (unit := lost.popleft() if lost else next(units, None)) is not None:
                        try:
                            future = self._submit(function, unit, prefers_gpu)
                        except _LOST:
                            lost.append(unit)
                            break
                        running[future.key] = unit, future
                        future.add_done_callback(completed.put)
                if not running and not lost:
                    return
                for future in self._next(completed):
                    unit, _ = running.pop(future.key)
                    done = self._result(future, unit, lost, blamed)
                    if done is not None:
                        yield Outcome(unit.name, done)
        finally:
            # of somebody who stops listening before the end
            if running and self._client.status == "running":
                self._client.cancel([future for _, future in running.values()], force=True)

    def _submit(self, function: Callable[..., T], unit: Unit, prefers_gpu: bool) -> distributed.Future:
        have = [address for address, one in self._known().items() if one.get("resources", {}).get(GPU, 0) > 0]
        others = [address for address in self._known() if address not in have]
        where: dict[str, Any] = {}
        if have and prefers_gpu:
            where = {"resources": {GPU: 1}}
        elif have and others:
            where = {"workers": others, "allow_other_workers": True}
        return self._client.submit(
            _call, function, unit.arguments, ckseq.__version__, pure=False, retries=_RETRIES, **where
        )

    def _next(self, completed: SimpleQueue[distributed.Future]) -> list[distributed.Future]:
        """Return what has ended, after waiting for a moment at most."""
        found: list[distributed.Future] = []
        try:
            found.append(completed.get(timeout=_TICK_S))
            while True:
                found.append(completed.get_nowait())
        except Empty:
            self._check()
        return found

    def _result(
        self, future: distributed.Future, unit: Unit, lost: deque[Unit], blamed: list[Unit]
    ) -> Done[Any] | None:
        """Return the value of a future that has ended; None of what is to be run again."""
        try:
            done: Done[Any] = future.result(timeout=self._patience_s)
        except distributed.KilledWorker:
            blamed.append(unit)
        except _LOST:
            if future.status == "error":  # of the unit's own
                raise
            lost.append(unit)
        except RuntimeError as error:  # what is sent is read by the scheduler first, which wraps what it raises
            if isinstance(error.__cause__, CkseqError):
                raise error.__cause__ from None
            raise
        else:
            return done
        return None

    def _known(self) -> dict[str, dict[str, Any]]:
        now = time.monotonic()
        if now - self._asked >= _INFO_S and self._client.status == "running":
            self._asked = now
            try:
                self._workers = dict(self._client.scheduler_info(n_workers=-1)["workers"])
            except (OSError, CommClosedError):
                self._workers = {}
        return self._workers

    def _check(self) -> None:
        """Raise an error where the scheduler is gone for good, or all workers for too long."""
        if self._client.status in ("closing", "closed"):
            raise CkseqError(
                "the scheduler does not answer anymore; what is finished is kept",
                self._address,
                "start it and its workers, and run the same command again",
            )
        if self._known():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > self._patience_s and self._client.status == "running":
            raise CkseqError(
                f"the scheduler has had no worker for {self._patience_s:.0f} s; what is finished is kept",
                self._address,
                f"start some ('dask worker {self._address} --nthreads 1 --memory-limit 0') and run the command again",
            )


def _call(function: Callable[..., T], arguments: tuple[Any, ...], version: str) -> Done[T]:
    """Call a function on a worker; one at a time, whatever the number of its threads."""
    if version != ckseq.__version__:
        raise CallError(
            f"a worker has ckseq {ckseq.__version__}, and the command line {version}",
            fix="install the same version on all machines",
        )
    with _alone:
        return call(function, arguments)


def quiet() -> None:
    """Let the library say only what is an error; what concerns the user is said by ckseq itself."""
    for name in ("distributed", "distributed.nanny", "distributed.scheduler", "distributed.client", "tornado"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
