"""How much memory this process holds and may still allocate.

psutil reads the process and the system on Linux, macOS and Windows. It knows neither control groups nor the limits of
a process, so these are read here.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil


def used_bytes() -> int:
    """Return the resident memory of this process, in bytes."""
    return int(psutil.Process().memory_info().rss)


def peak_bytes(proc: Path = Path("/proc")) -> int:
    """Return the largest resident memory that this process ever had, in bytes; 0 where the system does not report it.

    Parameters
    ----------
    proc : Path
        Linux's process file system. `getrusage` is not used there: a new process inherits the peak of its parent.
    """
    peak = getattr(psutil.Process().memory_info(), "peak_wset", None)  # Windows only
    if peak is not None:
        return int(peak)
    lines = _lines(proc / "self" / "status")
    if lines:
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return 0
    largest = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return largest if sys.platform == "darwin" else largest * 1024


def free_bytes(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many more bytes this process may allocate: the minimum over system, control groups and limits.

    Parameters
    ----------
    proc, cgroups : Path
        Where Linux lists the control groups of this process and their limits; elsewhere there are none.
    """
    left = [int(psutil.virtual_memory().available), *_left_by_groups(proc, cgroups), *_left_by_limits()]
    return max(0, min(left))


def _left_by_groups(proc: Path, cgroups: Path) -> Iterator[int]:
    """Yield what every control group above this process leaves, of version 1 and of version 2."""
    for line in _lines(proc / "self" / "cgroup"):
        _, controllers, place = line.split(":", 2)
        if controllers == "":
            root, most, taken, cache = cgroups, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, most, taken = cgroups / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cache = "total_inactive_file"
        else:
            continue
        folder = root / place.lstrip("/")
        # in a container the group's own folder may stand at the root
        for group in dict.fromkeys([folder, *folder.parents]):
            if group == root or root in group.parents:
                limit, usage = _number(group / most), _number(group / taken)
                if limit is not None and usage is not None:
                    yield limit - usage + _file_cache(group / "memory.stat", cache)


def _left_by_limits() -> Iterator[int]:
    """Yield what the limits of this process leave; nothing where the system has none (Windows)."""
    try:
        resource = importlib.import_module("resource")
    except ImportError:
        return
    held = psutil.Process().memory_info()
    for name, used in (("RLIMIT_AS", held.vms), ("RLIMIT_DATA", getattr(held, "data", 0))):
        limit, _ = resource.getrlimit(getattr(resource, name))
        if limit != resource.RLIM_INFINITY:
            yield limit - used


def _file_cache(path: Path, name: str) -> int:
    # what the kernel gives back before it refuses
    return next((int(line.split()[1]) for line in _lines(path) if line.split()[0] == name), 0)


def _number(path: Path) -> int | None:
    text = "".join(_lines(path))
    return int(text) if text.isdecimal() else None  # "max" is no limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
