"""A Dask cluster of two processes on loopback, on whose workers some recordings are deadly; and functions to run there.

The workers load this file when they start (``preload``).
"""

import os
import resource
import signal
import time
from contextlib import contextmanager
from pathlib import Path

import dask
import distributed
import made_models

from ckseq import registry
from ckseq.preprocessing import one_recording

DEADLY, ONCE = "deadly", "once"
_run_stages = one_recording.run_stages


def dask_setup(worker):
    one_recording.run_stages = run_stages
    registry.load = made_models.load


def run_stages(frames, *rest, **more):
    """Prepare a recording; the process is killed by one of a name, and by one of another name the first time."""
    folders = [Path(name).parent for name in frames.names]
    if any(DEADLY in folder.name for folder in folders):
        kill_this_process()
    mark = Path(f"{folders[0]}.killed")
    if ONCE in folders[0].name and not mark.exists():
        mark.touch()
        kill_this_process()
    return _run_stages(frames, *rest, **more)


def kill_this_process():
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def cluster():
    """Start a scheduler and two worker processes, in the way of ``--on dask:local``."""
    settings = {
        "distributed.scheduler.allowed-failures": 1,
        "distributed.scheduler.work-stealing": False,
        # it stays until the last test has ended, and would take a tenth of a core for looking at itself
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "2s",
        "distributed.admin.system-monitor.interval": "5s",
    }
    with (
        dask.config.set(settings),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            silence_logs=50,
            preload=[__file__],
        ) as started,
    ):
        yield started


def ready(client):
    """Wait until both workers are there, after a test that killed some."""
    try:
        client.wait_for_workers(2, timeout=30)
    except TimeoutError:  # a nanny that gave up
        client.cluster.scale(2)
        client.wait_for_workers(2, timeout=60)
    return client


def square(number):
    return number * number


def square_or_die(number):
    if number == 5:
        kill_this_process()
    time.sleep(0.02)
    return number * number


def slowly(number):
    time.sleep(0.2)
    return number * number


def refuse(number):
    raise ValueError(f"no {number}")


def process_id(_):
    time.sleep(0.1)
    return os.getpid()


def limit_files(n_bytes):
    """Let no file of this process grow beyond a size, -1 for any: like a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
