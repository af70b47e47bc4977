"""The page of ``ckseq live``, served by a process of its own."""

import re
import signal
import subprocess
import sys
from contextlib import contextmanager


@contextmanager
def page_of(run):
    """Serve the page as a person starts it, on a free port, and stop it with Ctrl-C; give its address and process."""
    words = [sys.executable, "-m", "ckseq", "live", str(run), "--port", "0"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        lines = iter(process.stdout.readline, "")
        yield next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line))), process
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")
        assert "stopped; nothing was saved" in out
