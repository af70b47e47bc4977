"""Work spread over processes, which end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")
# how soon a worker notices that the process that started it has gone
_CHECK_S = 0.5
_watched: list[threading.Thread] = []


def spread(
    function: Callable[..., T], calls: Iterable[tuple[Any, ...]], *, n_workers: int, in_order: bool = True
) -> Iterator[T]:
    """Call a function with many arguments, on several processes, and yield the results.

    Workers never get Ctrl-C, which the caller gets, and are gone within a second after the caller is: by an exception,
    Ctrl-C, SIGTERM or SIGKILL.

    Parameters
    ----------
    function : callable
        Defined in a module.
    calls : iterable of tuple
        The positional arguments of each call; gone through as workers become free.
    n_workers : int
        -1 is one per core; with 1 the calls are made in this process, as they are in a process that may have none of
        its own, such as the worker of a cluster.
    in_order : bool
        Yield results in the order of the calls, not as they come.
    """
    if n_workers == 1 or multiprocessing.current_process().daemon:
        for arguments in calls:
            yield function(*arguments)
        return
    from joblib import Parallel, delayed

    pool = Parallel(
        n_jobs=n_workers,
        return_as="generator" if in_order else "generator_unordered",
        pre_dispatch="2*n_jobs",
    )
    with _interrupts_held():
        results = pool(delayed(_call)(os.getpid(), function, arguments) for arguments in calls)
    try:
        for result in results:  # noqa: UP028  ("yield from" would close them first)
            yield result
    finally:
        # ends the workers where somebody stops listening before the end; joblib would warn of what it cancels
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back for the moment in which workers are started, which inherit that for good."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend import resource_tracker as loky_tracker

    # these two are started together with the first worker, and would let Ctrl-C through again
    resource_tracker.ensure_running()
    loky_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _call(parent: int, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
    if parent != os.getpid() and not _watched:
        _watched.append(threading.Thread(target=_end_with, args=(parent,), daemon=True))
        _watched[0].start()
    return function(*arguments)


def _end_with(parent: int) -> None:
    while _is_alive(parent):
        time.sleep(_CHECK_S)
    os._exit(1)


def _is_alive(parent: int) -> bool:
    if os.name == "posix":
        return os.getppid() == parent  # an orphan gets another parent
    import psutil

    return psutil.pid_exists(parent)
