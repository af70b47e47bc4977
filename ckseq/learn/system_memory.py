"""How much memory this process may still take."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path


def used_bytes(proc: Path = Path("/proc")) -> int:
    """Return what this process holds in memory now; 0 where the system does not tell."""
    return _kilobytes(proc / "self" / "status", "VmRSS") or 0


def peak_bytes(proc: Path = Path("/proc")) -> int:
    """Return the most that this process has held in memory; 0 where the system does not tell."""
    return _kilobytes(proc / "self" / "status", "VmHWM") or 0


def free_bytes(proc: Path = Path("/proc"), cgroups: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how many bytes more this process may take: the least that system, control group and limits leave.

    Parameters
    ----------
    proc, cgroups : Path
        Where the kernel tells it.
    """
    left = [*_of_system(proc), *_of_groups(proc, cgroups), *_of_limits(proc)]
    return max(0, min(left))


def _of_system(proc: Path) -> Iterator[int]:
    available = _kilobytes(proc / "meminfo", "MemAvailable")
    yield os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if available is None else available


def _of_groups(proc: Path, cgroups: Path) -> Iterator[int]:
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


def _of_limits(proc: Path) -> Iterator[int]:
    for limit, held in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
        most, _ = resource.getrlimit(limit)
        if most != resource.RLIM_INFINITY:
            yield most - (_kilobytes(proc / "self" / "status", held) or 0)


def _file_cache(path: Path, name: str) -> int:
    # what the kernel gives back before it refuses
    return next((int(line.split()[1]) for line in _lines(path) if line.split()[0] == name), 0)


def _kilobytes(path: Path, name: str) -> int | None:
    return next((int(line.split()[1]) * 1024 for line in _lines(path) if line.startswith(f"{name}:")), None)


def _number(path: Path) -> int | None:
    text = "".join(_lines(path))
    return int(text) if text.isdecimal() else None  # "max" is no limit


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii").splitlines()
    except OSError:
        return []
