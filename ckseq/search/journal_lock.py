"""The lock of a journal file, which outlives neither a killed process nor a slow one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from optuna.storages.journal import JournalFileOpenLock

# a line is written in milliseconds; whoever holds the lock for so long was killed
_GRACE_S = 10


class JournalLock(JournalFileOpenLock):
    """A file that exists while a process writes; the next process removes one that a killed process left.

    Optuna's default, a symbolic link, is read through to the journal: at a relative path it dangles and is waited for
    without end, and of two processes that remove the same lock one fails.

    Parameters
    ----------
    path : str
        The journal.
    grace_s : int
        Seconds after which a lock that nobody renewed counts as left behind.
    """

    def __init__(self, path: str, grace_s: int = _GRACE_S) -> None:
        super().__init__(path, grace_period=grace_s)
        left = Path(f"{path}.lock")
        if left.is_symlink():  # of ckseq 0.1, which used the default
            left.unlink(missing_ok=True)

    def release(self) -> None:
        """Remove the lock, unless another process did, which took this one for dead."""
        with contextlib.suppress(RuntimeError):
            super().release()
