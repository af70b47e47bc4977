"""A lock on what a command writes: one process at a time, and none left behind by a process that was killed."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ckseq.errors import CallError


@contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the lock of a file or folder that is about to be written; it need not exist yet.

    The lock is the operating system's, on ``.NAME.lock`` beside the target: it ends with the process, however that
    ends, and the next process removes the file. (The well-known lock packages leave their files behind.)

    Raises
    ------
    CallError
        Another process holds it (the message names that process and its machine), or nothing can be written there.
    """
    path = lock_file(target)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = _acquire(path, target)
    except OSError as error:
        raise CallError(f"cannot be written: {error.strerror}", target, "name a place where you may write") from None
    try:
        os.ftruncate(handle, 0)  # a process that was killed left its name
        os.write(handle, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        # removed while it is held: who has opened it meanwhile notices, and makes another
        with suppress(OSError):
            path.unlink()
        os.close(handle)


def lock_file(target: Path) -> Path:
    """Return the file that is there while a target is locked, and after a process that was killed meanwhile."""
    return target.with_name(f".{target.name}.lock")


def _acquire(path: Path, target: Path) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle)
            if os.path.samestat(os.fstat(handle), path.stat()):
                return handle
        except FileNotFoundError:
            pass  # its last holder removed it meanwhile
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
                os.close(handle)
                raise  # as where a file system has no locks
            holder = os.read(handle, 200).decode(errors="replace") or "another process"
            os.close(handle)
            what = f"is being written by {holder}"
            raise CallError(what, target, "wait until it ends, or choose another target") from None
        os.close(handle)


def _lock(handle: int) -> None:
    """Lock an open file for this process alone, or raise OSError at once."""
    if os.name == "posix":
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    else:
        import msvcrt

        # far behind the text, which others may then read
        os.lseek(handle, 2**30, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        os.lseek(handle, 0, os.SEEK_SET)
