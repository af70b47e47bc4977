"""Files of data, which have to be regular: a FIFO, a socket or a device may hang whoever opens or reads it."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

# Windows has no O_NONBLOCK, and no FIFO among its files
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading bytes, at once.

    Raises
    ------
    OSError
        It cannot be opened, or is no regular file; ``strerror`` says which.
    """
    try:
        handle = os.open(path, _FLAGS)
    except ValueError as error:  # a null character in the path
        raise OSError(errno.EINVAL, str(error), str(path)) from None
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is a folder, a FIFO, a socket or a device, not a regular file", str(path))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def is_file(path: Path) -> bool:
    """Return whether there is a regular file; False also where the path is one that no file can have."""
    return os.path.isfile(path)  # noqa: PTH113 (Path.is_file raises where a name is too long)


def is_something(path: Path) -> bool:
    """Return whether there is anything of this name: a file, a folder, a FIFO, or a link that leads nowhere."""
    return os.path.lexists(path)


def is_folder(path: Path) -> bool:
    """Return whether there is a folder; False also where the path is one that no folder can have."""
    return os.path.isdir(path)  # noqa: PTH112 (as above)
