"""Units of work on a real cluster of two processes: none is lost, and the guilty one alone fails."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import distributed
import made_cluster
import pytest

import ckseq
from ckseq.errors import CallError, CkseqError
from ckseq.executors import cluster as executors_cluster
from ckseq.executors.choice import executor_for
from ckseq.executors.cluster import ClusterExecutor
from ckseq.executors.work import Unit

TESTS = Path(__file__).parents[1]


@pytest.fixture
def executor(cluster):
    return ClusterExecutor(made_cluster.ready(cluster), patience_s=60)


def results(executor, function, n, **more):
    units = (Unit(str(number), (number,)) for number in range(n))
    return {outcome.name: outcome for outcome in executor.run(function, units, **more)}


def test_every_unit_is_run_and_tells_where(executor):
    found = results(executor, made_cluster.square, 100)
    assert {name: outcome.done.value for name, outcome in found.items()} == {str(n): n * n for n in range(100)}
    assert len({outcome.done.worker for outcome in found.values()}) == 2
    assert all(outcome.done.worker.startswith(f"{socket.gethostname()}:") for outcome in found.values())
    assert executor.n_workers == 2


def test_a_unit_that_kills_its_workers_fails_alone(executor):
    found = results(executor, made_cluster.square_or_die, 20)
    assert {name for name, outcome in found.items() if outcome.done is None} == {"5"}
    assert "killed" in found["5"].error
    assert sum(outcome.done.value for outcome in found.values() if outcome.done) == sum(
        n * n for n in range(20) if n != 5
    )


def test_an_error_of_a_unit_reaches_the_caller_and_the_rest_is_abandoned(executor, cluster):
    with pytest.raises(ValueError, match="no 0"):
        results(executor, made_cluster.refuse, 1)
    outcomes = executor.run(made_cluster.slowly, (Unit(str(number), (number,)) for number in range(100)))
    next(outcomes)
    outcomes.close()
    end = time.monotonic() + 10
    while any(cluster.processing().values()) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(cluster.processing().values())


def test_units_that_prefer_a_gpu_go_where_one_is_and_the_others_elsewhere(executor, cluster):
    first, second = sorted(cluster.scheduler_info(n_workers=-1)["workers"])

    async def has(gpu, dask_worker):
        await dask_worker.set_resources(GPU=gpu)

    pids = cluster.run(os.getpid)
    cluster.run(has, 1, workers=[first])
    try:
        executor = ClusterExecutor(cluster)
        on_gpu = {one.done.value for one in results(executor, made_cluster.process_id, 6, prefers_gpu=True).values()}
        elsewhere = {one.done.value for one in results(executor, made_cluster.process_id, 6).values()}
    finally:
        cluster.run(has, 0, workers=[first])
    assert on_gpu == {pids[first]}
    assert elsewhere == {pids[second]}


def test_a_worker_of_another_version_is_refused(executor, monkeypatch):
    monkeypatch.setattr(executors_cluster.ckseq, "__version__", "99")
    with pytest.raises(CallError, match="and the command line 99; install the same version"):
        results(executor, made_cluster.square, 1)


def test_workers_that_do_not_come_end_the_work_with_what_to_do(console):
    with (
        distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        distributed.Client(empty, set_as_default=False) as client,
        pytest.raises(CkseqError, match="has had no worker for 1 s; what is finished is kept; start some"),
    ):
        results(ClusterExecutor(client, patience_s=1), made_cluster.square, 3)


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("here", "--on here names no place to work; write dask:tcp://HOST:8786"),
        ("dask:", "names no place to work"),
        ("dask:somewhere", "names no scheduler; write dask:tcp://"),
        ("dask:none.json", "none.json: there is no such file; name that of 'dask scheduler"),
    ],
)
def test_a_place_that_is_none(on, said, console):
    with pytest.raises(CallError, match=said), executor_for(on, jobs=1, console=console):
        pass


def test_a_scheduler_that_does_not_answer(console, monkeypatch):
    monkeypatch.setattr("ckseq.executors.choice._CONNECT_S", 0.5)
    with (
        pytest.raises(CallError, match="no scheduler answers"),
        executor_for("dask:tcp://127.0.0.1:9", jobs=1, console=console),
    ):
        pass


def test_without_the_package_the_extra_is_named(console, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with (
        pytest.raises(CallError, match=r"pip install 'ckseq\[cluster\]'"),
        executor_for("dask:local", jobs=1, console=console),
    ):
        pass


def test_a_scheduler_that_is_killed_and_started_again_loses_nothing(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, started = f"tcp://127.0.0.1:{port}", []

    def start(*words):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), str(Path(ckseq.__file__).parents[1])])}
        command = [sys.executable, "-m", "distributed.cli.dask_" + words[0], *words[1:]]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, cwd=tmp_path))
        return started[-1]

    def start_all():
        scheduler = start("scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
        return scheduler, start("worker", address, "--nthreads", "1", "--memory-limit", "0", "--no-nanny")

    try:
        before = start_all()
        with distributed.Client(address, timeout=60, set_as_default=False) as client:
            client.wait_for_workers(1)
            found = {}
            for outcome in ClusterExecutor(client).run(
                made_cluster.slowly, (Unit(str(number), (number,)) for number in range(20))
            ):
                found[outcome.name] = outcome
                if len(found) == 3:
                    for one in before:
                        one.kill()
                    start_all()
        assert {name: outcome.done.value for name, outcome in found.items()} == {str(n): n * n for n in range(20)}
        assert len({outcome.done.worker for outcome in found.values()}) == 2
    finally:
        for one in started:
            one.kill()
            one.wait()
