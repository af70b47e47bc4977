"""Where the cache that all commands share is, and how large it may become."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from ckseq.defaults import SHARED_CACHE_GB
from ckseq.errors import CallError, DataError
from ckseq.storage.cache import ENTRIES, Cache, trim
from ckseq.storage.files import write_text

PLACE = "CKSEQ_CACHE"
"""An environment variable that names another folder."""
_LIMIT = "limit_gb"


def shared_cache() -> Cache | None:
    """Return the cache that all commands share; None where its limit is 0.

    It is in the folder that the environment variable `PLACE` names, or else in the platform's folder for caches.
    """
    folder = cache_folder()
    limit = limit_gb(folder)
    return Cache(folder, int(limit * 1e9)) if limit else None


def cache_folder() -> Path:
    """Return the folder of the shared cache, which need not exist."""
    named = os.environ.get(PLACE)
    return Path(named).expanduser() if named else user_cache_path("ckseq", appauthor=False)


def limit_gb(folder: Path) -> float:
    """Return the size limit of the cache in a folder, gigabytes (10**9 bytes)."""
    try:
        limit = float((folder / _LIMIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return SHARED_CACHE_GB
    return limit if 0 <= limit < float("inf") else SHARED_CACHE_GB


def set_limit(folder: Path, gigabytes: float) -> None:
    """Set the size limit of the cache in a folder, and remove the least recently used entries beyond it.

    Raises
    ------
    CallError
        Nothing can be written there.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_text(folder / _LIMIT, f"{gigabytes:g}\n")
    except (OSError, DataError) as error:
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise CallError(f"the limit cannot be kept: {what}", folder, f"name another folder by {PLACE}") from None
    trim(folder, int(gigabytes * 1e9), ENTRIES)
