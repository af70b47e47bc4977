import os
import threading

import pytest

from ckseq.redirect import stderr_to_devnull


def test_native_output_is_dropped_and_exceptions_pass(capfd):
    with pytest.raises(OSError, match="Bad file descriptor"), stderr_to_devnull():
        os.write(2, b"dropped") and os.write(999, b"raises")
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"


def test_threads_that_overlap_restore_the_stream_once(capfd):
    inside, leave = threading.Barrier(2), threading.Event()

    def hold():
        with stderr_to_devnull():
            inside.wait()
            leave.wait()

    thread = threading.Thread(target=hold)
    with stderr_to_devnull():
        thread.start()
        inside.wait()
    os.write(2, b"still dropped")
    leave.set()
    thread.join()
    os.write(2, b"shown")
    assert capfd.readouterr().err == "shown"
