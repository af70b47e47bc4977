"""Starts commands of the command line by forking, from one process that has imported what takes long.

It reads a request as a line of JSON from its standard input and answers with another: ``{"start": [words], "log":
path, ...}`` with the process's number, ``{"poll": number}`` with its exit status or null. Every command is the leader
of a session of its own, by which its workers are found. It may be started with a limit on the size of its files, or
so that it sends itself a signal at its n-th operation on files of a folder.
"""

import atexit
import json
import os
import signal
import sys
from pathlib import Path

OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "shutil.rmtree"}


def main():
    import cv2  # noqa: F401
    import h5py  # noqa: F401
    import made_models
    import matplotlib.pyplot  # noqa: F401
    import sklearn.linear_model  # noqa: F401

    if "keras" in sys.argv:
        from ckseq.learn.backend import load_keras

        load_keras()
    answer("ready")
    for line in sys.stdin:
        request = json.loads(line)
        if "poll" in request:
            number, status = os.waitpid(request["poll"], os.WNOHANG)
            answer(os.waitstatus_to_exitcode(status) if number else None)
            continue
        number = os.fork()
        if number == 0:
            become(request)
            made_models.main()  # raises SystemExit, which leaves this loop
        answer(number)


def answer(value):
    print(json.dumps(value), flush=True)


def become(request):
    """Turn this process into one of its own, as a shell would have started it."""
    os.setsid()
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    null = os.open(os.devnull, os.O_RDONLY)
    for handle, number in ((null, 0), (log, 1), (log, 2)):
        os.dup2(handle, number)
    if request["limit"] is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (request["limit"], request["limit"]))
    if request["below"] is not None:
        count_operations(request["below"], request["at"], request["signal"], Path(request["log"]).with_suffix(".count"))
    sys.argv = ["ckseq", *request["start"]]


def count_operations(below, at, number, report):
    """Count the operations on files of a folder; send this process, or its group, a signal at the one asked for."""
    count, me = 0, os.getpid()

    def hook(event, arguments):
        nonlocal count
        if event not in OPERATIONS or os.getpid() != me or not str(arguments[0]).startswith(below):
            return
        count += 1
        if count == at:
            (os.killpg if number == signal.SIGINT else os.kill)(me, number)

    sys.addaudithook(hook)
    atexit.register(lambda: report.write_text(str(count)) if os.getpid() == me else None)


if __name__ == "__main__":
    main()
