import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from ckseq.workers import spread


def twice(number):
    return 2 * number


def fail(number):
    if number == 3:
        raise ValueError("three")
    return number


@pytest.mark.parametrize("n_workers", [1, 2])
def test_results_come_in_order_or_as_they_are_ready(n_workers):
    calls = [(number,) for number in range(20)]
    assert list(spread(twice, calls, n_workers=n_workers)) == [2 * number for number in range(20)]
    assert sorted(spread(twice, calls, n_workers=n_workers, in_order=False)) == [2 * number for number in range(20)]


def test_an_error_of_a_call_reaches_the_caller():
    with pytest.raises(ValueError, match="three"):
        list(spread(fail, [(number,) for number in range(8)], n_workers=2))


def test_who_stops_listening_early_reads_no_warning(recwarn):
    results = spread(twice, [(number,) for number in range(40)], n_workers=2)
    assert next(results) == 0
    results.close()
    assert [str(one.message) for one in recwarn.list] == []


CALLER = """
import signal, sys, time
from ckseq.workers import spread
# a shell has what it runs in the background ignore Ctrl-C, and these tests may be that
signal.signal(signal.SIGINT, signal.default_int_handler)
def main():
    for name in spread(time.sleep, [(60,)] * 2, n_workers=2):
        pass
print("begun", flush=True)
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_worker_outlives_its_caller_and_ctrl_c_prints_no_traceback_of_a_worker(number):
    process = subprocess.Popen(
        [sys.executable, "-c", CALLER],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    process.stdout.readline()
    workers, end = [], time.monotonic() + 60
    while len(workers) < 2 and time.monotonic() < end:
        children = psutil.Process(process.pid).children(recursive=True)
        workers = [child for child in children if "loky" in " ".join(child.cmdline())]
        time.sleep(0.05)
    time.sleep(1.5)  # until they are at work
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    _, said = process.communicate(timeout=30)
    _, alive = psutil.wait_procs(workers, timeout=10)
    for one in alive:
        one.kill()
    assert alive == []
    assert said.count("Traceback") <= 1, said  # the caller's own
