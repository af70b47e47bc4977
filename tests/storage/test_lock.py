import errno
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest

from ckseq.errors import CallError
from ckseq.storage.lock import locked

HOLD = """
import sys, time
from pathlib import Path
from ckseq.storage.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def held_elsewhere(target):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(target)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_process_is_refused_by_name_and_a_killed_one_leaves_no_lock(tmp_path):
    target = tmp_path / "deep" / "run"
    process = held_elsewhere(target)
    with pytest.raises(CallError, match=rf"is being written by process {process.pid} on .*; wait"), locked(target):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    with locked(target):
        assert re.fullmatch(rf"process {os.getpid()} on .+", (target.parent / ".run.lock").read_text())
    assert list(target.parent.iterdir()) == []


def test_it_is_released_after_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt), locked(tmp_path / "run"):
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def _count(folder, n, all_started):
    all_started.wait(60)
    done = 0
    while done < n:
        try:
            with locked(folder / "number"):
                number = int((folder / "number").read_text())
                (folder / "number").write_text(str(number + 1))
                done += 1
        except CallError:
            time.sleep(0.0002)


def test_four_processes_never_hold_it_at_once(tmp_path):
    (tmp_path / "number").write_text("0")
    context = multiprocessing.get_context("spawn")
    all_started = context.Barrier(4)
    processes = [context.Process(target=_count, args=(tmp_path, 20, all_started)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0] * 4
    assert (tmp_path / "number").read_text() == "80"


def test_of_a_killed_process_with_a_longer_name_nothing_is_left(tmp_path):
    (tmp_path / ".run.lock").write_text("process 4194304 on a-host-with-a-very-long-name.example.org and more of it")
    with locked(tmp_path / "run"):
        assert re.fullmatch(rf"process {os.getpid()} on {re.escape(socket.gethostname())}", _text(tmp_path))


def test_a_file_system_without_locks_is_no_other_process(tmp_path, monkeypatch):
    def no_locks(handle):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("ckseq.storage.lock._lock", no_locks)
    with pytest.raises(CallError, match="cannot be written: No locks available"), locked(tmp_path / "run"):
        pass


def _text(folder):
    return (folder / ".run.lock").read_text()
