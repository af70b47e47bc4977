"""``ckseq cache``: where face crops are cached, how many, and fewer of them."""

from __future__ import annotations

from typing import Any

from ckseq.console import Console
from ckseq.grammar import counted
from ckseq.storage.cache import remove_entries, size_of
from ckseq.storage.cache_place import cache_folder, limit_gb, set_limit


def show(*, console: Console) -> dict[str, Any]:
    """Say where the cache is, how large it is, and how large it may become.

    Returns
    -------
    dict
        ``folder``, ``n_entries``, ``gigabytes`` (10**9 bytes), ``limit_gb``.
    """
    folder = cache_folder()
    n_entries, n_bytes = size_of(folder)
    limit = limit_gb(folder)
    may = f"at most {limit:g} GB" if limit else "turned off"
    console.say(f"{folder}: {counted(n_entries, 'entry', 'entries')}, {n_bytes / 1e9:.2f} GB; {may}")
    return {"folder": str(folder), "n_entries": n_entries, "gigabytes": n_bytes / 1e9, "limit_gb": limit}


def limit(gigabytes: float, *, console: Console) -> dict[str, Any]:
    """Set the size limit, remove what is beyond it, and show the rest as `show` does.

    Raises
    ------
    CallError
        Nothing can be written in the cache's folder.
    """
    set_limit(cache_folder(), gigabytes)
    return show(console=console)


def clear(*, console: Console) -> dict[str, Any]:
    """Remove all entries; returns ``folder`` and ``n_removed``."""
    folder = cache_folder()
    n_removed = remove_entries(folder)
    console.say(f"{folder}: {counted(n_removed, 'entry', 'entries')} removed")
    return {"folder": str(folder), "n_removed": n_removed}
